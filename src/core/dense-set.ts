// A set for what comes and goes with every request: nothing remains of what has left, not even for
// the garbage collector.

/** What can be in a dense set: it carries its own place there, which is the set's business. */
export interface Indexed {
  /** -1 while it is in none. */
  index: number;
}

/**
 * `add`, `delete` and `has` in constant time, in no order.
 *
 * A `Set` would do, were it not for what V8 leaves behind: it makes a new table for every few
 * additions, and each old table points to the next one. A single table that has become old, as all
 * do when the collector clears up in a quiet moment, then keeps alive all later ones with what
 * stood in them, since the collector of young objects takes an old object for a living one.
 * Requests became old by the thousand, and a request cost half as much again (decision 0032).
 *
 * Invariant: `#members[member.seat] === member` for each of them. Something can be in one dense set
 * at a time.
 */
export class DenseSet<T extends Indexed> {
  readonly #members: T[] = [];

  get size(): number {
    return this.#members.length;
  }

  add(member: T): void {
    if (this.has(member)) return;
    member.index = this.#members.length;
    this.#members.push(member);
  }

  delete(member: T): void {
    if (!this.has(member)) return;
    const last = this.#members.pop();
    if (last !== undefined && last !== member) {
      this.#members[member.index] = last;
      last.index = member.index;
    }
    member.index = -1;
  }

  has(member: T): boolean {
    return member.index !== -1 && this.#members[member.index] === member;
  }

  /** Those that are in it now, whoever comes or goes meanwhile. */
  all(): readonly T[] {
    return [...this.#members];
  }
}
