// PassiveHealth and classOf: which outcomes count against an upstream, and when they are too many.

import { describe, expect, it } from 'vitest';
import { PASSIVE_CLASSES, type PassiveClass } from '../../../src/config/settings.ts';
import { FAILURES, type FailureCode } from '../../../src/core/errors.ts';
import { classOf, PassiveHealth } from '../../../src/health/passive.ts';
import { ABANDONED, CLOSED, failed, good, PASSIVE, REFUSED } from '../../support/parts/health-parts.ts';

const ALL: ReadonlySet<PassiveClass> = new Set(PASSIVE_CLASSES);
const CODES = Object.keys(FAILURES) as FailureCode[];

/** Every code that says something against an upstream, and what. */
const COUNTED: Partial<Record<FailureCode, PassiveClass>> = {
  FCGI_LB_CONNECT_REFUSED: 'refused',
  FCGI_LB_CONNECT_MISSING: 'refused',
  FCGI_LB_CONNECT_DENIED: 'refused',
  FCGI_LB_CONNECT_FAILED: 'refused',
  FCGI_LB_CONNECT_TIMEOUT: 'timeout',
  FCGI_LB_UPSTREAM_SEND_TIMEOUT: 'timeout',
  FCGI_LB_UPSTREAM_READ_TIMEOUT: 'timeout',
  FCGI_LB_UPSTREAM_CLOSED: 'closed',
  FCGI_LB_UPSTREAM_CANT_MULTIPLEX: 'closed',
  FCGI_LB_UPSTREAM_UNKNOWN_ROLE: 'invalid_header',
  FCGI_LB_UPSTREAM_BAD_RECORD: 'invalid_header',
  FCGI_LB_UPSTREAM_BAD_HEAD: 'invalid_header',
  FCGI_LB_UPSTREAM_NO_HEAD: 'invalid_header',
  FCGI_LB_UPSTREAM_HEAD_TOO_LARGE: 'invalid_header',
};

describe('what an outcome says of an upstream', () => {
  it('is told by the code of the failure, for every code there is', () => {
    expect(Object.fromEntries(CODES.map((code) => [code, classOf(failed(code), ALL)]))).toEqual(
      Object.fromEntries(CODES.map((code) => [code, COUNTED[code] ?? 'nothing'])),
    );
  });

  it('is nothing when the worker is busy: its backlog is full, or it says OVERLOADED', () => {
    expect(classOf(failed('FCGI_LB_CONNECT_BUSY'), ALL)).toBe('nothing');
    expect(classOf(failed('FCGI_LB_UPSTREAM_OVERLOADED'), ALL)).toBe('nothing');
  });

  it('is nothing when the client left, whatever the client did', () => {
    expect(classOf(ABANDONED, ALL)).toBe('nothing');
    for (const code of CODES.filter((each) => FAILURES[each].side !== 'upstream')) {
      expect([code, classOf(failed(code), ALL)]).toEqual([code, 'nothing']);
    }
  });

  it('is good for an answer of any status, and for a 5xx, too, unless the operator counts those', () => {
    for (const status of [200, 302, 404, 499, 500, 503, 599]) expect(classOf(good(status), PASSIVE.on)).toBe('good');
    for (const status of [200, 302, 404, 499]) expect(classOf(good(status), ALL)).toBe('good');
    for (const status of [500, 503, 599]) expect(classOf(good(status), ALL)).toBe('http_5xx');
  });

  it('is a bad head when the answer ended before its head did', () => {
    expect(classOf({ kind: 'complete', status: undefined }, ALL)).toBe('invalid_header');
  });

  it('is nothing, not good, for a failure that the operator does not count', () => {
    for (const [code, kind] of Object.entries(COUNTED)) {
      const others = new Set(PASSIVE_CLASSES.filter((each) => each !== kind));
      expect([code, classOf(failed(code as FailureCode), others)]).toEqual([code, 'nothing']);
    }
  });
});

describe('passive health', () => {
  it('finds an upstream bad at the third failure of one class within the window, not before', () => {
    const health = new PassiveHealth(PASSIVE);
    expect([health.observe(CLOSED, 0), health.observe(CLOSED, 10)]).toEqual([undefined, undefined]);
    expect(health.observe(CLOSED, 20)).toBe('3 requests failed within 10000 ms (closed)');
  });

  it('does not add failures of different classes up', () => {
    const health = new PassiveHealth(PASSIVE);
    const codes = ['FCGI_LB_UPSTREAM_CLOSED', 'FCGI_LB_UPSTREAM_READ_TIMEOUT', 'FCGI_LB_UPSTREAM_BAD_HEAD'] as const;
    for (let i = 0; i < 6; i += 1) expect(health.observe(failed(codes[i % 3] ?? codes[0]), i)).toBeUndefined();
    expect(health.observe(CLOSED, 7)).toContain('(closed)');
  });

  it('forgets what is older than the window, and no sooner', () => {
    for (const [pause, bad] of [
      [4000, true],
      [5500, false],
    ] as const) {
      const health = new PassiveHealth(PASSIVE);
      health.observe(CLOSED, 500);
      health.observe(CLOSED, 500 + pause);
      expect([pause, health.observe(CLOSED, 500 + 2 * pause) !== undefined]).toEqual([pause, bad]);
    }
  });

  it('forgets all of it after a long silence', () => {
    const health = new PassiveHealth(PASSIVE);
    for (let i = 0; i < 2; i += 1) health.observe(CLOSED, i);
    expect(health.observe(CLOSED, 1e9)).toBeUndefined();
  });

  it('lets a busy upstream have a few failures: the share of its requests must be reached as well', () => {
    const health = new PassiveHealth(PASSIVE);
    for (let i = 0; i < 10; i += 1) health.observe(good(), i);
    const verdicts = Array.from({ length: 10 }, (_, i) => health.observe(CLOSED, 100 + i) !== undefined);
    expect(verdicts).toEqual([...Array.from({ length: 9 }, () => false), true]);
  });

  it('counts every failure, of whatever class, towards the share', () => {
    const health = new PassiveHealth(PASSIVE);
    for (let i = 0; i < 5; i += 1) health.observe(good(), i);
    for (let i = 0; i < 2; i += 1) health.observe(failed('FCGI_LB_UPSTREAM_READ_TIMEOUT'), i);
    const verdicts = Array.from({ length: 3 }, (_, i) => health.observe(CLOSED, 100 + i) !== undefined);
    expect(verdicts).toEqual([false, false, true]);
  });

  it('is never told anything by full backlogs, overload and clients that leave', () => {
    const health = new PassiveHealth({ ...PASSIVE, maxFails: 1, failShare: 0 });
    for (const outcome of [failed('FCGI_LB_CONNECT_BUSY'), failed('FCGI_LB_UPSTREAM_OVERLOADED'), ABANDONED, good(500)]) {
      for (let i = 0; i < 100; i += 1) expect(health.observe(outcome, i)).toBeUndefined();
    }
  });

  it('counts from nothing after a reset', () => {
    const health = new PassiveHealth(PASSIVE);
    for (let i = 0; i < 2; i += 1) health.observe(REFUSED, i);
    health.reset();
    for (let i = 0; i < 2; i += 1) expect(health.observe(REFUSED, 10 + i)).toBeUndefined();
    expect(health.observe(REFUSED, 12)).toContain('3 requests');
  });
});
