// Times one operation in a loop that is long enough for the clock and short enough for patience.

import { median } from './statistics.ts';

export interface StopwatchOptions {
  /** ms that one sample is to take. */
  readonly sample: number;
  readonly samples: number;
}

/**
 * Nanoseconds an operation takes: the median of several samples, after one that is thrown away.
 * @param operation runs `times` times and returns something computed from its results, so that
 *   nothing is optimised away
 */
export function nanosecondsEach(operation: (times: number) => number, { sample, samples }: StopwatchOptions): number {
  let times = 16;
  while (timed(operation, times) < sample) times *= 2;
  return median(Array.from({ length: samples }, () => (timed(operation, times) * 1e6) / times));
}

function timed(operation: (times: number) => number, times: number): number {
  const start = performance.now();
  kept.value = operation(times);
  return performance.now() - start;
}

/** Where results go, so that computing them has a purpose. */
const kept = { value: 0 };
