// What runs at one worker address, for whichever pools: upstreams of several pools, or of one and
// its successor, may share it.

/** The slots that one upstream has there. */
export interface Sharer {
  /** Exchanges that its pool may have there at a time. */
  readonly capacity: number;
  readonly inUse: number;
  /** Whether a slot is free may be another matter now. */
  hear(): void;
}

/**
 * Invariants: nothing new begins while as much runs there, for all who have ever shared it, as the
 * most that any of the sharers may have. A single-request worker so gets one request at a time, and
 * where pools have different limits each keeps to its own. One who is alone there need not tell of
 * what it takes and gives: nearly every upstream is.
 */
export class Occupancy {
  readonly #emptied: () => void;
  /**
   * Whoever took a slot last comes last: a slot that becomes free is offered to the pools in turn.
   */
  readonly #sharers: Sharer[] = [];
  /** Those that left while something of theirs was running. */
  readonly #leavers = new Set<Sharer>();
  /** What the worker said, or failed to say, of its capacity. */
  learnt: number | undefined;
  /**
   * Slots in use there that are held by requests which have run past their time limits. Each sharer
   * adds its own.
   */
  overdue = 0;

  /** @param emptied nobody shares it any more, and nothing runs there */
  constructor(emptied: () => void = () => undefined) {
    this.#emptied = emptied;
  }

  get inUse(): number {
    let sum = 0;
    for (const { inUse } of this.#sharers) sum += inUse;
    for (const { inUse } of this.#leavers) sum += inUse;
    return sum;
  }

  get sharers(): number {
    return this.#sharers.length;
  }

  /** Whether another exchange may begin there, as far as the worker goes. */
  get open(): boolean {
    const { inUse } = this;
    return this.#sharers.some(({ capacity }) => inUse < capacity);
  }

  /** Whether nobody else shares it, nor has anything running there. */
  isAlone(sharer: Sharer): boolean {
    return this.#sharers.length === 1 && this.#sharers[0] === sharer && this.#leavers.size === 0;
  }

  join(sharer: Sharer): void {
    this.#leavers.delete(sharer);
    this.#sharers.unshift(sharer);
    // It may be one that may have more there than they.
    this.tellOthers(sharer);
  }

  /** It begins nothing more. What it has runs on, and counts. */
  leave(sharer: Sharer): void {
    const at = this.#sharers.indexOf(sharer);
    if (at !== -1) this.#sharers.splice(at, 1);
    if (sharer.inUse > 0) this.#leavers.add(sharer);
    this.tellOthers(sharer);
    this.#settle();
  }

  /** A slot of `sharer`, who is not alone, was taken. */
  took(sharer: Sharer): void {
    const at = this.#sharers.indexOf(sharer);
    if (at === -1) throw new Error('a slot was taken by an upstream that has left');
    this.#sharers.splice(at, 1);
    this.#sharers.push(sharer);
    sharer.hear();
    this.tellOthers(sharer);
  }

  /**
   * A slot of `sharer`, who is not alone or has left, has become free: whoever has waited longest
   * for one hears of it first.
   */
  gave(sharer: Sharer): void {
    if (sharer.inUse === 0) this.#leavers.delete(sharer);
    const all = [...this.#sharers];
    if (!all.includes(sharer)) sharer.hear();
    for (const each of all) each.hear();
    this.#settle();
  }

  /** To be called when something has changed for all, once the sharer itself has heard of it. */
  tellOthers(sharer: Sharer): void {
    for (const other of [...this.#sharers]) if (other !== sharer) other.hear();
  }

  #settle(): void {
    if (this.#sharers.length === 0 && this.#leavers.size === 0) this.#emptied();
  }
}

/** One for each worker address of the program. */
export class Occupancies {
  readonly #present = new Map<string, Occupancy>();
  /**
   * Of sockets that vanished while something ran there: that counts if the very same socket is
   * back.
   */
  readonly #gone = new Map<string, Occupancy>();

  /**
   * @param mayBeSame false when a new socket is known to be there: what its predecessor is at does
   *   not keep it busy
   */
  at(address: string, mayBeSame: boolean): Occupancy {
    const present = this.#present.get(address) ?? (mayBeSame ? this.#gone.get(address) : undefined);
    const occupancy = present ?? new Occupancy(() => this.#forget(address, occupancy));
    this.#present.set(address, occupancy);
    this.#gone.delete(address);
    return occupancy;
  }

  /** The address is in use again by somebody who had left it. */
  back(address: string, occupancy: Occupancy): void {
    if (!this.#present.has(address)) this.#present.set(address, occupancy);
    if (this.#gone.get(address) === occupancy) this.#gone.delete(address);
  }

  /**
   * The socket has vanished. While another pool has not noticed, or does not look, its successor
   * counts as the same worker.
   */
  vanished(address: string, occupancy: Occupancy): void {
    if (occupancy.sharers > 0 || this.#present.get(address) !== occupancy) return;
    this.#present.delete(address);
    if (occupancy.inUse > 0) this.#gone.set(address, occupancy);
  }

  /** Those that somebody shares, or where something runs. */
  get size(): number {
    return this.#present.size + this.#gone.size;
  }

  #forget(address: string, occupancy: Occupancy): void {
    if (this.#present.get(address) === occupancy) this.#present.delete(address);
    if (this.#gone.get(address) === occupancy) this.#gone.delete(address);
  }
}
