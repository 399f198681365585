// Waits for a condition that nothing announces, with a bound that only a hang would reach.

import { vi } from 'vitest';

/**
 * Waits until a number has not changed for so long that whatever changes it must be held up, and
 * returns it.
 */
export async function settled(read: () => number): Promise<number> {
  let last = Number.NaN;
  let same = 0;
  await eventually(() => {
    const now = read();
    same = now === last ? same + 1 : 0;
    last = now;
    if (same < 60) throw new Error(`still changing: ${now}`);
  });
  return last;
}

/** Calls `check` until it no longer throws. */
export function eventually(check: () => void | Promise<void>): Promise<void> {
  return vi.waitFor(check, { timeout: 15_000, interval: 3 });
}
