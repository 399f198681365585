// Backups: a balancer for the primaries and one for the backups, which are asked only while no primary can be hoped for.

import type { Balancer, Candidate } from './balancer.ts';

/** A candidate that may be a backup. */
export interface Ranked extends Candidate {
  readonly backup: boolean;
}

/**
 * A primary that is full is waited for: backups are for when the others cannot serve, not for when they are busy. One that
 * may be tried again after a failure is: without requests it would never be found to be back.
 *
 * Invariant: `#hopeful` holds the primaries that could take a request or were not lifeless when the pool last spoke of
 * them, which it does whenever that changes.
 */
export class Tiers<C extends Ranked> implements Balancer<C> {
  readonly #primaries: Balancer<C>;
  readonly #backups: Balancer<C>;
  readonly #hopeful = new Set<C>();

  constructor(primaries: Balancer<C>, backups: Balancer<C>) {
    this.#primaries = primaries;
    this.#backups = backups;
  }

  add(candidate: C): void {
    if (!candidate.backup) this.#hopeful.add(candidate);
    this.#tierOf(candidate).add(candidate);
  }

  remove(candidate: C): void {
    if (!candidate.backup) {
      if (candidate.lifeless) this.#hopeful.delete(candidate);
      else this.#hopeful.add(candidate);
    }
    this.#tierOf(candidate).remove(candidate);
  }

  leave(candidate: C): void {
    this.#hopeful.delete(candidate);
    this.#tierOf(candidate).leave(candidate);
  }

  pick(avoid: ReadonlySet<C>, key: string): C | 'later' | undefined {
    const tier = this.#hopeful.size > 0 ? this.#primaries : this.#backups;
    return tier.pick(avoid, key);
  }

  #tierOf(candidate: C): Balancer<C> {
    return candidate.backup ? this.#backups : this.#primaries;
  }
}
