// How many exchanges an upstream may have: said by the operator, or learnt from its worker at first use.

import type { CapacityAnswer } from './capacity.ts';
import type { Slots } from './slots.ts';

/** Questions that may end without an answer before the fallback is taken for good. */
const MAX_LOST_QUESTIONS = 3;

export class CapacityLimit {
  readonly #slots: Slots;
  #asks: boolean;
  #known: boolean;
  #lostQuestions = 0;

  /** @param setting `auto`, or what the operator says */
  constructor(slots: Slots, setting: 'auto' | number) {
    this.#slots = slots;
    this.#asks = setting === 'auto';
    this.#known = !this.#asks;
  }

  get known(): boolean {
    return this.#known;
  }

  /**
   * Takes what the worker said, or failed to say.
   * @param single whether the upstream is most likely one process: then silence means one exchange at a time
   * @returns true when the capacity has become known
   */
  learn(capacity: CapacityAnswer['capacity'], single: boolean): boolean {
    if (this.#known) return false;
    if (capacity === 'lost') {
      this.#lostQuestions += 1;
      if (this.#lostQuestions < MAX_LOST_QUESTIONS) return false;
    }
    this.#known = true;
    if (typeof capacity === 'number') this.#slots.capacity = capacity;
    else this.#slots.capacity = single ? 1 : Number.POSITIVE_INFINITY;
    return true;
  }

  /** The operator says something else. @param setting as for the constructor */
  reconfigure(setting: 'auto' | number): void {
    this.#asks = setting === 'auto';
    this.#known = !this.#asks;
    if (setting === 'auto') this.forget();
    else this.#slots.capacity = setting;
  }

  /** Another worker may be there now: until it is asked, one exchange at a time is what every worker takes. */
  forget(): void {
    if (!this.#asks) return;
    this.#known = false;
    this.#lostQuestions = 0;
    this.#slots.capacity = 1;
  }
}
