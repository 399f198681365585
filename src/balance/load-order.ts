// Those with the least load for their weight, in turn: the quick way while all weigh the same, and
// a heap once they do not.

import type { Candidate, ReadyBalancer } from './balancer.ts';
import { EqualWeightRing } from './equal-weight-ring.ts';
import { WeightedHeap } from './weighted-heap.ts';

/**
 * Nearly all pools have no weights, and for them the cost of a choice hardly depends on their size.
 * The first weight that is different moves everybody to a ranking, for good.
 */
export class LoadOrder<C extends Candidate> implements ReadyBalancer<C> {
  readonly #loadOf: (candidate: C) => number;
  readonly #equals: EqualWeightRing<C>;
  #current: EqualWeightRing<C> | WeightedHeap<C>;
  /** What all weigh; undefined before the first has come and once they differ. */
  #weight: number | undefined;

  /** @param loadOf a whole number; it is divided by the weight, and less is better */
  constructor(loadOf: (candidate: C) => number) {
    this.#loadOf = loadOf;
    this.#equals = new EqualWeightRing<C>(loadOf);
    this.#current = this.#equals;
  }

  /** Candidates now. */
  get size(): number {
    return this.#current.size;
  }

  add(candidate: C): void {
    if (candidate.weight !== this.#weight && this.#current === this.#equals) this.#weigh(candidate);
    this.#current.add(candidate);
  }

  remove(candidate: C): void {
    this.#current.remove(candidate);
  }

  leave(candidate: C): void {
    this.#current.leave(candidate);
  }

  pick(avoid: ReadonlySet<C>): C | undefined {
    return this.#current.pick(avoid);
  }

  #weigh({ weight }: C): void {
    if (this.#weight === undefined) {
      this.#weight = weight;
      return;
    }
    const loadOf = this.#loadOf;
    const ranking = new WeightedHeap<C>((candidate) => loadOf(candidate) / candidate.weight);
    // In their order, so that nobody is passed over for it.
    for (const candidate of [...this.#equals]) {
      this.#equals.leave(candidate);
      ranking.add(candidate);
    }
    this.#current = ranking;
  }
}
