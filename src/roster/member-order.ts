// The order of a pool's upstreams: as the configuration names them, and naturally by name where one
// line of it names many.

import { naturally } from '../core/natural-order.ts';

interface Placed {
  /** Of the line of the configuration that names it, from 0. */
  readonly line: number;
  /** Its address. */
  readonly name: string;
  /** Grows along the list; numbers between two others are left for those that come between them. */
  order: number;
}

/** Invariant: `#placed` is sorted, and so are its orders. */
export class MemberOrder {
  readonly #placed: Placed[] = [];

  /**
   * Gives an upstream its place, anew if it had one.
   * @param moved hears of each other one whose order is another now
   * @returns a number that is less than those of all that come after it
   */
  place(name: string, line: number, moved: (name: string, order: number) => void): number {
    this.remove(name);
    const fresh: Placed = { line, name, order: 0 };
    const at = this.#indexOf(fresh);
    const before = this.#placed[at - 1]?.order;
    const after = this.#placed[at]?.order;
    fresh.order = between(before, after);
    this.#placed.splice(at, 0, fresh);
    if (fresh.order === before || fresh.order === after) this.#number(fresh, moved);
    return fresh.order;
  }

  remove(name: string): void {
    const at = this.#placed.findIndex((placed) => placed.name === name);
    if (at !== -1) this.#placed.splice(at, 1);
  }

  clear(): void {
    this.#placed.length = 0;
  }

  /** Where it belongs. */
  #indexOf(fresh: Placed): number {
    let [low, high] = [0, this.#placed.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      const there = this.#placed[middle];
      if (there !== undefined && compare(there, fresh) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** There was no number left between two. */
  #number(fresh: Placed, moved: (name: string, order: number) => void): void {
    for (const [index, placed] of this.#placed.entries()) {
      placed.order = index;
      if (placed !== fresh) moved(placed.name, index);
    }
  }
}

function between(before: number | undefined, after: number | undefined): number {
  if (before === undefined) return after === undefined ? 0 : after - 1;
  return after === undefined ? before + 1 : (before + after) / 2;
}

function compare(a: Placed, b: Placed): number {
  return a.line - b.line || naturally(a.name, b.name);
}
