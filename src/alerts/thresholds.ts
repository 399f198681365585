// When a number is too high: two limits apart from each other, so that one that hovers is not a
// change each time.

import type { ErrorsRule, QueueRule } from '../config/alerts.ts';

/** The share of a limit below which all is well again. */
const RELIEF = 0.5;

/**
 * Whether too many wait.
 * @param was the last result
 * @param size places in the queue
 */
export function queueIs(was: 'bad' | 'good', { over }: QueueRule, waiting: number, size: number): 'bad' | 'good' {
  const limit = queueLimit({ over }, size);
  if (waiting > limit) return 'bad';
  return was === 'bad' && waiting > limit * RELIEF ? 'bad' : 'good';
}

/** Requests; more are too many. */
export function queueLimit({ over }: QueueRule, size: number): number {
  return over.kind === 'count' ? over.value : Math.floor(over.value * size);
}

/** Readings that a window is made of. */
const STEPS = 60;

/** Counters that only ever grow. */
export interface Counted {
  /** Client requests that have ended. */
  readonly requests: number;
  /** Requests that ended with a 5xx. */
  readonly errors: number;
}

/** What came in the window. */
export interface Rate extends Counted {
  readonly share: number;
}

/**
 * The counters of one pool over the last while. Invariant: readings in order of time, the first at
 * or before the window's start.
 */
export class ErrorWindow {
  readonly #readings: { readonly at: number; readonly counted: Counted }[] = [];

  /** @param at clock time (ms); @param window ms */
  add(at: number, counted: Counted, window: number): void {
    const latest = this.#readings.at(-1)?.counted;
    // Counters that begin anew belong to another pool of the same name.
    if (latest !== undefined && (counted.requests < latest.requests || counted.errors < latest.errors)) this.#readings.length = 0;
    // The latest takes the place of the one before it while that is recent: a long window needs no
    // more readings than a short one.
    const [before, newest] = this.#readings.slice(-2);
    if (before !== undefined && newest !== undefined && newest.at - before.at < window / STEPS) this.#readings.pop();
    this.#readings.push({ at, counted });
    const start = at - window;
    while (this.#readings.length > 1 && (this.#readings[1]?.at ?? at) <= start) this.#readings.shift();
  }

  /** Readings that are kept. */
  get size(): number {
    return this.#readings.length;
  }

  get rate(): Rate {
    const [first, last] = [this.#readings[0]?.counted, this.#readings.at(-1)?.counted];
    const requests = (last?.requests ?? 0) - (first?.requests ?? 0);
    const errors = (last?.errors ?? 0) - (first?.errors ?? 0);
    return { requests, errors, share: requests === 0 ? 0 : errors / requests };
  }
}

/**
 * Whether too many fail.
 * @param was the last result, which stays while there is no request
 */
export function errorsAre(was: 'bad' | 'good', rule: ErrorsRule, { requests, share }: Rate): 'bad' | 'good' {
  if (requests >= rule.minRequests && share >= rule.share) return 'bad';
  if (was === 'good') return 'good';
  return requests === 0 || share >= rule.share * RELIEF ? 'bad' : 'good';
}
