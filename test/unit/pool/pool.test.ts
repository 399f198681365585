// Pool: one queue for all upstreams, in order, with deadlines, and never more than an upstream
// takes.

import { describe, expect, it } from 'vitest';
import { unixAddress } from '../../../src/core/address.ts';
import { Asker, ask, fail, poolParts, start } from '../../support/parts/pool-parts.ts';

describe('a pool with a free upstream', () => {
  it('grants it at once and gives no place in the queue', () => {
    const parts = poolParts();
    parts.join('a');
    const asker = ask(parts);
    expect([asker.heard, asker.place, parts.pool.waiting]).toEqual(['a', undefined, 0]);
  });

  it('gives each upstream as many as it takes, and no more', () => {
    const parts = poolParts();
    const [a, b] = [parts.join('a', { maxConns: 2 }), parts.join('b', { maxConns: 1 })];
    const heard = Array.from({ length: 5 }, () => ask(parts).heard);
    expect(heard.slice(0, 3).sort()).toEqual(['a', 'a', 'b']);
    expect(heard.slice(3)).toEqual(['nothing', 'nothing']);
    expect([a.inFlight, b.inFlight, parts.pool.waiting]).toEqual([2, 1, 2]);
  });

  it('never lets anybody wait for an upstream without a limit', () => {
    const parts = poolParts();
    const upstream = parts.join('a', { maxConns: Number.POSITIVE_INFINITY });
    for (let i = 0; i < 500; i += 1) expect(ask(parts).heard).toBe('a');
    expect(upstream.inFlight).toBe(500);
  });

  it('gives one exchange to an upstream whose capacity it does not know yet', () => {
    const parts = poolParts();
    const upstream = parts.join('a', { maxConns: 'auto' });
    expect([ask(parts).heard, ask(parts).heard, upstream.capacity]).toEqual(['a', 'nothing', undefined]);
  });

  it('prefers one that the request has not tried, and takes a tried one when there is no other', () => {
    const parts = poolParts();
    const [a, b] = [parts.join('a'), parts.join('b')];
    for (let i = 0; i < 4; i += 1) {
      const asker = ask(parts, 'again', a);
      expect(asker.heard).toBe('b');
      asker.lease?.release();
    }
    b.want('drain', 'test');
    expect(ask(parts, 'again', a).heard).toBe('a');
  });
});

describe('the queue of a pool', () => {
  it('is served in order, as slots come back', () => {
    const parts = poolParts();
    parts.join('a');
    const holder = ask(parts);
    const waiting = ['1', '2', '3'].map((name) => ask(parts, name));
    expect(waiting.map(({ heard }) => heard)).toEqual(['nothing', 'nothing', 'nothing']);
    let current: Asker | undefined = holder;
    for (const [index, next] of waiting.entries()) {
      current?.lease?.release();
      expect(waiting.map(({ heard }) => heard)).toEqual(waiting.map((_, at) => (at <= index ? 'a' : 'nothing')));
      current = next;
    }
  });

  it('is not overtaken by who comes in the moment a slot comes back', () => {
    const parts = poolParts();
    parts.join('a');
    const holder = ask(parts);
    const order: string[] = [];
    const late = new Asker('late', [], ({ name }) => order.push(name));
    const first = new Asker('first', [], ({ name, lease }) => {
      order.push(name);
      // The slot is free now, and the pool in the middle of serving.
      lease?.release();
      parts.pool.acquire(late);
    });
    const second = new Asker('second', [], ({ name, lease }) => {
      order.push(name);
      lease?.release();
    });
    parts.pool.acquire(first);
    parts.pool.acquire(second);
    holder.lease?.release();
    expect(order).toEqual(['first', 'second', 'late']);
  });

  it('is served by one that was not tried when several slots come back in one go', () => {
    for (const name of ['a', 'b']) {
      const parts = poolParts();
      const upstreams = [parts.join('a'), parts.join('b')];
      const holders = [ask(parts), ask(parts)];
      const first = new Asker('first', [], ({ lease }) => {
        // Now both are free while the next one is about to be served.
        lease?.release();
        for (const holder of holders) if (holder.lease?.upstream !== lease?.upstream) holder.lease?.release();
      });
      parts.pool.acquire(first);
      const second = ask(parts, 'second', ...upstreams.filter((upstream) => upstream.name.endsWith(name)));
      holders[0]?.lease?.release();
      expect([first.heard, second.heard]).toEqual([holders[0]?.heard, name === 'a' ? 'b' : 'a']);
    }
  });

  it('is served by an upstream that joins', () => {
    const parts = poolParts();
    const asker = ask(parts);
    expect(asker.heard).toBe('nothing');
    parts.join('a');
    expect(asker.heard).toBe('a');
  });

  it('serves ten thousand who give back at once, in order and without deep recursion', () => {
    const parts = poolParts({ size: 20_000 });
    parts.join('a');
    const holder = ask(parts);
    const order: string[] = [];
    for (let i = 0; i < 10_000; i += 1) {
      const asker = new Asker(String(i), [], ({ name, lease }) => {
        order.push(name);
        lease?.release();
      });
      parts.pool.acquire(asker);
    }
    holder.lease?.release();
    expect(order).toEqual(Array.from({ length: 10_000 }, (_, i) => String(i)));
    expect(parts.pool.waiting).toBe(0);
  });

  it('has a size: who comes when it is full is refused at once with 503, told how things stand', () => {
    const parts = poolParts({ size: 2 });
    parts.join('a');
    const [holder, one, two, three] = [ask(parts), ask(parts), ask(parts), ask(parts)];
    expect([one, two, three].map(({ heard }) => heard)).toEqual(['nothing', 'nothing', 'FCGI_LB_QUEUE_FULL']);
    expect(three.error).toMatchObject({
      status: 503,
      message: 'pool rt: 2 requests wait already; of its 1 upstreams 1 are full and 0 failing',
    });
    holder.lease?.release();
    expect(one.heard).toBe('a');
    expect([ask(parts).heard, ask(parts).heard]).toEqual(['nothing', 'FCGI_LB_QUEUE_FULL']);
  });

  it('of size 0 refuses whenever nobody is free', () => {
    const parts = poolParts({ size: 0 });
    expect(ask(parts).error?.message).toBe('pool rt: 0 requests wait already; it has no upstream');
    parts.join('a');
    expect([ask(parts).heard, ask(parts).heard]).toEqual(['a', 'FCGI_LB_QUEUE_FULL']);
  });

  it('is left by who goes away: it hears nothing more, and the next one is served', () => {
    const parts = poolParts();
    parts.join('a');
    const holder = ask(parts);
    const [one, two] = [ask(parts), ask(parts)];
    if (one.place !== undefined) parts.pool.cancel(one.place);
    expect(parts.pool.waiting).toBe(1);
    holder.lease?.release();
    expect([one.heard, two.heard]).toEqual(['nothing', 'a']);
    parts.clock.advance(10_000);
    if (one.place !== undefined) parts.pool.cancel(one.place);
    expect([one.heard, parts.pool.waiting]).toEqual(['nothing', 0]);
  });
});

describe('an upstream', () => {
  it('that drains gets nothing new, finishes what it has, and comes back when undrained', () => {
    const parts = poolParts();
    const upstream = parts.join('a', { maxConns: 2 });
    const holder = ask(parts);
    upstream.want('drain', 'test');
    const waiting = ask(parts);
    expect([waiting.heard, upstream.inFlight, upstream.available]).toEqual(['nothing', 1, false]);
    holder.lease?.release();
    expect([waiting.heard, upstream.inFlight]).toEqual(['nothing', 0]);
    upstream.want('serve', 'test');
    expect(waiting.heard).toBe('a');
  });

  it('that is removed gets nothing new, whatever happens to it', () => {
    const parts = poolParts();
    const upstream = parts.join('a', { maxConns: 2 });
    const holder = ask(parts);
    parts.pool.remove(upstream);
    const waiting = ask(parts);
    holder.lease?.release();
    upstream.want('serve', 'test');
    upstream.appeared();
    expect([waiting.heard, upstream.inFlight, parts.pool.upstreams.size]).toEqual(['nothing', 0, 0]);
  });

  it('that cannot be reached is left alone for a moment, twice as long each time, up to a second', () => {
    const parts = poolParts({ timeout: 1e9 });
    const upstream = parts.join('a');
    for (const pause of [25, 50, 100, 200, 400, 800, 1000, 1000]) {
      const asker = ask(parts);
      if (asker.lease === undefined) throw new Error('not granted');
      fail(asker.lease);
      const waiting = ask(parts);
      expect([upstream.paused, upstream.inFlight, waiting.heard]).toEqual([true, 0, 'nothing']);
      parts.clock.advance(pause - 1);
      expect([pause, waiting.heard]).toEqual([pause, 'nothing']);
      parts.clock.advance(1);
      expect([pause, waiting.heard]).toEqual([pause, 'a']);
      waiting.lease?.release();
    }
    expect(parts.lines.filter(({ level }) => level === 'warn')).toHaveLength(1);
  });

  it('that is busy is left alone for a shorter moment', () => {
    for (const code of ['FCGI_LB_CONNECT_BUSY', 'FCGI_LB_UPSTREAM_OVERLOADED'] as const) {
      const parts = poolParts();
      const upstream = parts.join('a');
      const { lease } = ask(parts);
      if (lease !== undefined) fail(lease, code);
      expect(upstream.available).toBe(false);
      parts.clock.advance(5);
      expect(upstream.available).toBe(true);
    }
  });

  it('that gave a bad answer, or whose client left, is not to blame', () => {
    for (const code of ['FCGI_LB_UPSTREAM_BAD_HEAD', 'FCGI_LB_UPSTREAM_READ_TIMEOUT', 'FCGI_LB_UPSTREAM_NO_HEAD'] as const) {
      const parts = poolParts();
      const upstream = parts.join('a');
      const [one, two] = [ask(parts), ask(parts)];
      if (one.lease !== undefined) fail(one.lease, code);
      if (two.lease !== undefined) start(two.lease).abandon({ kind: 'abandoned' });
      expect([code, two.heard, upstream.available]).toEqual([code, 'a', true]);
    }
  });

  it('that appears again is tried at once, and forgets its failures', () => {
    const parts = poolParts();
    const upstream = parts.join('a');
    const failing = ask(parts);
    if (failing.lease !== undefined) fail(failing.lease);
    const waiting = ask(parts);
    upstream.appeared();
    expect(waiting.heard).toBe('a');
    if (waiting.lease !== undefined) fail(waiting.lease);
    parts.clock.advance(25);
    expect(upstream.available).toBe(true);
  });

  it('that fails counts as failing in what the client of a full pool is told', () => {
    const parts = poolParts({ size: 0 });
    parts.join('a');
    parts.join('b');
    for (const asker of [ask(parts), ask(parts)]) if (asker.lease !== undefined && asker.heard === 'a') fail(asker.lease);
    expect(ask(parts).error?.message).toContain('of its 2 upstreams 1 are full and 1 failing');
  });
});

describe('a lease', () => {
  it('is used once: started or released', () => {
    const parts = poolParts();
    const upstream = parts.join('a', { maxConns: 3 });
    const [one, two] = [ask(parts).lease, ask(parts).lease];
    one?.release();
    expect(() => one?.release()).toThrow('the lease on /nonexistent/a was used twice');
    expect(() => one !== undefined && start(one)).toThrow('used twice');
    const exchange = two && start(two);
    expect(() => two?.release()).toThrow('used twice');
    exchange?.abandon({ kind: 'abandoned' });
    exchange?.abandon({ kind: 'abandoned' });
    exchange?.destroy();
    expect(upstream.inFlight).toBe(0);
  });
});

describe('a pool that is destroyed', () => {
  it('refuses who waits and who comes, and ends what runs', () => {
    const parts = poolParts();
    const upstream = parts.join('a');
    const holder = ask(parts);
    if (holder.lease !== undefined) start(holder.lease);
    const waiting = [ask(parts), ask(parts)];
    parts.pool.destroy();
    expect([...waiting, ask(parts)].map(({ heard }) => heard)).toEqual(Array.from({ length: 3 }, () => 'FCGI_LB_POOL_CLOSED'));
    expect([upstream.inFlight, parts.pool.waiting, parts.clock.pending]).toEqual([0, 0, 0]);
  });

  it('ends what runs on upstreams that have left it, too', () => {
    const parts = poolParts();
    const upstream = parts.join('a');
    const { lease } = ask(parts);
    if (lease !== undefined) start(lease);
    parts.pool.remove(upstream);
    expect(upstream.inFlight).toBe(1);
    parts.pool.destroy();
    expect([upstream.inFlight, parts.clock.pending]).toEqual([0, 0]);
  });

  it('names its upstreams by their addresses', () => {
    const parts = poolParts();
    parts.join('a');
    expect([...parts.pool.upstreams].map(({ name }) => name)).toEqual([unixAddress('/nonexistent/a').text]);
  });
});
