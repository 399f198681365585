// `fcgi-lb serve`: runs the program until a signal ends it.

import { openLogs } from '../app/logging.ts';
import { Program } from '../app/program.ts';
import { Reloader } from '../app/reloader.ts';
import { ConfigFileError } from '../config/file/problem.ts';
import type { Settings } from '../config/settings.ts';
import { systemClock } from '../core/clock.ts';
import { asError } from '../core/errors.ts';

/**
 * @param load reads the settings, as they are now; called again for each reload
 * @returns the exit code, once the program has ended
 */
export async function serve(load: () => Settings, version: string): Promise<number> {
  const settings = load();
  const logs = openLogs(settings, systemClock);
  const program = new Program(settings, version, systemClock, logs);
  const reloader = new Reloader(program, load, logs.log, () => systemClock.date());
  const signalled = untilSignal({ reopen: () => logs.reopen(), reload: () => void reloader.reload('signal HUP') });
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
function untilSignal(on: { readonly reopen: () => void; readonly reload: () => void }): Promise<(onSecond: () => void) => void> {
  process.on('SIGUSR1', on.reopen);
  process.on('SIGHUP', on.reload);
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
