// The share of its weight that an upstream which has just come (back) up is given: a little at first, and all of it in the end.

import type { Clock } from '../core/clock.ts';

/** Nobody is left out altogether: without requests there is nothing to warm up with. */
const LEAST = 0.05;

/** Computed when asked, by the clock: there is no timer. */
export class SlowStart {
  readonly #clock: Clock;
  #ms: number;
  #began: number | undefined;

  /** @param ms from `begin` to the full weight; 0: it is full at once */
  constructor(clock: Clock, ms: number) {
    this.#clock = clock;
    this.#ms = ms;
  }

  /** @param ms as for the constructor */
  reconfigure(ms: number): void {
    this.#ms = ms;
  }

  begin(): void {
    if (this.#ms > 0) this.#began = this.#clock.now();
  }

  get running(): boolean {
    if (this.#began === undefined) return false;
    if (this.#clock.now() - this.#began < this.#ms) return true;
    this.#began = undefined;
    return false;
  }

  /** Above 0, at most 1. */
  get share(): number {
    if (this.#began === undefined || !this.running) return 1;
    return Math.max(LEAST, (this.#clock.now() - this.#began) / this.#ms);
  }
}
