// `fcgi-lb serve`: runs the program until a signal ends it.

import { openLogs } from '../app/logging.ts';
import { Program } from '../app/program.ts';
import { ConfigFileError } from '../config/file/problem.ts';
import type { Settings } from '../config/settings.ts';
import { systemClock } from '../core/clock.ts';
import { asError } from '../core/errors.ts';

/** @returns the exit code, once the program has ended */
export async function serve(settings: Settings, version: string): Promise<number> {
  const logs = openLogs(settings, systemClock);
  const program = new Program(settings, version, systemClock, logs);
  const signalled = untilSignal(() => logs.reopen());
  try {
    await program.start();
  } catch (error) {
    program.destroy();
    throw error;
  }
  const second = await signalled;
  second(() => {
    logs.log.warn({}, 'second signal: ending at once');
    program.destroy();
    logs.flush();
    process.exit(1);
  });
  await program.stop();
  logs.flush();
  return 0;
}

/** Resolves at the first signal to stop; what it resolves with takes what the second one is to do. */
function untilSignal(reopen: () => void): Promise<(onSecond: () => void) => void> {
  process.on('SIGUSR1', reopen);
  // There is nothing to reload yet, and a stray HUP (a closed terminal, a habit) must not end a server.
  process.on('SIGHUP', () => undefined);
  // Writing to a closed pipe is an error of that write, not the end of the program.
  process.on('SIGPIPE', () => undefined);
  return new Promise((resolve) => {
    let count = 0;
    let onSecond: () => void = () => undefined;
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGQUIT'] as const) {
      process.on(signal, () => {
        count += 1;
        if (count > 1) onSecond();
        else
          resolve((action) => {
            onSecond = action;
          });
      });
    }
  });
}

/** The message of an error that ends the program, for the operator. */
export function fatalMessage(error: unknown): string {
  // One line a problem, each beginning with its place, as editors and terminals know how to open it.
  if (error instanceof ConfigFileError) return `${error.message}\n`;
  return `fcgi-lb: ${asError(error).message}\n`;
}
