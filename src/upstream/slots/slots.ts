// The slots of one upstream: how many exchanges may run there, and how many do.

import { Occupancy, type Sharer } from './occupancy.ts';

/** Whose slots they are. */
export interface SlotsOwner {
  /** A slot was taken or given back. */
  changed(): void;
  /**
   * The same may have happened at another who shares the address, or a capacity has changed, here
   * or there.
   */
  told(): void;
}

const NOBODY: SlotsOwner = { changed: () => undefined, told: () => undefined };

/**
 * Invariants: a slot is taken only while one is free; `inUse` never falls below zero; `capacity`
 * may shrink under `inUse` (a worker was replaced by one that takes less), and then nothing is free
 * until enough has come back. Whoever shares the address hears of every change, the owner of these
 * slots first, so that it never offers what is taken.
 */
export class Slots implements Sharer {
  #capacity: number;
  #inUse = 0;
  #overdue = 0;
  /**
   * Nobody else has anything to do with the worker. This and the next are kept here, since every
   * choice asks for them.
   */
  #alone = true;
  /** Others keep the worker busy. */
  #kept = false;
  readonly #owner: SlotsOwner;
  readonly #at: Occupancy;

  /**
   * @param capacity exchanges at a time, `Infinity` for no limit
   * @param at what runs at the address, for other upstreams too
   */
  constructor(capacity: number, at = new Occupancy(), owner = NOBODY) {
    this.#capacity = capacity;
    this.#at = at;
    this.#owner = owner;
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

  /** Slots in use that are held by requests which have run past their time limits. */
  get overdue(): number {
    return this.#overdue;
  }

  /** `tell` must follow, unless the slot is given back at once. */
  set overdue(overdue: number) {
    this.#at.overdue += overdue - this.#overdue;
    this.#overdue = overdue;
  }

  /**
   * Whether none is free because of such requests alone, own ones or those of others who share the
   * address.
   */
  get stuck(): boolean {
    if (this.#at.overdue === 0 || this.free) return false;
    return this.#inUse >= this.#capacity ? this.#overdue === this.#inUse : this.#at.overdue === this.#at.inUse;
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
    if (this.#alone) this.#owner.changed();
    else this.#at.took(this);
  }

  /** @throws Error when none is taken: somebody gave a slot back twice */
  give(): void {
    if (this.#inUse === 0) throw new Error('a slot was given back that nobody had taken');
    this.#inUse -= 1;
    if (this.#alone) this.#owner.changed();
    else this.#at.gave(this);
  }

  /** Whether a slot is free may be another matter now, here and for all who share the address. */
  tell(): void {
    this.hear();
    this.#at.tellOthers(this);
  }

  hear(): void {
    this.#review();
    this.#owner.told();
  }

  /** Nothing more begins in them. What runs there runs on, and counts for the others. */
  leave(): void {
    this.#at.leave(this);
    this.#review();
  }

  comeBack(): void {
    this.#at.join(this);
    this.#review();
  }

  #review(): void {
    this.#alone = this.#at.isAlone(this);
    this.#kept = !this.#alone && this.#inUse !== this.#at.inUse && !this.#at.open;
  }
}
