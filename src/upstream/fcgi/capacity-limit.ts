// How many exchanges an upstream may have: said by the operator, or learnt from its worker at first
// use.

import { Occupancy } from '../slots/occupancy.ts';
import type { Slots } from '../slots/slots.ts';
import type { CapacityAnswer } from './capacity-query.ts';

/** Questions that may end without an answer before the fallback is taken for good. */
const MAX_LOST_QUESTIONS = 3;

export class CapacityLimit {
  readonly #slots: Slots;
  readonly #at: Occupancy;
  #asks: boolean;
  #known: boolean;
  #lostQuestions = 0;

  /**
   * @param setting `auto`, or what the operator says
   * @param at what is learnt there is learnt for all who share it
   */
  constructor(slots: Slots, setting: 'auto' | number, at = new Occupancy()) {
    this.#slots = slots;
    this.#at = at;
    this.#asks = setting === 'auto';
    this.#known = !this.#asks;
    this.recall();
  }

  get known(): boolean {
    return this.#known;
  }

  /**
   * Takes what the worker said, or failed to say.
   * @param single whether the upstream is most likely one process: then silence means one exchange
   *   at a time
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
    this.#at.learnt = this.#slots.capacity;
    return true;
  }

  /** Somebody else who shares the address may have learnt it. */
  recall(): void {
    if (this.#known || this.#at.learnt === undefined) return;
    this.#known = true;
    this.#slots.capacity = this.#at.learnt;
  }

  /** The operator says something else. @param setting as for the constructor */
  reconfigure(setting: 'auto' | number): void {
    this.#asks = setting === 'auto';
    this.#known = !this.#asks;
    if (setting !== 'auto') this.#slots.capacity = setting;
    else if (this.#at.learnt === undefined) this.forget();
    else this.recall();
  }

  /**
   * Another worker may be there now: until it is asked, one exchange at a time is what every worker
   * takes.
   */
  forget(): void {
    if (!this.#asks) return;
    this.#known = false;
    this.#lostQuestions = 0;
    this.#slots.capacity = 1;
    this.#at.learnt = undefined;
  }
}
