// Slow start: an upstream that comes (back) up is given a little at first, and its full share when
// the time is over.

import { describe, expect, it } from 'vitest';
import type { BalanceName } from '../../../src/config/balance.ts';
import { SlowStart } from '../../../src/upstream/slow-start.ts';
import type { Upstream } from '../../../src/upstream/upstream.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { counts, make, NOBODY, pickMany, setLoad, Worker } from '../../support/parts/balancer-parts.ts';
import { ask, fail, type PoolParts, poolParts } from '../../support/parts/pool-parts.ts';

describe('SlowStart', () => {
  it('grows from a twentieth to the whole in the time given, without a timer', () => {
    const clock = new FakeClock();
    const slow = new SlowStart(clock, 10, 1000);
    expect([slow.running, slow.weight]).toEqual([false, 10]);
    slow.begin();
    const weights = [0, 49, 1, 450, 499, 1].map((ms) => {
      clock.advance(ms);
      return [slow.weight, slow.running];
    });
    expect(weights).toEqual([
      [0.5, true],
      [0.5, true],
      [0.5, true],
      [5, true],
      [9.99, true],
      [10, false],
    ]);
    expect(clock.pending).toBe(0);
  });

  it('of no time is over at once', () => {
    const slow = new SlowStart(new FakeClock(), 10, 0);
    slow.begin();
    expect([slow.running, slow.weight]).toEqual([false, 10]);
  });

  it('begins anew', () => {
    const clock = new FakeClock();
    const slow = new SlowStart(clock, 10, 1000);
    slow.begin();
    clock.advance(700);
    slow.begin();
    clock.advance(500);
    expect(slow.weight).toBe(5);
  });
});

describe('an upstream with slow_start', () => {
  const joined = (): { readonly parts: PoolParts; readonly upstream: Upstream } => {
    const parts = poolParts();
    return { parts, upstream: parts.join('a', { weight: 10, slowStart: 1000 }) };
  };

  it('has its full weight from the start: there is nobody it would be slower than', () => {
    const { upstream } = joined();
    expect([upstream.weight, upstream.warming]).toEqual([10, false]);
  });

  it.each<[string, (upstream: Upstream, parts: PoolParts) => void]>([
    ['its socket appears again', (upstream) => upstream.appeared()],
    [
      'it was drained',
      (upstream) => {
        upstream.want('drain', 'test');
        upstream.want('serve', 'test');
      },
    ],
    [
      'it was down',
      (upstream) => {
        upstream.judge('down', 'test');
        upstream.judge('trial', 'test');
        expect(upstream.warming).toBe(false);
        upstream.judge('up', 'test');
      },
    ],
    [
      'it could not be reached',
      (_, parts) => {
        const { lease } = ask(parts);
        if (lease !== undefined) fail(lease);
        parts.clock.advance(25);
      },
    ],
  ])('starts slowly when %s', (_, happen) => {
    const { parts, upstream } = joined();
    happen(upstream, parts);
    expect([upstream.weight, upstream.warming, upstream.available]).toEqual([0.5, true, true]);
    parts.clock.advance(500);
    expect(upstream.weight).toBe(5);
    parts.clock.advance(500);
    expect([upstream.weight, upstream.warming]).toEqual([10, false]);
  });

  it('does not start slowly for having been busy', () => {
    const { parts, upstream } = joined();
    const { lease } = ask(parts);
    if (lease !== undefined) fail(lease, 'FCGI_LB_CONNECT_BUSY');
    expect(upstream.available).toBe(false);
    parts.clock.advance(5);
    expect([upstream.available, upstream.weight]).toEqual([true, 10]);
  });

  it('that is down from the start gets nothing until it is enabled, and then starts slowly', () => {
    const parts = poolParts();
    const upstream = parts.join('a', { weight: 10, slowStart: 1000, disabled: true });
    const asker = ask(parts);
    expect([asker.heard, upstream.available, upstream.unreachable, upstream.state.is]).toEqual([
      'nothing',
      false,
      true,
      'disabled',
    ]);
    expect(upstream.leaseForProbe()).toBeUndefined();
    upstream.appeared();
    upstream.judge('up', 'test');
    parts.clock.advance(500);
    expect([asker.heard, upstream.available]).toEqual(['nothing', false]);
    upstream.want('serve', 'test');
    expect([asker.heard, upstream.weight, upstream.unreachable]).toEqual(['a', 0.5, false]);
    parts.clock.advance(2000);
    upstream.want('serve', 'test');
    expect(upstream.weight).toBe(10);
  });
});

describe.each<BalanceName>(['round-robin', 'least-conn', 'random-two'])('%s, while one of three warms up', (name) => {
  it('gives it the part of its share that its weight says, as that grows, and nobody a burst in the end', () => {
    const balancer = make(name);
    const workers = [new Worker('a', 2), new Worker('b', 2), new Worker('cold', 2)];
    const cold = workers[2];
    if (cold === undefined) throw new Error('nobody');
    // The weight changes unheard, as it does by the clock.
    cold.begin(0.05);
    for (const worker of workers) balancer.add(worker);
    const share = (): number => (counts(pickMany(balancer, 4000))['cold'] ?? 0) / 4000;
    expect(Math.abs(share() - 0.05 / 2.05)).toBeLessThan(0.02);
    cold.begin(0.5);
    expect(Math.abs(share() - 0.5 / 2.5)).toBeLessThan(0.03);
    cold.begin(1);
    expect(Math.abs(share() - 1 / 3)).toBeLessThan(0.03);
  });
});

describe('least-conn', () => {
  it('does not hold a load against an upstream that was much for its weight of then', () => {
    const balancer = make('least-conn');
    const [warm, cold] = [new Worker('warm'), new Worker('cold')];
    cold.begin(0.05);
    balancer.add(warm);
    balancer.add(cold);
    // One long request at the cold one counts as twenty; it runs on while the weight becomes full.
    setLoad(balancer, cold, 1);
    setLoad(balancer, warm, 10);
    expect(balancer.pick(NOBODY, '')).toBe(warm);
    cold.begin(1);
    expect(balancer.pick(NOBODY, '')).toBe(cold);
  });

  it('comes to look at everyone although it looks at a few each time: 200 that warm up together', () => {
    const balancer = make('least-conn');
    const workers = Array.from({ length: 200 }, (_, index) => new Worker(`w${index}`));
    for (const [index, worker] of workers.entries()) {
      worker.begin(index % 2 === 0 ? 0.05 : 0.1);
      worker.inFlight = 1;
      balancer.add(worker);
    }
    for (const worker of workers) worker.begin(1);
    pickMany(balancer, 60);
    // By now all loads are equal again, and turns are what decides.
    expect(new Set(pickMany(balancer, 200)).size).toBe(200);
  });
});
