// The durations of the last minute or so, and which of them was longer than half, nine tenths or 99
// hundredths of the others.

import { BUCKETS, bucketOf, middle } from './histogram.ts';

/** ms. */
export interface Percentiles {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
}

/** ms; with this many of them the last 60 to 90 seconds are covered. */
const WINDOW = 30_000;
const WINDOWS = 3;
/** Those of `Percentiles`, in order. */
const SHARES = [0.5, 0.9, 0.99] as const;

/**
 * 1.2 KB once there was a duration, nothing before: 1.3 MB for a thousand upstreams. Invariant: row
 * `n % WINDOWS` holds the durations of window `n`, for the present window and those just before it.
 */
export class SlidingHistogram {
  #rows: Uint32Array | undefined;
  #window = 0;
  /** Clock ms at which the present window ends. */
  #until = WINDOW;

  /** @param now clock ms */
  add(ms: number, now: number): void {
    this.#rows ??= new Uint32Array(WINDOWS * BUCKETS);
    if (now >= this.#until) this.#turn(this.#rows, now);
    const at = (this.#window % WINDOWS) * BUCKETS + bucketOf(ms);
    this.#rows[at] = (this.#rows[at] ?? 0) + 1;
  }

  /**
   * Each is a duration that was measured, with the error that `middle` names.
   * @returns undefined when there was none
   */
  percentiles(now: number): Percentiles | undefined {
    const rows = this.#rows;
    if (rows === undefined) return undefined;
    if (now >= this.#until) this.#turn(rows, now);
    let total = 0;
    for (let at = 0; at < rows.length; at += 1) total += rows[at] ?? 0;
    if (total === 0) return undefined;
    // Nearest rank, all three on one way through the buckets: with a thousand upstreams this is a
    // good part of what /status costs.
    const ranks = SHARES.map((share) => Math.ceil(share * total));
    const found: number[] = [];
    let seen = 0;
    for (let bucket = 0; bucket < BUCKETS && found.length < ranks.length; bucket += 1) {
      for (let at = bucket; at < rows.length; at += BUCKETS) seen += rows[at] ?? 0;
      while (seen >= (ranks[found.length] ?? Number.POSITIVE_INFINITY)) found.push(middle(bucket));
    }
    const [p50 = 0, p90 = 0, p99 = 0] = found;
    return { p50, p90, p99 };
  }

  #turn(rows: Uint32Array, now: number): void {
    const window = Math.floor(now / WINDOW);
    for (let each = Math.max(this.#window + 1, window - WINDOWS + 1); each <= window; each += 1) {
      const row = (each % WINDOWS) * BUCKETS;
      rows.fill(0, row, row + BUCKETS);
    }
    this.#window = window;
    this.#until = (window + 1) * WINDOW;
  }
}
