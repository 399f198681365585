// What is special to first, random-two and least-time.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seeded } from '../../../bench/simulate/random.ts';
import type { ReadyBalancer } from '../../../src/balance/balancer.ts';
import { randomTwo } from '../../../src/balance/random-two.ts';
import { counts, make, NOBODY, pickMany, setLoad, Worker, workersOf } from '../../support/parts/balancer-parts.ts';

function joined(name: Parameters<typeof make>[0], workers: readonly Worker[]): ReadyBalancer<Worker> {
  const balancer = make(name);
  for (const worker of workers) balancer.add(worker);
  return balancer;
}

describe('first', () => {
  it('picks the lowest order of those it may pick, whatever the load, the weight and the order of arrival', () => {
    const facts = fc.uniqueArray(fc.record({ order: fc.nat(50), weight: fc.integer({ min: 1, max: 9 }), inFlight: fc.nat(9) }), {
      minLength: 1,
      maxLength: 10,
      selector: ({ order }) => order,
    });
    fc.assert(
      fc.property(facts, fc.nat(9), fc.nat(20), (list, away, before) => {
        const workers = list.map(({ order, weight }) => new Worker(`w${order}`, weight, order));
        const balancer = joined('first', workers);
        pickMany(balancer, before);
        for (const [index, worker] of workers.entries()) setLoad(balancer, worker, list[index]?.inFlight ?? 0);
        const [gone] = workers.splice(away % workers.length, 1);
        if (gone !== undefined) balancer.remove(gone);
        const [best, second] = workers.toSorted((a, b) => a.order - b.order);
        expect(balancer.pick(NOBODY, '')).toBe(best);
        if (best !== undefined) expect(balancer.pick(new Set([best]), '')).toBe(second ?? best);
        expect(balancer.pick(NOBODY, '')).toBe(best);
      }),
      { numRuns: 200 },
    );
  });
});

describe('random-two', () => {
  const PICKS = 20_000;

  it.each([[[1, 1]], [[1, 1, 1, 1]], [[4, 2, 1, 1]], [[10, 1, 1]]])('gives shares by weight among the idle: %j', (weights) => {
    const shares = counts(pickMany(joined('random-two', workersOf(weights)), PICKS));
    const all = weights.reduce((sum, weight) => sum + weight, 0);
    for (const [index, weight] of weights.entries()) {
      expect(Math.abs((shares[`w${index}`] ?? 0) / PICKS - weight / all)).toBeLessThan(0.015);
    }
  });

  it('picks the less loaded of two, and so never the most loaded one of several', () => {
    const workers = workersOf([1, 1, 1, 1]);
    const balancer = joined('random-two', workers);
    for (const [index, worker] of workers.entries()) setLoad(balancer, worker, index);
    const shares = counts(pickMany(balancer, PICKS));
    // Of 6 pairs w0 is the better of 3, w1 of 2, w2 of 1.
    expect(shares['w3']).toBeUndefined();
    for (const [name, part] of [
      ['w0', 3 / 6],
      ['w1', 2 / 6],
      ['w2', 1 / 6],
    ] as const) {
      expect(Math.abs((shares[name] ?? 0) / PICKS - part)).toBeLessThan(0.015);
    }
  });

  it('counts load for the weight', () => {
    const [heavy, light] = [new Worker('heavy', 4), new Worker('light', 1)];
    const balancer = joined('random-two', [heavy, light]);
    setLoad(balancer, heavy, 3);
    setLoad(balancer, light, 1);
    expect(counts(pickMany(balancer, 100))).toEqual({ heavy: 100 });
    setLoad(balancer, heavy, 5);
    expect(counts(pickMany(balancer, 100))).toEqual({ light: 100 });
  });

  it('keeps the load even: 8 workers that get 8,000 and give none back differ by little', () => {
    const workers = workersOf(Array.from({ length: 8 }, () => 1));
    const balancer = joined('random-two', workers);
    for (let i = 0; i < 8000; i += 1) {
      const picked = balancer.pick(NOBODY, '');
      if (picked !== undefined) setLoad(balancer, picked, picked.inFlight + 1);
    }
    // One draw alone would leave them some 100 apart.
    const loads = workers.map(({ inFlight }) => inFlight);
    expect(Math.max(...loads) - Math.min(...loads)).toBeLessThan(15);
  });

  it('ends for any random numbers, also when none ever suits', () => {
    for (const random of [() => 0, () => 1 - 2 ** -32, seeded(7)]) {
      const balancer = randomTwo<Worker>({ random });
      const [heavy, a, b] = [new Worker('heavy', 1e9), new Worker('a'), new Worker('b')];
      for (const worker of [heavy, a, b]) balancer.add(worker);
      balancer.remove(heavy);
      for (let i = 0; i < 100; i += 1) expect([a, b]).toContain(balancer.pick(NOBODY, ''));
      expect(balancer.pick(new Set([a]), '')).toBe(b);
    }
  });
});

describe('least-time', () => {
  const timed = (headTime: number | undefined, inFlight = 0, weight = 1): Worker => {
    const worker = new Worker(`${headTime} ms, ${inFlight} in flight, weight ${weight}`, weight);
    worker.headTime = headTime;
    worker.inFlight = inFlight;
    return worker;
  };
  const first = (...workers: readonly Worker[]): string | undefined => joined('least-time', workers).pick(NOBODY, '')?.name;

  it('picks the lowest of head time times requests, its own included, for the weight', () => {
    const facts = fc.array(fc.tuple(fc.integer({ min: 1, max: 900 }), fc.nat(9), fc.integer({ min: 1, max: 5 })), {
      minLength: 1,
      maxLength: 10,
    });
    const expected = ({ headTime, inFlight, weight }: Worker): number => ((headTime ?? 0) * (inFlight + 1)) / weight;
    fc.assert(
      fc.property(facts, (list) => {
        const workers = list.map(([headTime, inFlight, weight]) => timed(headTime, inFlight, weight));
        const picked = joined('least-time', workers).pick(NOBODY, '');
        expect(picked && expected(picked)).toBe(Math.min(...workers.map(expected)));
      }),
      { numRuns: 200 },
    );
  });

  it('sees a change of the average when it is told of one', () => {
    const [a, b] = [timed(10), timed(20)];
    const balancer = joined('least-time', [a, b]);
    expect(balancer.pick(NOBODY, '')).toBe(a);
    a.headTime = 30;
    balancer.add(a);
    expect(balancer.pick(NOBODY, '')).toBe(b);
  });

  it('tries an idle one that nobody has measured, but one request at a time while others are quick', () => {
    expect(first(timed(1), timed(undefined))).toBe('undefined ms, 0 in flight, weight 1');
    expect(first(timed(100, 4), timed(undefined, 1))).toBe('100 ms, 4 in flight, weight 1');
    expect(first(timed(400, 4), timed(undefined, 1))).toBe('undefined ms, 1 in flight, weight 1');
  });

  it('spreads over all while nobody was measured', () => {
    const workers = workersOf([1, 1, 1, 1]);
    const balancer = joined('least-time', workers);
    for (let i = 0; i < 40; i += 1) {
      const picked = balancer.pick(NOBODY, '');
      if (picked !== undefined) setLoad(balancer, picked, picked.inFlight + 1);
    }
    expect(workers.map(({ inFlight }) => inFlight)).toEqual([10, 10, 10, 10]);
  });

  it('gives a slow one its part when the others have much to do', () => {
    const [quick, slow] = [timed(10), timed(50)];
    const balancer = joined('least-time', [quick, slow]);
    for (let i = 0; i < 60; i += 1) {
      const picked = balancer.pick(NOBODY, '');
      if (picked !== undefined) setLoad(balancer, picked, picked.inFlight + 1);
    }
    expect([quick.inFlight, slow.inFlight]).toEqual([50, 10]);
  });

  it('looks at an idle slow one now and then, or its average could never become better', () => {
    const [quick, slow] = [timed(1), timed(60_000)];
    const picks = counts(pickMany(joined('least-time', [quick, slow]), 10_000));
    expect(picks[slow.name]).toBeGreaterThan(50);
    expect(picks[slow.name]).toBeLessThan(250);
  });

  it('does not look at a slow one that has not answered the last look yet', () => {
    const [quick, slow] = [timed(1), timed(60_000, 1)];
    expect(counts(pickMany(joined('least-time', [quick, slow]), 10_000))).toEqual({ [quick.name]: 10_000 });
  });
});
