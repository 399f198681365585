// The built program as a process of its own, for what only a process shows: signals, exit codes,
// standard streams.

import { execFileSync, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

export const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
export const MAIN = `${ROOT}dist/cli/main.js`;

/** `npm test` has built the program already; a single file run by hand may find nothing. */
export function buildIfMissing(): void {
  if (!existsSync(MAIN)) execFileSync('npm', ['run', '--silent', 'build'], { cwd: ROOT, stdio: 'inherit' });
}

export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface CliProcess {
  readonly pid: number;
  readonly kill: (signal: NodeJS.Signals) => void;
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** Resolves when standard error holds `text`; fails when the program ends before. */
  says(text: string): Promise<void>;
  /** Closes our end of its standard output. */
  dropStdout(): void;
  /**
   * Resolves when it has ended and nobody writes to its standard streams any more: a successor
   * does.
   */
  readonly ended: Promise<Ending>;
}

/** What stands before `fcgi-lb`: another program that runs it, and options of node. */
export interface Before {
  readonly program?: readonly string[];
  readonly node?: readonly string[];
}

/**
 * Starts `fcgi-lb WORDS...`; it is killed at the end of the test if it still runs.
 * @param env added to the environment
 */
export function startCli(
  words: readonly string[],
  env: Readonly<Record<string, string>> = {},
  { program: runner = [], node = [] }: Before = {},
): CliProcess {
  const [program = process.execPath, ...args] = [...runner, process.execPath, ...node, MAIN, ...words];
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
  let stdout = '';
  let stderr = '';
  let over = false;
  let watchers: Array<() => void> = [];
  const changed = (): void => {
    const waiting = watchers;
    watchers = [];
    for (const watcher of waiting) watcher();
  };
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
    changed();
  });
  const ended = new Promise<Ending>((resolve) => {
    child.once('close', (code, signal) => {
      over = true;
      changed();
      resolve({ code, signal });
    });
  });
  onTestFinished(async () => {
    child.kill('SIGKILL');
    endSuccessors(stderr);
    await ended;
  });
  return {
    pid: child.pid ?? 0,
    kill: (signal) => void child.kill(signal),
    stdout: () => stdout,
    stderr: () => stderr,
    says: async (text) => {
      while (!stderr.includes(text)) {
        if (over) throw new Error(`the program ended without saying '${text}'; it said: ${stderr}`);
        await new Promise<void>((resolve) => watchers.push(resolve));
      }
    },
    dropStdout: () => void child.stdout.destroy(),
    ended,
  };
}

/**
 * Ends those whom the log names as successors: they are nobody's children that the test has a
 * handle of.
 */
function endSuccessors(log: string): void {
  for (const [, pid] of log.matchAll(/"successor":(\d+)/g)) {
    // A number may have gone to another process since.
    if (commandLine(Number(pid)).includes(MAIN)) process.kill(Number(pid), 'SIGKILL');
  }
}

/** The words of a running process; empty when there is none. */
export function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}
