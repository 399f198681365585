// What round-robin and least-conn have in common: among equals they rotate exactly, by weight, and
// nobody gets a burst.

import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import type { ReadyBalancer } from '../../../src/balance/balancer.ts';
import { counts, longestRun, make, NOBODY, pickMany, setLoad, Worker, workersOf } from '../../support/parts/balancer-parts.ts';

describe.each(['round-robin', 'least-conn'] as const)('the rotating balancer %s', (name) => {
  let balancer: ReadyBalancer<Worker>;
  const join = (...workers: readonly Worker[]): void => {
    for (const worker of workers) balancer.add(worker);
  };

  beforeEach(() => {
    balancer = make(name);
  });

  it.each([1, 2, 3, 7, 16, 33])('rotates exactly among %i of equal weight and load', (count) => {
    join(...workersOf(Array.from({ length: count }, () => 1)));
    const round = pickMany(balancer, count);
    expect(new Set(round).size).toBe(count);
    for (let i = 0; i < 50; i += 1) expect(pickMany(balancer, count)).toEqual(round);
  });

  it('gives each its weight in every round, for any weights', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 8 }), (weights) => {
        balancer = make(name);
        join(...workersOf(weights));
        const round = weights.reduce((sum, weight) => sum + weight, 0);
        const expected = Object.fromEntries(weights.map((weight, index) => [`w${index}`, weight]));
        for (let i = 0; i < 20; i += 1) expect(counts(pickMany(balancer, round))).toEqual(expected);
      }),
      { numRuns: 60 },
    );
  });

  it('goes on in order when one of another weight comes: nobody is passed over, nobody is first again', () => {
    join(...workersOf([1, 1, 1, 1]));
    expect(pickMany(balancer, 2)).toEqual(['w0', 'w1']);
    join(new Worker('heavy', 2));
    const round = pickMany(balancer, 6);
    expect(counts(round)).toEqual({ heavy: 2, w0: 1, w1: 1, w2: 1, w3: 1 });
    expect(round.filter((name) => name !== 'heavy')).toEqual(['w2', 'w3', 'w0', 'w1']);
  });

  it('gives who comes the place of who has left', () => {
    const [a, b, c] = workersOf([1, 1, 1]);
    if (a === undefined || b === undefined || c === undefined) throw new Error('nobody');
    join(a, b, c);
    balancer.leave(b);
    join(new Worker('d'));
    expect(pickMany(balancer, 6)).toEqual(['w0', 'd', 'w2', 'w0', 'd', 'w2']);
    balancer.leave(c);
    balancer.leave(c);
    expect(pickMany(balancer, 4)).toEqual(['w0', 'd', 'w0', 'd']);
  });

  it('rotates among a thousand of which hundreds come and go, at any load', () => {
    const workers = workersOf(Array.from({ length: 1500 }, () => 1));
    join(...workers);
    for (const worker of workers) if (worker.order % 3 === 0) balancer.remove(worker);
    for (const worker of workers) if (worker.order % 3 === 1) setLoad(balancer, worker, 40);
    const free = workers.filter(({ order }) => order % 3 === 2).map((worker) => worker.name);
    const expected = name === 'least-conn' ? free : workers.filter(({ order }) => order % 3 !== 0).map((worker) => worker.name);
    expect(pickMany(balancer, 2 * expected.length)).toEqual([...expected, ...expected]);
    for (const worker of workers) if (worker.order % 3 === 2) setLoad(balancer, worker, 41);
    expect(new Set(pickMany(balancer, 500)).size).toBe(500);
  });

  it('spreads the turns of a heavy one: weights 5, 1, 1 are never a whole turn away from their share', () => {
    const workers = [new Worker('a', 5), new Worker('b', 1), new Worker('c', 1)];
    join(...workers);
    const had: Record<string, number> = { a: 0, b: 0, c: 0 };
    for (let picks = 1; picks <= 700; picks += 1) {
      const name = balancer.pick(NOBODY, '')?.name ?? '';
      had[name] = (had[name] ?? 0) + 1;
      for (const { name, weight } of workers) expect(Math.abs((had[name] ?? 0) - (picks * weight) / 7)).toBeLessThan(1);
    }
    expect(had).toEqual({ a: 500, b: 100, c: 100 });
  });

  it('gives one that was added several times the turns of one', () => {
    const [a, b] = [new Worker('a'), new Worker('b')];
    join(a, a, b, a);
    expect(counts(pickMany(balancer, 10))).toEqual({ a: 5, b: 5 });
  });

  // Whichever of the two it is: among equals nothing may hang on who came first.
  describe.each([0, 1])('gives nobody a burst (number %i)', (number) => {
    const [a, b] = [new Worker('a'), new Worker('b')];
    const [late, other] = number === 0 ? [a, b] : [b, a];

    beforeEach(() => {
      for (const worker of [a, b]) worker.inFlight = 0;
      join(a, b);
      pickMany(balancer, 10);
    });

    /** They alternate at once. */
    const expectShared = (): void => expect(longestRun(pickMany(balancer, 20))).toBe(1);

    it('that was away', () => {
      balancer.remove(late);
      pickMany(balancer, 1000);
      balancer.add(late);
      expectShared();
    });

    it('that comes new', () => {
      balancer.remove(late);
      pickMany(balancer, 1000);
      balancer.add(new Worker(late.name));
      expectShared();
    });

    it('that was avoided', () => {
      pickMany(balancer, 1000, new Set([late]));
      expectShared();
    });

    it('that was passed over because it was loaded', () => {
      setLoad(balancer, late, 1);
      for (let i = 0; i < 1000; i += 1) {
        setLoad(balancer, other, 0);
        balancer.pick(NOBODY, '');
        setLoad(balancer, other, 1);
      }
      setLoad(balancer, other, 0);
      setLoad(balancer, late, 0);
      expectShared();
    });

    it('that comes and goes all the time, as a worker of one slot does', () => {
      const c = new Worker('c');
      join(c);
      const names: string[] = [];
      for (let i = 0; i < 300; i += 1) {
        const picked = balancer.pick(NOBODY, '');
        if (picked === undefined) throw new Error('nobody');
        names.push(picked.name);
        picked.inFlight = 1;
        balancer.remove(picked);
        picked.inFlight = 0;
        balancer.add(picked);
      }
      expect(counts(names)).toEqual({ a: 100, b: 100, c: 100 });
      expect(longestRun(names)).toBeLessThanOrEqual(2);
    });
  });
});

describe('least-conn', () => {
  it('picks one with the fewest in flight for its weight, among those it may pick', () => {
    const load = fc.array(fc.record({ weight: fc.integer({ min: 1, max: 5 }), inFlight: fc.nat(6), avoided: fc.boolean() }), {
      minLength: 1,
      maxLength: 12,
    });
    fc.assert(
      fc.property(load, fc.nat(20), (facts, picks) => {
        const balancer = make('least-conn');
        const workers = workersOf(facts.map(({ weight }) => weight));
        for (const worker of workers) balancer.add(worker);
        pickMany(balancer, picks);
        for (const [index, worker] of workers.entries()) setLoad(balancer, worker, facts[index]?.inFlight ?? 0);
        const avoid = new Set(workers.filter((_, index) => facts[index]?.avoided));
        const wanted = avoid.size === workers.length ? workers : workers.filter((worker) => !avoid.has(worker));
        const least = Math.min(...wanted.map(({ inFlight, weight }) => inFlight / weight));
        const picked = balancer.pick(avoid, '');
        expect(wanted).toContain(picked);
        expect((picked?.inFlight ?? Number.NaN) / (picked?.weight ?? 1)).toBe(least);
      }),
      { numRuns: 400 },
    );
  });

  it('rotates among equals while others are loaded', () => {
    const balancer = make('least-conn');
    const workers = ['a', 'b', 'c', 'd'].map((name) => new Worker(name));
    for (const worker of workers) balancer.add(worker);
    for (const worker of workers.slice(2)) setLoad(balancer, worker, 1);
    const picks = pickMany(balancer, 10);
    expect(counts(picks)).toEqual({ a: 5, b: 5 });
    expect(longestRun(picks)).toBe(1);
  });
});

describe('round-robin', () => {
  it('does not look at load', () => {
    const balancer = make('round-robin');
    const [a, b] = [new Worker('a'), new Worker('b')];
    balancer.add(a);
    balancer.add(b);
    setLoad(balancer, a, 50);
    expect(counts(pickMany(balancer, 10))).toEqual({ a: 5, b: 5 });
  });
});
