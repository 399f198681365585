// What is counted of one request, as an operation for the stopwatch, and what the counts of many
// upstreams hold.

import type { Parts } from './product.ts';

const MASK = 1023;
/** ms, from some tenths to some hundreds, so that all buckets have their turn. */
const DURATIONS = Float64Array.from({ length: MASK + 1 }, (_, at) => 0.2 * 1.01 ** at);

/** All that is counted of a request that is answered at its first try. */
export function countOperation({ PoolCounts, UpstreamCounts, systemClock }: Parts): (times: number) => number {
  const pool = new PoolCounts();
  const upstream = new UpstreamCounts();
  return (times) => {
    for (let i = 0; i < times; i += 1) {
      const ms = DURATIONS[i & MASK] ?? 0;
      upstream.began();
      upstream.answered(ms, systemClock.now());
      pool.ended(200, 0.05, ms, ms + 0.1, systemClock.now());
    }
    return pool.requests + upstream.requests;
  };
}

/** Bytes that the counts of one upstream hold once it has served. */
export function countedBytes({ UpstreamCounts }: Parts): number {
  const used = (): number => {
    globalThis.gc?.();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return heapUsed + arrayBuffers;
  };
  const count = 10_000;
  const kept = new Array<unknown>(count).fill(undefined);
  const before = used();
  for (let at = 0; at < count; at += 1) {
    const counts = new UpstreamCounts();
    counts.began();
    counts.answered(3, 1000);
    kept[at] = counts;
  }
  const bytes = (used() - before) / count;
  return kept.length === count ? bytes : Number.NaN;
}
