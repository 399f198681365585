// The port of every probe: one question put to one upstream, one answer.

import type { ProbeLease } from '../upstream/probe-lease.ts';

export type ProbeAnswer =
  | { readonly kind: 'good' }
  /** `reason` is for the operator: what was wrong, in a few words, without the upstream's name. */
  | { readonly kind: 'bad'; readonly reason: string }
  /**
   * Nothing can be said: the worker is at work (a full backlog, OVERLOADED), and that is a sign of
   * life.
   */
  | { readonly kind: 'busy' }
  /**
   * The question could not be put, and not for anything the upstream did: its command is missing,
   * no descriptor is free.
   */
  | { readonly kind: 'unasked'; readonly reason: string };

export interface Probe {
  /**
   * Asks, in the slot that was lent, and gives the loan back by itself on every path.
   * @param done called once, unless given up before
   * @returns how to give up: nothing is reported any more, and the slot is free as soon as the
   *   worker's state allows
   */
  ask(loan: ProbeLease, done: (answer: ProbeAnswer) => void): () => void;
}

/** What a prober needs to know of its upstream. */
export interface ProbeTarget {
  readonly name: string;
  readonly inFlight: number;
  /** Whether a request has gone there since its address appeared. */
  readonly used: boolean;
  /** False while the upstream gets no requests for its health. */
  readonly well: boolean;
  /** A slot for a probe; undefined when none is free or the upstream is to get nothing. */
  leaseForProbe(): ProbeLease | undefined;
}
