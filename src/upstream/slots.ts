// The slots of one upstream: how many exchanges may run there, and how many do.

import { Occupancy, type Sharer } from './occupancy.ts';

/**
 * Invariants: a slot is taken only while one is free; `inUse` never falls below zero; `capacity` may shrink under
 * `inUse` (a worker was replaced by one that takes less), and then nothing is free until enough has come back. Whoever
 * shares the address hears of every change, the owner of these slots first, so that it never offers what is taken.
 */
export class Slots implements Sharer {
  readonly #at: Occupancy;
  readonly #told: () => void;
  #capacity: number;
  #inUse = 0;
  /** Others keep the worker busy. Kept here, since every choice asks for it. */
  #kept = false;

  /**
   * @param capacity exchanges at a time, `Infinity` for no limit
   * @param at what runs at the address, for other upstreams too
   * @param told is called whenever a slot was taken or given back, here or there
   */
  constructor(capacity: number, at = new Occupancy(), told: () => void = () => undefined) {
    this.#capacity = capacity;
    this.#at = at;
    this.#told = told;
    at.join(this);
    this.#review();
  }

  get capacity(): number {
    return this.#capacity;
  }

  /** `tell` must follow, unless all who share the address get the same. */
  set capacity(capacity: number) {
    this.#capacity = capacity;
    this.#review();
  }

  get inUse(): number {
    return this.#inUse;
  }

  get free(): boolean {
    return this.#inUse < this.#capacity && !this.#kept;
  }

  /** How many are in use, for the operator. */
  get text(): string {
    const own =
      this.#capacity === Number.POSITIVE_INFINITY
        ? `${this.#inUse} in flight`
        : `${this.#inUse} of ${this.#capacity} slots in use`;
    return this.#kept ? `${own}, and the worker is at a request of another pool` : own;
  }

  /** @throws Error when none is free: the caller must have asked */
  take(): void {
    if (!this.free) throw new Error(`no free slot: ${this.#inUse} of ${this.#capacity} in use`);
    this.#inUse += 1;
    this.#at.take(this);
    this.tell();
  }

  /** @throws Error when none is taken: somebody gave a slot back twice */
  give(): void {
    if (this.#inUse === 0) throw new Error('a slot was given back that nobody had taken');
    this.#inUse -= 1;
    this.#at.give();
    // Whoever has waited longest for a slot hears of it first.
    if (this.#at.sharers > 1) this.#at.tellAll(this);
    else this.tell();
  }

  /** Whether a slot is free may be another matter now, here and for all who share the address. */
  tell(): void {
    this.hear();
    this.#at.tellOthers(this);
  }

  hear(): void {
    this.#review();
    this.#told();
  }

  /** Nothing more begins in them. What runs there runs on, and counts for the others. */
  leave(): void {
    this.#at.leave(this);
  }

  comeBack(): void {
    this.#at.join(this);
  }

  #review(): void {
    this.#kept = this.#inUse !== this.#at.inUse && !this.#at.open;
  }
}
