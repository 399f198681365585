// Whether a request that failed may be given to an upstream again. Pure: facts in, decision out.

import type { FailureClass, ProxyError } from '../core/errors.ts';

/**
 * `again`: as one more attempt. `uncounted`: as if nothing had happened, with its old place in the
 * queue.
 */
export type RetryDecision = 'again' | 'uncounted' | 'give-up';

/** What the operator allows. */
export interface RetryPolicy {
  readonly on: ReadonlySet<FailureClass>;
  /** Statuses of an answer that may be asked for again. */
  readonly statuses: ReadonlySet<number>;
  /** Times one request may be sent to workers that may have begun it. */
  readonly attempts: number;
  readonly nonIdempotent: boolean;
}

export interface RetryFacts {
  /** Times the request was sent to a worker that may have begun it. */
  readonly attempts: number;
  readonly repeatable: boolean;
  /** False once bytes of a streamed body are spent. */
  readonly bodyAtHand: boolean;
}

/**
 * A request of which a worker provably began nothing is never given up here: it waits for a worker
 * as long as the queue allows. One that a worker may have begun is sent again only if doing it
 * twice does no harm: a POST is never executed twice (DESIGN.md fact 10).
 */
export function decideRetry(error: ProxyError, facts: RetryFacts, policy: RetryPolicy): RetryDecision {
  if (!facts.bodyAtHand || error.class === undefined) return 'give-up';
  if (error.class !== 'status' && !policy.on.has(error.class)) return 'give-up';
  if (error.retry === 'unsent') return 'uncounted';
  if (error.retry !== 'idempotent' || facts.attempts >= policy.attempts) return 'give-up';
  return facts.repeatable || policy.nonIdempotent ? 'again' : 'give-up';
}

/**
 * Methods that may be repeated: the idempotent ones of RFC 9110 9.2.2 and the safe ones of WebDAV
 * (RFC 4918, 3253, 5323) and QUERY. A method not known here is treated like POST.
 */
export const REPEATABLE_METHODS: ReadonlySet<string> = new Set([
  'GET',
  'HEAD',
  'OPTIONS',
  'TRACE',
  'PUT',
  'DELETE',
  'PROPFIND',
  'REPORT',
  'SEARCH',
  'QUERY',
]);
