// `fcgi-lb serve`: runs the program until a signal ends it.

import { live } from '../app/lifecycle.ts';
import type { Settings } from '../config/settings.ts';
import type { HeldSignals } from './held-signals.ts';

/**
 * @param load reads the settings, as they are now; called again for each reload
 * @param signals that came since the process began
 * @returns the exit code, once the program has ended
 */
export async function serve(load: () => Settings, version: string, signals: HeldSignals): Promise<0 | 1> {
  const end = await live(load, version, { actBy: (actions) => signals.actBy(actions), untilStopped });
  return end === 'finished' ? 0 : 1;
}

/**
 * Resolves at the first signal to stop, with a function that takes what the second one is to do.
 */
function untilStopped(): Promise<(onSecond: () => void) => void> {
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
