// decideRetry: the whole table, and above all that nothing which may not be done twice is ever sent
// twice.

import { describe, expect, it } from 'vitest';
import { RETRY_DEFAULTS } from '../../../src/config/defaults.ts';
import { RETRY_CLASSES } from '../../../src/config/settings.ts';
import { FAILURES, type FailureCode, ProxyError } from '../../../src/core/errors.ts';
import { decideRetry, REPEATABLE_METHODS, type RetryFacts, type RetryPolicy } from '../../../src/pool/retry.ts';

const CODES = Object.keys(FAILURES) as FailureCode[];
const BOOLEANS = [true, false];
const FACTS: readonly RetryFacts[] = [0, 1, 2, 3, 4].flatMap((attempts) =>
  BOOLEANS.flatMap((repeatable) => BOOLEANS.map((bodyAtHand) => ({ attempts, repeatable, bodyAtHand }))),
);

/** Failures after which a worker provably began nothing. */
const UNSENT: readonly FailureCode[] = [
  'FCGI_LB_CONNECT_REFUSED',
  'FCGI_LB_CONNECT_MISSING',
  'FCGI_LB_CONNECT_BUSY',
  'FCGI_LB_CONNECT_DENIED',
  'FCGI_LB_CONNECT_TIMEOUT',
  'FCGI_LB_CONNECT_FAILED',
  'FCGI_LB_UPSTREAM_OVERLOADED',
  'FCGI_LB_UPSTREAM_CANT_MULTIPLEX',
];
/** Failures after which a worker may have begun, and nothing has reached the client. */
const BEGUN: readonly FailureCode[] = [
  'FCGI_LB_UPSTREAM_CLOSED',
  'FCGI_LB_UPSTREAM_BAD_RECORD',
  'FCGI_LB_UPSTREAM_BAD_HEAD',
  'FCGI_LB_UPSTREAM_NO_HEAD',
  'FCGI_LB_UPSTREAM_SEND_TIMEOUT',
  'FCGI_LB_UPSTREAM_READ_TIMEOUT',
  'FCGI_LB_UPSTREAM_STATUS',
];

const decide = (code: FailureCode, facts: RetryFacts, policy: RetryPolicy = RETRY_DEFAULTS): string =>
  decideRetry(new ProxyError(code, 'test'), facts, policy);

describe('decideRetry', () => {
  it('waits for another worker, uncounted, after a failure that reached no worker, as long as the body is at hand', () => {
    for (const code of UNSENT) {
      for (const facts of FACTS)
        expect([code, facts, decide(code, facts)]).toEqual([code, facts, facts.bodyAtHand ? 'uncounted' : 'give-up']);
    }
  });

  it('sends again what a worker may have begun only if it may be repeated, and only so many times', () => {
    for (const code of BEGUN) {
      for (const facts of FACTS) {
        const again = facts.repeatable && facts.bodyAtHand && facts.attempts < 3;
        expect([code, facts, decide(code, facts)]).toEqual([code, facts, again ? 'again' : 'give-up']);
      }
    }
  });

  it('never sends again what must not be repeated, unless no worker can have begun it', () => {
    for (const code of CODES.filter((code) => !UNSENT.includes(code))) {
      for (const facts of FACTS) if (!facts.repeatable) expect([code, decide(code, facts)]).toEqual([code, 'give-up']);
    }
  });

  it('gives up on each class of failures that the operator leaves out, and on no other', () => {
    const facts = { attempts: 1, repeatable: true, bodyAtHand: true };
    for (const code of [...UNSENT, ...BEGUN]) {
      const failureClass = FAILURES[code].class;
      for (const left of RETRY_CLASSES) {
        const policy = { ...RETRY_DEFAULTS, on: new Set(RETRY_CLASSES.filter((each) => each !== left)) };
        expect([code, left, decide(code, facts, policy) === 'give-up']).toEqual([code, left, failureClass === left]);
      }
    }
  });

  it('sends a POST that a worker may have begun again only if the operator says that it does no harm', () => {
    const facts = { attempts: 1, repeatable: false, bodyAtHand: true };
    for (const code of BEGUN) {
      expect([code, decide(code, facts, { ...RETRY_DEFAULTS, nonIdempotent: true })]).toEqual([code, 'again']);
    }
  });

  it('gives up on everything else: the fault of the client, of the queue, or our own', () => {
    const others = CODES.filter((code) => !UNSENT.includes(code) && !BEGUN.includes(code));
    expect(others.length).toBeGreaterThan(10);
    for (const code of others) for (const facts of FACTS) expect([code, decide(code, facts)]).toEqual([code, 'give-up']);
  });

  it('knows the methods that may be repeated, and no other, whatever its case', () => {
    for (const method of ['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE', 'PROPFIND', 'REPORT', 'SEARCH', 'QUERY']) {
      expect([method, REPEATABLE_METHODS.has(method)]).toEqual([method, true]);
    }
    for (const method of [
      'POST',
      'PATCH',
      'LOCK',
      'MKCOL',
      'MOVE',
      'COPY',
      'CONNECT',
      'PURGE',
      'get',
      'Post',
      'FROBNICATE',
      '',
    ]) {
      expect([method, REPEATABLE_METHODS.has(method)]).toEqual([method, false]);
    }
  });
});

describe('the table of failures', () => {
  it('gives each failure a status that fits the side at fault', () => {
    for (const code of CODES) {
      const error = new ProxyError(code, 'test');
      const fits =
        error.side === 'client' ? error.status >= 400 && error.status < 500 : error.status >= 500 && error.status < 600;
      expect([code, error.status, fits]).toEqual([code, error.status, true]);
    }
  });

  it('lets nothing be repeated that failed in the middle of the answer, or by the fault of the client', () => {
    for (const code of CODES) {
      const { side, stage, retry } = new ProxyError(code, 'test');
      if (side !== 'upstream' || stage === 'body' || stage === 'queue') expect([code, retry]).toEqual([code, 'never']);
      if (stage === 'connect') expect([code, retry]).toEqual([code, 'unsent']);
    }
  });
});
