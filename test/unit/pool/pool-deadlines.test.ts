// How long requests wait in a pool's queue, and what becomes of those whose time is over.

import { describe, expect, it } from 'vitest';
import { Asker, ask, poolParts } from '../../support/parts/pool-parts.ts';

describe('the deadline of a request that waits', () => {
  it('is the queue timeout: each is refused at its own, not a moment before', () => {
    const parts = poolParts({ timeout: 1000 });
    parts.join('a');
    ask(parts);
    const one = ask(parts);
    parts.clock.advance(400);
    const two = ask(parts);
    parts.clock.advance(599);
    expect([one.heard, two.heard]).toEqual(['nothing', 'nothing']);
    parts.clock.advance(1);
    expect([one.heard, two.heard]).toEqual(['FCGI_LB_QUEUE_TIMEOUT', 'nothing']);
    expect(one.error).toMatchObject({
      status: 503,
      message: 'pool rt: no upstream was free for 1000 ms; of its 1 upstreams 1 are full and 0 failing',
    });
    parts.clock.advance(399);
    expect(two.heard).toBe('nothing');
    parts.clock.advance(1);
    expect([two.heard, parts.pool.waiting, parts.clock.pending]).toEqual(['FCGI_LB_QUEUE_TIMEOUT', 0, 0]);
  });

  it('needs one timer, however many wait', () => {
    const parts = poolParts();
    for (let i = 0; i < 50; i += 1) {
      ask(parts);
      parts.clock.advance(1);
    }
    expect([parts.pool.waiting, parts.clock.pending]).toEqual([50, 1]);
  });

  it('holds when those in front of it have gone', () => {
    const parts = poolParts({ timeout: 1000 });
    const one = ask(parts);
    parts.clock.advance(500);
    const two = ask(parts);
    if (one.place !== undefined) parts.pool.cancel(one.place);
    parts.clock.advance(999);
    expect(two.heard).toBe('nothing');
    parts.clock.advance(1);
    expect([one.heard, two.heard]).toEqual(['nothing', 'FCGI_LB_QUEUE_TIMEOUT']);
  });

  it('is over in time also for who comes when the queue has been empty for long', () => {
    const parts = poolParts({ timeout: 1000 });
    ask(parts);
    parts.clock.advance(5000);
    const late = ask(parts);
    parts.clock.advance(999);
    expect(late.heard).toBe('nothing');
    parts.clock.advance(1);
    expect(late.heard).toBe('FCGI_LB_QUEUE_TIMEOUT');
  });

  it('is kept by a request that comes back: it has its turn of before, also in a full queue, and no more time', () => {
    const parts = poolParts({ size: 2, timeout: 1000 });
    const upstream = parts.join('a');
    const holder = ask(parts);
    const first = ask(parts);
    const deadline = first.place?.deadline ?? Number.NaN;
    expect(deadline).toBe(parts.clock.now() + 1000);
    parts.clock.advance(100);
    const second = ask(parts);
    holder.lease?.release();
    expect(first.heard).toBe('a');
    const third = ask(parts);
    upstream.want('drain', 'test');
    first.lease?.release();
    expect([parts.pool.waiting, ask(parts).heard]).toEqual([2, 'FCGI_LB_QUEUE_FULL']);
    const again = new Asker('first again');
    expect(parts.pool.acquire(again, deadline)?.deadline).toBe(deadline);
    upstream.want('serve', 'test');
    expect([again.heard, second.heard, third.heard]).toEqual(['a', 'nothing', 'nothing']);
    upstream.want('drain', 'test');
    again.lease?.release();
    const last = new Asker('first for the last time');
    parts.pool.acquire(last, deadline);
    parts.clock.advance(899);
    expect(last.heard).toBe('nothing');
    parts.clock.advance(1);
    expect([last.heard, second.heard]).toEqual(['FCGI_LB_QUEUE_TIMEOUT', 'nothing']);
  });

  it('that has passed already refuses soon, but not before the caller has its place', () => {
    const parts = poolParts();
    const asker = new Asker('late');
    const place = parts.pool.acquire(asker, parts.clock.now() - 500);
    expect([asker.heard, place === undefined]).toEqual(['nothing', false]);
    parts.clock.advance(1);
    expect(asker.heard).toBe('FCGI_LB_QUEUE_TIMEOUT');
  });
});
