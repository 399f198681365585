// Backups: a balancer for the primaries and one for the backups, which are asked only while no
// primary can be hoped for.

import type { Balancer, Candidate } from './balancer.ts';

/** A candidate that may be a backup. */
export interface Ranked extends Candidate {
  readonly backup: boolean;
}

/**
 * A primary that is only full is waited for: backups are for when the others cannot serve, not for
 * when they are busy. A lifeless one that can take a request may be tried again, and is: without
 * requests it would never be found to be back.
 *
 * Invariant: `#lively` and `#onTrial` hold the primaries that were so when the pool last spoke of
 * them, which it does whenever that changes.
 */
export class Tiers<C extends Ranked> implements Balancer<C> {
  readonly #primaries: Balancer<C>;
  readonly #backups: Balancer<C>;
  readonly #lively = new Set<C>();
  /** Lifeless, but candidates. */
  readonly #onTrial = new Set<C>();

  constructor(primaries: Balancer<C>, backups: Balancer<C>) {
    this.#primaries = primaries;
    this.#backups = backups;
  }

  add(candidate: C): void {
    this.#note(candidate, !candidate.unreachable, candidate.unreachable);
    this.#tierOf(candidate).add(candidate);
  }

  remove(candidate: C): void {
    this.#note(candidate, !candidate.unreachable, false);
    this.#tierOf(candidate).remove(candidate);
  }

  leave(candidate: C): void {
    this.#note(candidate, false, false);
    this.#tierOf(candidate).leave(candidate);
  }

  pick(avoid: ReadonlySet<C>, key: string): C | 'later' | undefined {
    if (this.#lively.size > 0) return this.#primaries.pick(avoid, key);
    if (this.#onTrial.size === 0) return this.#backups.pick(avoid, key);
    const trial = this.#primaries.pick(avoid, key);
    if (typeof trial !== 'object' || !avoid.has(trial)) return trial;
    // It was this request that found it lifeless.
    const backup = this.#backups.pick(avoid, key);
    return typeof backup === 'object' ? backup : trial;
  }

  #note(candidate: C, lively: boolean, onTrial: boolean): void {
    if (candidate.backup) return;
    if (lively) this.#lively.add(candidate);
    else this.#lively.delete(candidate);
    if (onTrial) this.#onTrial.add(candidate);
    else this.#onTrial.delete(candidate);
  }

  #tierOf(candidate: C): Balancer<C> {
    return candidate.backup ? this.#backups : this.#primaries;
  }
}
