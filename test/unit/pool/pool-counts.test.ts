// What a pool counts: who waited and how long, who was refused and why, and how requests ended.

import { describe, expect, it } from 'vitest';
import { PoolCounts } from '../../../src/pool/pool-counts.ts';
import { ask, fail, poolParts, start } from '../../support/parts/pool-parts.ts';

describe('waits', () => {
  it('are those of requests that did not get an upstream at once', () => {
    const parts = poolParts();
    parts.join('w1');
    const first = ask(parts, 'first');
    const second = ask(parts, 'second');
    expect(parts.pool.counts.waits.all.count).toBe(0);
    parts.clock.advance(200);
    if (first.lease !== undefined) start(first.lease).destroy();
    expect(second.heard).toBe('w1');
    expect(parts.pool.counts.waits.all).toMatchObject({ count: 1, sum: 200 });
  });

  it('count however they end: granted, refused, or given up', () => {
    const parts = poolParts({ timeout: 1000 });
    parts.join('w1');
    ask(parts, 'served');
    const leaves = ask(parts, 'leaves');
    ask(parts, 'is refused');
    parts.clock.advance(300);
    if (leaves.place !== undefined) parts.pool.cancel(leaves.place);
    if (leaves.place !== undefined) parts.pool.cancel(leaves.place);
    expect(parts.pool.counts.waits.all).toMatchObject({ count: 1, sum: 300 });
    parts.clock.advance(700);
    expect(parts.pool.counts.waits.all).toMatchObject({ count: 2, sum: 1300 });
  });

  it('have an age while they last: that of whoever waits longest', () => {
    const parts = poolParts({ timeout: 1000 });
    parts.join('w1');
    ask(parts, 'served');
    expect(parts.pool.oldestWait).toBeUndefined();
    const first = ask(parts, 'first');
    parts.clock.advance(100);
    ask(parts, 'second');
    parts.clock.advance(50);
    expect(parts.pool.oldestWait).toBe(150);
    if (first.place !== undefined) parts.pool.cancel(first.place);
    expect(parts.pool.oldestWait).toBe(50);
  });
});

describe('rejections', () => {
  it('are counted by the code that the request is refused with', () => {
    const parts = poolParts({ size: 1, timeout: 1000, failFastAfter: 5000 });
    const w1 = parts.join('w1');
    ask(parts, 'served');
    ask(parts, 'waits until its deadline');
    ask(parts, 'finds the queue full');
    parts.clock.advance(1000);
    expect(parts.pool.counts.rejected.counts()).toEqual({ FCGI_LB_QUEUE_FULL: 1, FCGI_LB_QUEUE_TIMEOUT: 1 });
    parts.pool.remove(w1);
    parts.clock.advance(5000);
    ask(parts, 'comes when all is lost');
    expect(parts.pool.counts.rejected.of('FCGI_LB_POOL_DOWN')).toBe(1);
    parts.pool.destroy();
    ask(parts, 'comes too late');
    expect(parts.pool.counts.rejected.of('FCGI_LB_POOL_CLOSED')).toBe(1);
  });
});

describe('an upstream', () => {
  it('counts the requests it is given, not the leases', () => {
    const parts = poolParts();
    const w1 = parts.join('w1');
    ask(parts, 'gives its lease back').lease?.release();
    expect(w1.counts.requests).toBe(0);
    const { lease } = ask(parts, 'uses it');
    if (lease !== undefined) fail(lease);
    expect(w1.counts.requests).toBe(1);
  });
});

describe('requests that have ended', () => {
  it('are counted by the class of their status', () => {
    const counts = new PoolCounts();
    for (const status of [200, 204, 302, 404, 499, 502, 700, 999, 101]) counts.ended(status, 1, 2, 3, 0);
    expect(counts.requests).toBe(9);
    const classes = (['other', '1xx', '2xx', '3xx', '4xx', '5xx'] as const).map((of) => counts.statuses(of));
    expect(classes).toEqual([2, 1, 2, 1, 2, 1]);
  });

  it('have only the times of the stages that they came to, and a tunnel has no total', () => {
    const counts = new PoolCounts();
    counts.ended(503, undefined, undefined, 5, 0);
    counts.ended(504, 1, undefined, 60_000, 0);
    counts.ended(200, 1, 2, 4, 0);
    counts.ended(101, 1, 2, 3_600_000, 0);
    const all = [counts.connect, counts.head, counts.total].map(({ all: { count, sum } }) => [count, sum]);
    expect(all).toEqual([
      [3, 3],
      [2, 4],
      [3, 60_009],
    ]);
  });
});
