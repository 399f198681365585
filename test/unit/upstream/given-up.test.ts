// GivenUp: which exchanges are overdue, and when nothing can be expected of the slots they hold.

import { describe, expect, it } from 'vitest';
import { ProxyError } from '../../../src/core/errors.ts';
import { GivenUp } from '../../../src/upstream/given-up.ts';
import { Occupancy } from '../../../src/upstream/slots/occupancy.ts';
import { Slots } from '../../../src/upstream/slots/slots.ts';
import type { ExchangeOutcome } from '../../../src/upstream/transport/request.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const TIMED_OUT: ExchangeOutcome = { kind: 'failed', error: new ProxyError('FCGI_LB_UPSTREAM_READ_TIMEOUT', 'test') };
const LEFT: ExchangeOutcome = { kind: 'abandoned' };

function parts(capacity: number, at = new Occupancy(), clock = new FakeClock()) {
  const slots = new Slots(capacity, at);
  const givenUp = new GivenUp(slots, clock, () => ({ send: 50, read: 100, linger: 1000 }));
  const begin = (outcome: ExchangeOutcome, purpose: 'request' | 'probe' = 'request') => {
    const exchange = { index: -1, destroy: () => undefined };
    slots.take();
    givenUp.add(exchange, outcome, purpose);
    return exchange;
  };
  return { slots, givenUp, begin, clock };
}

describe('requests that are given up', () => {
  it('are overdue at once after a time-out, and after the read timeout in silence when their client has left', () => {
    const { givenUp, begin, clock } = parts(2);
    const left = begin(LEFT);
    begin(TIMED_OUT);
    clock.advance(99);
    expect(givenUp.reason).toBeUndefined();
    givenUp.heard(left);
    clock.advance(99);
    expect(givenUp.reason).toBeUndefined();
    clock.advance(1);
    expect(givenUp.reason).toBe('all 2 of its requests have run past the read timeout of 100 ms and still hold the slots');
  });

  it('are not overdue when their worker shows life, and are again when it falls silent', () => {
    const { slots, givenUp, begin, clock } = parts(1);
    const late = begin(TIMED_OUT);
    expect(slots.stuck).toBe(true);
    givenUp.heard(late);
    expect([slots.overdue, givenUp.reason, givenUp.over]).toEqual([0, undefined, 'its worker shows life again']);
    clock.advance(100);
    expect(slots.stuck).toBe(true);
    givenUp.heard(late);
    givenUp.end(late);
    slots.give();
    expect([slots.overdue, givenUp.reason, clock.pending]).toEqual([0, undefined, 0]);
  });

  it('leave a doubt when they are cut off without a word from an upstream that had no other, until it is proved', () => {
    const { slots, givenUp, begin } = parts(1);
    const cut = begin(TIMED_OUT);
    expect(givenUp.end(cut)).toBe(true);
    slots.give();
    expect([givenUp.unproved, givenUp.reason]).toEqual([true, expect.stringContaining('dropped at the linger timeout')]);
    expect([givenUp.proved('seen'), givenUp.proved('again'), givenUp.reason, givenUp.over]).toEqual([
      ...[true, false, undefined, 'seen'],
    ]);
  });

  it('leave none where other slots were of use', () => {
    const { slots, givenUp, begin } = parts(2);
    const cut = begin(TIMED_OUT);
    givenUp.end(cut);
    slots.give();
    expect([givenUp.unproved, givenUp.reason]).toEqual([false, undefined]);
  });

  it('do not count when they are probes', () => {
    const { slots, givenUp, begin, clock } = parts(1);
    const probe = begin(LEFT, 'probe');
    clock.advance(1000);
    expect([slots.overdue, givenUp.reason, givenUp.size, clock.pending]).toEqual([0, undefined, 1, 0]);
    givenUp.heard(probe);
    expect([givenUp.end(probe), givenUp.size]).toEqual([false, 0]);
  });

  it('count for all pools that share the worker, and not while one of them has a request that is in time', () => {
    const at = new Occupancy();
    const [one, other] = [parts(1, at), parts(1, at)];
    const late = one.begin(TIMED_OUT);
    expect([one.slots.stuck, other.slots.stuck]).toEqual([true, true]);
    expect(other.givenUp.reason).toBe('a request of another pool has run past its time limit and still holds the worker');
    one.givenUp.end(late);
    one.slots.give();
    expect([one.slots.stuck, other.slots.stuck]).toEqual([false, false]);
    const [wide, narrow] = [parts(3, at), one];
    wide.begin(TIMED_OUT);
    wide.slots.take();
    wide.slots.take();
    expect([wide.slots.stuck, narrow.slots.free, narrow.slots.stuck]).toEqual([false, false, false]);
  });
});
