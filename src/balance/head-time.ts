// How long an upstream takes to begin its answer, on average: calm enough that one slow request
// does not make it a slow upstream.

/** How much the latest measurement counts at least: the last fifty or so make the average. */
const LEAST_SHARE = 0.02;

/** The mean of the first measurements, and then a moving average. */
export class HeadTime {
  #ms: number | undefined;
  #count = 0;

  /** ms; undefined while nothing was measured. */
  get ms(): number | undefined {
    return this.#ms;
  }

  add(ms: number): void {
    this.#count += 1;
    this.#ms = this.#ms === undefined ? ms : this.#ms + (ms - this.#ms) * Math.max(LEAST_SHARE, 1 / this.#count);
  }
}
