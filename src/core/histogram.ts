// Durations counted in buckets that grow with them, so that a millisecond and a minute are told
// apart equally well in little memory.

/** Buckets to a doubling. */
const STEPS = 4;
/**
 * A duration is cut to whole ticks of 1/64 ms: bounds of whole doublings are then 0.5, 1, 2, 4...
 * ms.
 */
const TICKS = 64;

/** The last one also takes whatever is longer than its upper bound, 8 minutes and 44 seconds. */
export const BUCKETS = 96;

const MOST_TICKS = 2 ** (BUCKETS / STEPS + 1);

/** The bucket of a duration: one a tick below 1/16 ms, then four to each doubling. */
export function bucketOf(ms: number): number {
  const long = ms * TICKS;
  // Written so that what is no number does not pass.
  if (!(long < MOST_TICKS)) return BUCKETS - 1;
  const ticks = long | 0;
  if (ticks < STEPS) return Math.max(ticks, 0);
  const power = 31 - Math.clz32(ticks);
  return (power - 1) * STEPS + ((ticks >> (power - 2)) & (STEPS - 1));
}

/** ms: the shortest duration of a bucket; the next one's is the first that is too long for it. */
export function lowerBound(bucket: number): number {
  if (bucket < STEPS) return bucket / TICKS;
  const power = Math.floor(bucket / STEPS) + 1;
  return ((STEPS + (bucket % STEPS)) * 2 ** (power - 2)) / TICKS;
}

/**
 * ms: what stands for all durations of a bucket. It is off by at most an eighth of the real one,
 * and below 1/16 ms by 1/128 ms.
 */
export function middle(bucket: number): number {
  return (lowerBound(bucket) + lowerBound(bucket + 1)) / 2;
}

/** How many durations were shorter than a bound. */
export interface Below {
  readonly ms: number;
  readonly count: number;
}

/**
 * From half a millisecond to 65 seconds, a bound each doubling: few enough for a histogram of each
 * pool.
 */
const FIRST_BOUND = bucketOf(0.5);
const LAST_BOUND = bucketOf(65_536);

/** All durations since the start. 0.8 KB once there was one. */
export class Histogram {
  #counts: Float64Array | undefined;
  #sum = 0;

  add(ms: number): void {
    this.#counts ??= new Float64Array(BUCKETS);
    const bucket = bucketOf(ms);
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#sum += ms;
  }

  get count(): number {
    return this.#counts?.reduce((sum, count) => sum + count, 0) ?? 0;
  }

  /** ms. */
  get sum(): number {
    return this.#sum;
  }

  /** How many durations were shorter than each of the bounds, shortest first. */
  below(): readonly Below[] {
    const all: Below[] = [];
    let count = 0;
    for (let bucket = 0; bucket <= LAST_BOUND; bucket += 1) {
      if (bucket >= FIRST_BOUND && bucket % STEPS === 0) all.push({ ms: lowerBound(bucket), count });
      count += this.#counts?.[bucket] ?? 0;
    }
    return all;
  }
}
