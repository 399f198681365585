// Starts a real FastCGI program for one test: waits until its socket accepts, and ends it, by its
// process id, with the test.

import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { onTestFinished } from 'vitest';

export interface LaunchOptions {
  /** The unix socket that must accept connections before the program counts as started. */
  readonly socket: string;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /**
   * A file in which the program's children write their process ids, a line each, when ending the
   * program may leave them.
   */
  readonly pidFile?: string;
}

export interface Launched {
  readonly pid: number;
  readonly socket: string;
  /** What it has written to its standard output and error. */
  readonly output: () => string;
  /**
   * Ends it with SIGTERM, or SIGKILL when that is not enough; otherwise that happens at the end of
   * the test.
   */
  stop(): Promise<void>;
}

/** ms for a program to accept connections; generous, since machines that run tests are busy. */
const START_LIMIT = 15_000;
/** ms between SIGTERM and SIGKILL. */
const PATIENCE = 1500;

/** @throws Error with the program's output when it ends, or its socket does not accept in time */
export async function launch(command: string, words: readonly string[], options: LaunchOptions): Promise<Launched> {
  const { socket, cwd, pidFile } = options;
  const child = spawn(command, words, { cwd, env: { ...process.env, ...options.env }, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  const keep = (chunk: Buffer): void => {
    output = (output + chunk.toString('latin1')).slice(-10_000);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  let ended = false;
  const end = new Promise<void>((resolve) => {
    child.once('error', (error) => {
      keep(Buffer.from(error.message));
      ended = true;
      resolve();
    });
    child.once('exit', () => {
      ended = true;
      resolve();
    });
  });
  let stopped: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopped ??= (async () => {
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), PATIENCE);
      await end;
      clearTimeout(timer);
      if (pidFile !== undefined) for (const pid of pidsIn(pidFile)) killProcess(pid);
    })();
    return stopped;
  };
  onTestFinished(stop);
  const deadline = Date.now() + START_LIMIT;
  while (!(await accepts(socket))) {
    if (ended || Date.now() > deadline) throw new Error(`${command} does not accept on ${socket}; it said: ${output}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return { pid: child.pid ?? 0, socket, output: () => output, stop };
}

/** Ends a process at once; it may have ended already. */
export function killProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

function pidsIn(path: string): readonly number[] {
  try {
    return readFileSync(path, 'utf8').split('\n').filter(Boolean).map(Number);
  } catch {
    // The program never came so far as to start a child.
    return [];
  }
}

function accepts(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
