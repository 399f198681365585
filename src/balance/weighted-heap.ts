// Keeps candidates in the order in which a balancer would choose them, at a cost that hardly grows
// with their number.

import type { Candidate, ReadyBalancer } from './balancer.ts';

interface Entry<C> {
  readonly candidate: C;
  /** What the balancer ranks by; less is better. */
  load: number;
  /**
   * Virtual time of the next turn: each turn adds 1/weight, so turns spread evenly (stride
   * scheduling).
   */
  turn: number;
  /** Order of arrival among equals: who was chosen longest ago comes first. */
  sequence: number;
  /** Position in the heap, or -1 while not a candidate. */
  at: number;
  /** Whether it is in `#warming`. */
  warming: boolean;
}

/**
 * Candidates whose weight grows that a pick looks at: a few, so that a thousand of them do not slow
 * every pick.
 */
const LOOKS = 4;

/**
 * A binary heap ordered by load, then turn, then sequence.
 *
 * Invariants: every entry's `at` is its index in `#heap` or -1; `#now` never decreases; the turn
 * after the one taken is counted from `#now`, so that nobody who was away, avoided or passed over
 * for its load catches up on turns it missed.
 */
export class WeightedHeap<C extends Candidate> implements ReadyBalancer<C> {
  readonly #loadOf: (candidate: C) => number;
  readonly #entries = new Map<C, Entry<C>>();
  readonly #heap: Entry<C>[] = [];
  /** Those whose weight grows, the one looked at longest ago first. */
  readonly #warming: Entry<C>[] = [];
  #now = 0;
  #sequence = 0;

  /** @param loadOf what to rank by first; less is better */
  constructor(loadOf: (candidate: C) => number) {
    this.#loadOf = loadOf;
  }

  /** Candidates now. */
  get size(): number {
    return this.#heap.length;
  }

  add(candidate: C): void {
    let entry = this.#entries.get(candidate);
    if (entry === undefined) {
      this.#sequence += 1;
      entry = { candidate, load: 0, turn: this.#now + 0.5 / candidate.weight, sequence: this.#sequence, at: -1, warming: false };
      this.#entries.set(candidate, entry);
    }
    if (candidate.warming && !entry.warming) {
      entry.warming = true;
      this.#warming.push(entry);
    }
    const load = this.#loadOf(candidate);
    if (entry.at === -1) {
      entry.load = load;
      this.#insert(entry);
    } else if (load !== entry.load) {
      entry.load = load;
      this.#settle(entry);
    }
  }

  remove(candidate: C): void {
    const entry = this.#entries.get(candidate);
    if (entry !== undefined && entry.at !== -1) this.#extract(entry);
  }

  leave(candidate: C): void {
    this.remove(candidate);
    this.#entries.delete(candidate);
  }

  pick(avoid: ReadonlySet<C>): C | undefined {
    if (this.#warming.length > 0) this.#lookAgain();
    const first = this.#heap[0];
    if (first === undefined) return undefined;
    const entry = avoid.size > 0 && avoid.has(first.candidate) ? this.#firstOutside(avoid, first) : first;
    this.#now = Math.max(this.#now, entry.turn);
    entry.turn = this.#now + 1 / entry.candidate.weight;
    this.#sequence += 1;
    entry.sequence = this.#sequence;
    this.#settle(entry);
    return entry.candidate;
  }

  /** Ranks some of those whose weight has grown since they were ranked. */
  #lookAgain(): void {
    for (let looks = Math.min(LOOKS, this.#warming.length); looks > 0; looks -= 1) {
      const entry = this.#warming.shift();
      if (entry === undefined) return;
      const { candidate } = entry;
      entry.warming = candidate.warming && this.#entries.get(candidate) === entry;
      if (entry.warming) this.#warming.push(entry);
      if (entry.at === -1) continue;
      entry.load = this.#loadOf(candidate);
      // Its turn was put off for a smaller weight.
      entry.turn = Math.min(entry.turn, this.#now + 1 / candidate.weight);
      this.#settle(entry);
    }
  }

  /**
   * The best entry not to be avoided, or `fallback`: as many steps as there are entries to avoid,
   * never all of them.
   */
  #firstOutside(avoid: ReadonlySet<C>, fallback: Entry<C>): Entry<C> {
    const aside: Entry<C>[] = [];
    let found = this.#heap[0];
    while (found !== undefined && avoid.has(found.candidate)) {
      this.#extract(found);
      aside.push(found);
      found = this.#heap[0];
    }
    for (const entry of aside) this.#insert(entry);
    return found ?? fallback;
  }

  #insert(entry: Entry<C>): void {
    entry.at = this.#heap.length;
    this.#heap.push(entry);
    this.#rise(entry);
  }

  #extract(entry: Entry<C>): void {
    const last = this.#heap.pop();
    const at = entry.at;
    entry.at = -1;
    if (last === undefined || last === entry) return;
    this.#place(last, at);
    this.#settle(last);
  }

  /** Puts an entry whose key changed where it belongs. */
  #settle(entry: Entry<C>): void {
    this.#rise(entry);
    this.#sink(entry);
  }

  #rise(entry: Entry<C>): void {
    while (entry.at > 0) {
      const parent = this.#heap[(entry.at - 1) >> 1];
      if (parent === undefined || !before(entry, parent)) return;
      this.#swap(entry, parent);
    }
  }

  #sink(entry: Entry<C>): void {
    for (;;) {
      const left = this.#heap[2 * entry.at + 1];
      if (left === undefined) return;
      const right = this.#heap[2 * entry.at + 2];
      const child = right !== undefined && before(right, left) ? right : left;
      if (!before(child, entry)) return;
      this.#swap(entry, child);
    }
  }

  #swap(a: Entry<C>, b: Entry<C>): void {
    const at = a.at;
    this.#place(a, b.at);
    this.#place(b, at);
  }

  #place(entry: Entry<C>, at: number): void {
    this.#heap[at] = entry;
    entry.at = at;
  }
}

function before<C>(a: Entry<C>, b: Entry<C>): boolean {
  if (a.load !== b.load) return a.load < b.load;
  if (a.turn !== b.turn) return a.turn < b.turn;
  return a.sequence < b.sequence;
}
