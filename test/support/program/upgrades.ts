// Who serves, when one process has succeeded another: what the log of the program says of it.

import { expect } from 'vitest';
import { eventually } from '../eventually.ts';
import { type CliProcess, commandLine, MAIN } from './cli-process.ts';

/** The pids of all successors that the log names, in order. */
export function successors(cli: CliProcess): number[] {
  return [...cli.stderr().matchAll(/"successor":(\d+),"msg":"process/g)].map(([, pid]) => Number(pid));
}

/** The pid that serves now. */
export function current(cli: CliProcess): number {
  return successors(cli).at(-1) ?? cli.pid;
}

export function runs(pid: number): boolean {
  return commandLine(pid).includes(MAIN);
}

/** Sends USR2 to the process that serves, and waits until another has taken over. */
export async function upgrade(cli: CliProcess): Promise<void> {
  const before = successors(cli).length;
  process.kill(current(cli), 'SIGUSR2');
  await eventually(() => expect(successors(cli).length).toBe(before + 1));
  // From here on it may have a successor itself.
  await cli.says(`"pid":${current(cli)},"msg":"took over`);
}

/** Ends whoever serves, and waits for everybody to be gone. */
export async function stopAll(cli: CliProcess): Promise<void> {
  process.kill(current(cli), 'SIGTERM');
  await cli.ended;
}
