// Waits for a condition that nothing announces, with a bound that only a hang would reach.

import { vi } from 'vitest';

/** Calls `check` until it no longer throws. */
export function eventually(check: () => void | Promise<void>): Promise<void> {
  return vi.waitFor(check, { timeout: 15_000, interval: 3 });
}
