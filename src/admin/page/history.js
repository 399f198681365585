// What a pool's numbers were over the last minutes, and where its queue is going.

/**
 * @typedef {object} Sample
 * @property {number} at ms since 1970, by the program's clock
 * @property {number} waiting
 * @property {number | undefined} rate requests a second since the sample before
 * @property {number | undefined} p50 head time, ms
 * @property {number | undefined} p99
 */

/** ms that the plots show. */
export const SPAN = 5 * 60_000;
/** ms over which the trend of the queue is computed. */
const TREND = 30_000;
/** ms over which the rate that is shown is averaged. */
const RATE = 5000;

export class History {
  /** @type {Sample[]} */
  samples = [];
  /** @type {{ at: number, requests: number } | undefined} */
  #before;

  /**
   * @param {number} at
   * @param {{ waiting: number, requests: number, head_p50?: number | null, head_p99?: number | null
   *   }} pool
   */
  add(at, { waiting, requests, head_p50, head_p99 }) {
    const before = this.#before;
    this.#before = { at, requests };
    // A program that has started anew counts from 0.
    const known = before !== undefined && requests >= before.requests && at > before.at;
    const rate = known ? ((requests - before.requests) * 1000) / (at - before.at) : undefined;
    this.samples.push({ at, waiting, rate, p50: head_p50 ?? undefined, p99: head_p99 ?? undefined });
    while ((this.samples[0]?.at ?? at) < at - SPAN) this.samples.shift();
  }

  /** Requests a second, over the last seconds. */
  get rate() {
    const last = this.samples.at(-1)?.at ?? 0;
    const rates = this.samples.flatMap(({ at, rate }) => (rate !== undefined && at > last - RATE ? [rate] : []));
    return rates.length === 0 ? undefined : mean(rates);
  }

  /**
   * How many more requests wait than a while ago; undefined before there are enough samples.
   * @returns {{ word: 'growing' | 'shrinking' | 'steady', more: number, ms: number } | undefined}
   */
  get trend() {
    const last = this.samples.at(-1);
    if (last === undefined) return undefined;
    const lately = this.samples.filter(({ at }) => at >= last.at - TREND);
    if (lately.length < 4) return undefined;
    // Three of each end: the queue of a busy pool breathes.
    const then = mean(lately.slice(0, 3).map(({ waiting }) => waiting));
    const now = mean(lately.slice(-3).map(({ waiting }) => waiting));
    const more = Math.round(now - then);
    const ms = last.at - (lately[0]?.at ?? last.at);
    const enough = Math.max(1, 0.1 * Math.max(then, now));
    return { word: now - then >= enough ? 'growing' : then - now >= enough ? 'shrinking' : 'steady', more, ms };
  }
}

/** @param {readonly number[]} numbers */
function mean(numbers) {
  return numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
}
