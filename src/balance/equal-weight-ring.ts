// Takes candidates of equal weight in turn, those with the least load first, at a cost that does
// not grow with their number.

import type { Candidate, ReadyBalancer } from './balancer.ts';
import { NumberSet } from './number-set.ts';

/** In place of the load of one that is no candidate. */
const NONE = -1;

/**
 * All stand in a circle, each at its place, and for each load there is the set of the places that
 * have it. Chosen is, of the places with the least load, the next after the one chosen last:
 * whoever was away, avoided or passed over for its load just has its next turn.
 *
 * Invariants: a place is in the set of the load it is ranked by and in no other; `#loads` holds the
 * loads whose set is not empty.
 */
export class EqualWeightRing<C extends Candidate> implements ReadyBalancer<C> {
  readonly #loadOf: (candidate: C) => number;
  /** By place. */
  readonly #circle: (C | undefined)[] = [];
  /** What each place is ranked by. */
  #ranks = new Int32Array(16).fill(NONE);
  readonly #loads = new NumberSet();
  readonly #byLoad: (NumberSet | undefined)[] = [];
  /** Empty sets, to be used again. */
  readonly #spare: NumberSet[] = [];
  #turn = 0;
  #size = 0;

  /** @param loadOf what to rank by first, a whole number; less is better */
  constructor(loadOf: (candidate: C) => number) {
    this.#loadOf = loadOf;
  }

  /** Candidates now. */
  get size(): number {
    return this.#size;
  }

  add(candidate: C): void {
    const { index } = candidate;
    if (index >= this.#ranks.length) this.#grow(index);
    const load = this.#loadOf(candidate);
    const rank = this.#ranks[index] ?? NONE;
    if (load === rank) return;
    if (rank === NONE) this.#circle[index] = candidate;
    else this.#withdraw(index, rank);
    this.#enter(index, load);
  }

  remove({ index }: C): void {
    const rank = this.#ranks[index] ?? NONE;
    if (rank !== NONE) this.#withdraw(index, rank);
  }

  leave(candidate: C): void {
    const { index } = candidate;
    if (this.#circle[index] !== candidate) return;
    this.remove(candidate);
    this.#circle[index] = undefined;
  }

  pick(avoid: ReadonlySet<C>): C | undefined {
    const load = this.#loads.next(0);
    if (load === -1) return undefined;
    const place = this.#inTurn(load, this.#turn);
    const first = this.#circle[place];
    if (first !== undefined && avoid.size > 0 && avoid.has(first)) return this.#taken(this.#outside(avoid, load) ?? first);
    this.#turn = place + 1;
    return first;
  }

  /** Those that are candidates now, the next in turn first. */
  *[Symbol.iterator](): Iterator<C> {
    for (let i = 0; i < this.#circle.length; i += 1) {
      const candidate = this.#circle[(this.#turn + i) % this.#circle.length];
      if (candidate !== undefined && this.#ranks[candidate.index] !== NONE) yield candidate;
    }
  }

  #taken(candidate: C): C {
    this.#turn = candidate.index + 1;
    return candidate;
  }

  #inTurn(load: number, from: number): number {
    const places = this.#byLoad[load];
    if (places === undefined) return -1;
    const place = places.next(from);
    return place === -1 ? places.next(0) : place;
  }

  /** The best one not to be avoided: as many steps as there are to avoid, never all of them. */
  #outside(avoid: ReadonlySet<C>, least: number): C | undefined {
    for (let load = least; load !== -1; load = this.#loads.next(load + 1)) {
      const places = this.#byLoad[load];
      if (places === undefined) continue;
      for (const [from, end] of [
        [this.#turn, this.#circle.length],
        [0, this.#turn],
      ] as const) {
        for (let place = places.next(from); place !== -1 && place < end; place = places.next(place + 1)) {
          const candidate = this.#circle[place];
          if (candidate !== undefined && !avoid.has(candidate)) return candidate;
        }
      }
    }
    return undefined;
  }

  #enter(place: number, load: number): void {
    let places = this.#byLoad[load];
    if (places === undefined) {
      places = this.#spare.pop() ?? new NumberSet();
      this.#byLoad[load] = places;
      this.#loads.add(load);
    }
    places.add(place);
    this.#ranks[place] = load;
    this.#size += 1;
  }

  #withdraw(place: number, rank: number): void {
    this.#ranks[place] = NONE;
    this.#size -= 1;
    const places = this.#byLoad[rank];
    if (places === undefined) return;
    places.delete(place);
    if (places.size > 0) return;
    this.#byLoad[rank] = undefined;
    this.#loads.delete(rank);
    this.#spare.push(places);
  }

  #grow(place: number): void {
    const ranks = new Int32Array(Math.max(place + 1, 2 * this.#ranks.length)).fill(NONE);
    ranks.set(this.#ranks);
    this.#ranks = ranks;
  }
}
