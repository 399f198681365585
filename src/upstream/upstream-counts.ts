// What is counted of one upstream for the operator, since the process began.

import type { FailureCode } from '../core/errors.ts';
import { type Percentiles, SlidingHistogram } from '../core/sliding-histogram.ts';
import { Tally } from '../core/tally.ts';

/**
 * Written on every request: plain numbers, and nothing is allocated but for the first of a kind.
 * Probes are not counted.
 */
export class UpstreamCounts {
  #requests = 0;
  /** Those from before its address appeared. */
  #before = 0;
  #retries = 0;
  #errors: Tally<FailureCode> | undefined;
  readonly #head = new SlidingHistogram();

  /** Exchanges begun for clients. */
  get requests(): number {
    return this.#requests;
  }

  /** Requests that were given to an upstream again after they had failed here. */
  get retries(): number {
    return this.#retries;
  }

  /** How requests failed here, whatever became of them elsewhere. */
  get errors(): Readonly<Partial<Record<FailureCode, number>>> {
    return this.#errors?.counts() ?? {};
  }

  /** ms from the request to the head of its answer, in the last minute or so. */
  headTimes(now: number): Percentiles | undefined {
    return this.#head.percentiles(now);
  }

  /** Whether there was a request since its address appeared. */
  get used(): boolean {
    return this.#requests > this.#before;
  }

  appeared(): void {
    this.#before = this.#requests;
  }

  /** The upstream is given a client's request. */
  began(): void {
    this.#requests += 1;
  }

  /** @param now clock ms */
  answered(ms: number, now: number): void {
    this.#head.add(ms, now);
  }

  failed(code: FailureCode): void {
    this.#errors ??= new Tally();
    this.#errors.add(code);
  }

  retried(): void {
    this.#retries += 1;
  }
}
