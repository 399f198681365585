// The built program as a process of its own, for what only a process shows: signals, exit codes, standard streams.

import { execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const MAIN = `${ROOT}dist/cli/main.js`;

/** `npm test` has built the program already; a single file run by hand may find nothing. */
export function buildIfMissing(): void {
  if (!existsSync(MAIN)) execFileSync('npm', ['run', '--silent', 'build'], { cwd: ROOT, stdio: 'inherit' });
}

export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface CliProcess {
  readonly kill: (signal: NodeJS.Signals) => void;
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** Resolves when standard error holds `text`; fails when the program ends before. */
  says(text: string): Promise<void>;
  /** Closes our end of its standard output. */
  dropStdout(): void;
  readonly ended: Promise<Ending>;
}

/**
 * Starts `fcgi-lb WORDS...`; it is killed at the end of the test if it still runs.
 * @param env added to the environment
 */
export function startCli(words: readonly string[], env: Readonly<Record<string, string>> = {}): CliProcess {
  const child = spawn(process.execPath, [MAIN, ...words], { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
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
    await ended;
  });
  return {
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
