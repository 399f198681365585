// Takes candidates of equal weight in turn, those with the least load first, at a cost that does not grow with their number.

import type { Candidate, ReadyBalancer } from './balancer.ts';
import { NumberSet } from './number-set.ts';

interface Entry<C> {
  readonly candidate: C;
  /** Its place in the round, from the first time it is a candidate until it leaves. */
  readonly place: number;
  /** What it is ranked by, or -1 while it is no candidate. */
  load: number;
}

/**
 * All stand in a circle, and for each load there is the set of the places that have it. Chosen is, of the places with the
 * least load, the next after the one chosen last: whoever was away, avoided or passed over for its load just has its next turn.
 *
 * Invariants: a place is in the set of its entry's load and in no other; `#loads` holds the loads whose set is not empty.
 */
export class Rota<C extends Candidate> implements ReadyBalancer<C> {
  readonly #loadOf: (candidate: C) => number;
  readonly #entries = new Map<C, Entry<C>>();
  readonly #circle: (Entry<C> | undefined)[] = [];
  /** Places that nobody has any more. */
  readonly #vacant: number[] = [];
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
    const entry = this.#entries.get(candidate) ?? this.#join(candidate);
    const load = this.#loadOf(candidate);
    if (load === entry.load) return;
    this.#withdraw(entry);
    this.#enter(entry, load);
  }

  remove(candidate: C): void {
    const entry = this.#entries.get(candidate);
    if (entry !== undefined) this.#withdraw(entry);
  }

  leave(candidate: C): void {
    const entry = this.#entries.get(candidate);
    if (entry === undefined) return;
    this.#withdraw(entry);
    this.#entries.delete(candidate);
    this.#circle[entry.place] = undefined;
    this.#vacant.push(entry.place);
  }

  pick(avoid: ReadonlySet<C>): C | undefined {
    const load = this.#loads.next(0);
    if (load === -1) return undefined;
    const first = this.#inTurn(load, this.#turn);
    const entry =
      first !== undefined && avoid.size > 0 && avoid.has(first.candidate) ? (this.#outside(avoid, load) ?? first) : first;
    if (entry === undefined) return undefined;
    this.#turn = entry.place + 1;
    return entry.candidate;
  }

  /** Those that are candidates now, the next in turn first. */
  *[Symbol.iterator](): Iterator<C> {
    for (let i = 0; i < this.#circle.length; i += 1) {
      const entry = this.#circle[(this.#turn + i) % this.#circle.length];
      if (entry !== undefined && entry.load !== -1) yield entry.candidate;
    }
  }

  #inTurn(load: number, from: number): Entry<C> | undefined {
    const places = this.#byLoad[load];
    if (places === undefined) return undefined;
    const place = places.next(from);
    return this.#circle[place === -1 ? places.next(0) : place];
  }

  /** The best one not to be avoided: as many steps as there are to avoid, never all of them. */
  #outside(avoid: ReadonlySet<C>, least: number): Entry<C> | undefined {
    for (let load = least; load !== -1; load = this.#loads.next(load + 1)) {
      const places = this.#byLoad[load];
      if (places === undefined) continue;
      for (const [from, end] of [
        [this.#turn, this.#circle.length],
        [0, this.#turn],
      ] as const) {
        for (let place = places.next(from); place !== -1 && place < end; place = places.next(place + 1)) {
          const entry = this.#circle[place];
          if (entry !== undefined && !avoid.has(entry.candidate)) return entry;
        }
      }
    }
    return undefined;
  }

  #join(candidate: C): Entry<C> {
    const entry: Entry<C> = { candidate, place: this.#vacant.pop() ?? this.#circle.length, load: -1 };
    this.#entries.set(candidate, entry);
    this.#circle[entry.place] = entry;
    return entry;
  }

  #enter(entry: Entry<C>, load: number): void {
    let places = this.#byLoad[load];
    if (places === undefined) {
      places = this.#spare.pop() ?? new NumberSet();
      this.#byLoad[load] = places;
      this.#loads.add(load);
    }
    places.add(entry.place);
    entry.load = load;
    this.#size += 1;
  }

  #withdraw(entry: Entry<C>): void {
    const { load, place } = entry;
    if (load === -1) return;
    entry.load = -1;
    this.#size -= 1;
    const places = this.#byLoad[load];
    if (places === undefined) return;
    places.delete(place);
    if (places.size > 0) return;
    this.#byLoad[load] = undefined;
    this.#loads.delete(load);
    this.#spare.push(places);
  }
}
