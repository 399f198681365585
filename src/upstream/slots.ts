// The slots of one upstream: how many exchanges may run there, and how many do.

/**
 * Invariants: a slot is taken only while one is free; `inUse` never falls below zero; `capacity` may shrink under
 * `inUse` (a worker was replaced by one that takes less), and then nothing is free until enough has come back.
 */
export class Slots {
  #capacity: number;
  #inUse = 0;

  /** @param capacity exchanges at a time, `Infinity` for no limit */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get capacity(): number {
    return this.#capacity;
  }

  set capacity(capacity: number) {
    this.#capacity = capacity;
  }

  get inUse(): number {
    return this.#inUse;
  }

  get free(): boolean {
    return this.#inUse < this.#capacity;
  }

  /** @throws Error when none is free: the caller must have asked */
  take(): void {
    if (!this.free) throw new Error(`no free slot: ${this.#inUse} of ${this.#capacity} in use`);
    this.#inUse += 1;
  }

  /** @throws Error when none is taken: somebody gave a slot back twice */
  give(): void {
    if (this.#inUse === 0) throw new Error('a slot was given back that nobody had taken');
    this.#inUse -= 1;
  }
}
