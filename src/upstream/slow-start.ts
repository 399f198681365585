// The weight of an upstream: all of it, or, while it has just come (back) up, a part that grows.

import type { Clock } from '../core/clock.ts';

/** Nobody is left out altogether: without requests there is nothing to warm up with. */
const LEAST = 0.05;

/** Computed when asked, by the clock: there is no timer. */
export class SlowStart {
  readonly #clock: Clock;
  #full: number;
  #ms: number;
  #began: number | undefined;

  /**
   * @param full the weight in the end
   * @param ms from `begin` to the full weight; 0: it is full at once
   */
  constructor(clock: Clock, full: number, ms: number) {
    this.#clock = clock;
    this.#full = full;
    this.#ms = ms;
  }

  /** As for the constructor. */
  reconfigure(full: number, ms: number): void {
    this.#full = full;
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

  /** The weight, if it does not grow any more; undefined while it does. */
  get fullWeight(): number | undefined {
    return this.running ? undefined : this.#full;
  }

  /** Above 0, at most the full one. */
  get weight(): number {
    if (this.#began === undefined || !this.running) return this.#full;
    return this.#full * Math.max(LEAST, (this.#clock.now() - this.#began) / this.#ms);
  }
}
