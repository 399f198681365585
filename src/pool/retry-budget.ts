// How many second attempts a pool can afford: when everything fails, retries must not multiply the
// load.

/** Attempts that may be spent before any request has come, and the most that can be saved up. */
const RESERVE = 100;

/**
 * A bucket of second attempts: each request puts a share of one in, each second attempt takes one
 * out. So after the reserve is spent, there are at most `share` second attempts for each request.
 */
export class RetryBudget {
  readonly #share: number;
  #saved = RESERVE;

  /** @param share second attempts a request, 0 or more */
  constructor(share: number) {
    this.#share = share;
  }

  /** A request has come. */
  deposit(): void {
    this.#saved = Math.min(RESERVE, this.#saved + this.#share);
  }

  /** Takes one attempt out; false when there is none. */
  spend(): boolean {
    if (this.#share === 0 || this.#saved < 1) return false;
    this.#saved -= 1;
    return true;
  }
}
