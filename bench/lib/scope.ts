// What a benchmark has started or created, so that all of it is ended and removed on every path,
// Ctrl-C included.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';

export interface Command {
  readonly program: string;
  readonly words: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export interface Running {
  readonly pid: number;
  readonly child: ChildProcess;
  /** What it wrote to standard error, the last few kilobytes of it. */
  readonly stderr: () => string;
}

/** ms that a program gets to end by itself after SIGTERM. */
const PATIENCE = 2000;
const KEPT_STDERR = 8192;

/** Invariant: after `close` nothing that was started runs and nothing can be started any more. */
export class Scope {
  readonly #endings: Array<() => void | Promise<void>> = [];
  #closing: Promise<void> | undefined;

  /** True once `close` was called: what fails from then on fails because of it. */
  get closing(): boolean {
    return this.#closing !== undefined;
  }

  /** @param ending is called by `close`; the last one added runs first */
  defer(ending: () => void | Promise<void>): void {
    if (this.#closing !== undefined) throw new Error('the benchmark is ending');
    this.#endings.push(ending);
  }

  /** A directory that is removed at the end; its path is short enough for unix sockets in it. */
  directory(): string {
    const path = mkdtempSync(join('/tmp', 'flb-'));
    this.defer(() => rmSync(path, { recursive: true, force: true }));
    return path;
  }

  /** @throws Error when the program cannot be started */
  async start({ program, words, env }: Command): Promise<Running> {
    if (this.#closing !== undefined) throw new Error('the benchmark is ending');
    const child = spawn(program, [...words], { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
    this.defer(() => endProcess(child));
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => {
      stderr = (stderr + chunk.toString()).slice(-KEPT_STDERR);
    });
    // Nobody may read it, and a full pipe would stop the program.
    child.stdout.resume();
    await once(child, 'spawn');
    return { pid: child.pid ?? 0, child, stderr: () => stderr };
  }

  /** Ends one program before the rest. */
  async end(running: Running): Promise<void> {
    await endProcess(running.child);
  }

  /** Ends and removes everything, in reverse order. May be called again. */
  close(): Promise<void> {
    this.#closing ??= this.#closeAll();
    return this.#closing;
  }

  async #closeAll(): Promise<void> {
    for (const ending of this.#endings.reverse()) {
      try {
        await ending();
      } catch (error) {
        console.error(`while cleaning up: ${String(error)}`);
      }
    }
  }
}

async function endProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), PATIENCE);
  await exited;
  clearTimeout(timer);
}
