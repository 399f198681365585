// The contract of the balancer port, run against every balancer there is, and what is special to each.

import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { BALANCERS } from '../../src/app/registry.ts';
import type { Balancer, Candidate } from '../../src/balance/balancer.ts';

class Worker implements Candidate {
  readonly name: string;
  readonly weight: number;
  inFlight = 0;

  constructor(name: string, weight = 1) {
    this.name = name;
    this.weight = weight;
  }
}

const NOBODY: ReadonlySet<Worker> = new Set();

function pickMany(balancer: Balancer<Worker>, count: number, avoid = NOBODY): readonly string[] {
  return Array.from({ length: count }, () => balancer.pick(avoid)?.name ?? 'nobody');
}

function counts(names: readonly string[]): Record<string, number> {
  const result: Record<string, number> = {};
  for (const name of names) result[name] = (result[name] ?? 0) + 1;
  return result;
}

/** The longest row of picks of one worker. */
function longestRun(names: readonly string[]): number {
  let longest = 0;
  let run = 0;
  for (const [index, name] of names.entries()) {
    run = name === names[index - 1] ? run + 1 : 1;
    longest = Math.max(longest, run);
  }
  return longest;
}

describe.each(Object.entries(BALANCERS))('the balancer %s', (_, create) => {
  let balancer: Balancer<Worker>;
  const join = (...workers: readonly Worker[]): void => {
    for (const worker of workers) balancer.add(worker);
  };
  const setLoad = (worker: Worker, inFlight: number): void => {
    worker.inFlight = inFlight;
    balancer.update(worker);
  };

  beforeEach(() => {
    balancer = create<Worker>();
  });

  it('picks nobody when there is nobody', () => {
    expect(balancer.pick(NOBODY)).toBeUndefined();
    const a = new Worker('a');
    join(a);
    balancer.remove(a);
    expect(balancer.pick(NOBODY)).toBeUndefined();
    expect(balancer.pick(new Set([a]))).toBeUndefined();
  });

  it.each([1, 2, 3, 7, 16, 33])('rotates exactly among %i of equal weight and load', (count) => {
    join(...Array.from({ length: count }, (_, index) => new Worker(`w${index}`)));
    const round = pickMany(balancer, count);
    expect(new Set(round).size).toBe(count);
    for (let i = 0; i < 50; i += 1) expect(pickMany(balancer, count)).toEqual(round);
  });

  it('gives each its weight in every round, for any weights', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 8 }), (weights) => {
        balancer = create<Worker>();
        join(...weights.map((weight, index) => new Worker(`w${index}`, weight)));
        const round = weights.reduce((sum, weight) => sum + weight, 0);
        const expected = Object.fromEntries(weights.map((weight, index) => [`w${index}`, weight]));
        for (let i = 0; i < 20; i += 1) expect(counts(pickMany(balancer, round))).toEqual(expected);
      }),
      { numRuns: 60 },
    );
  });

  it('spreads the turns of a heavy one: weights 5, 1, 1 are never a whole turn away from their share', () => {
    const workers = [new Worker('a', 5), new Worker('b', 1), new Worker('c', 1)];
    join(...workers);
    const had: Record<string, number> = { a: 0, b: 0, c: 0 };
    for (let picks = 1; picks <= 700; picks += 1) {
      const name = balancer.pick(NOBODY)?.name ?? '';
      had[name] = (had[name] ?? 0) + 1;
      for (const { name, weight } of workers) expect(Math.abs((had[name] ?? 0) - (picks * weight) / 7)).toBeLessThan(1);
    }
    expect(had).toEqual({ a: 500, b: 100, c: 100 });
  });

  it('picks only who is there, honours avoid unless there is nobody else, and finds somebody whenever there is one', () => {
    const workers = Array.from({ length: 8 }, (_, index) => new Worker(`w${index}`, 1 + (index % 3)));
    const someone = fc.constantFrom(...workers);
    const step = fc.oneof(
      fc.record({ kind: fc.constantFrom('add' as const, 'remove' as const), worker: someone }),
      fc.record({ kind: fc.constant('load' as const), worker: someone, inFlight: fc.integer({ min: 0, max: 4 }) }),
      fc.record({ kind: fc.constant('pick' as const), avoid: fc.subarray(workers) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        balancer = create<Worker>();
        for (const worker of workers) worker.inFlight = 0;
        const there = new Set<Worker>();
        for (const step of steps) {
          if (step.kind === 'pick') {
            const avoid = new Set(step.avoid);
            const picked = balancer.pick(avoid);
            const wanted = [...there].filter((worker) => !avoid.has(worker));
            if (there.size === 0) expect(picked).toBeUndefined();
            else expect(wanted.length > 0 ? wanted : [...there]).toContain(picked);
          } else if (step.kind === 'load') {
            setLoad(step.worker, step.inFlight);
          } else if (step.kind === 'add') {
            balancer.add(step.worker);
            there.add(step.worker);
          } else {
            balancer.remove(step.worker);
            there.delete(step.worker);
          }
        }
        // Whoever is left is found, once a round, also after much coming and going.
        for (const worker of there) setLoad(worker, 0);
        const seen = new Set<Worker>();
        while (seen.size < there.size) {
          const picked = balancer.pick(seen);
          if (picked === undefined || seen.has(picked)) throw new Error('somebody is never picked');
          seen.add(picked);
        }
        expect(seen).toEqual(there);
      }),
      { numRuns: 400 },
    );
  });

  it('takes the same one once, however often it is added or removed', () => {
    const [a, b] = [new Worker('a'), new Worker('b')];
    join(a, a, b, a);
    expect(counts(pickMany(balancer, 10))).toEqual({ a: 5, b: 5 });
    balancer.remove(a);
    balancer.remove(a);
    balancer.remove(new Worker('stranger'));
    balancer.update(a);
    balancer.update(new Worker('stranger'));
    expect(pickMany(balancer, 3)).toEqual(['b', 'b', 'b']);
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
      setLoad(late, 1);
      for (let i = 0; i < 1000; i += 1) {
        setLoad(other, 0);
        balancer.pick(NOBODY);
        setLoad(other, 1);
      }
      setLoad(other, 0);
      setLoad(late, 0);
      expectShared();
    });

    it('that comes and goes all the time, as a worker of one slot does', () => {
      const c = new Worker('c');
      join(c);
      const names: string[] = [];
      for (let i = 0; i < 300; i += 1) {
        const picked = balancer.pick(NOBODY);
        if (picked === undefined) throw new Error('nobody');
        names.push(picked.name);
        balancer.remove(picked);
        setLoad(picked, 1);
        setLoad(picked, 0);
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
        const balancer = BALANCERS['least-conn']<Worker>();
        const workers = facts.map(({ weight }, index) => new Worker(`w${index}`, weight));
        for (const worker of workers) balancer.add(worker);
        pickMany(balancer, picks);
        for (const [index, { inFlight }] of facts.entries()) {
          const worker = workers[index];
          if (worker === undefined) continue;
          worker.inFlight = inFlight;
          balancer.update(worker);
        }
        const avoid = new Set(workers.filter((_, index) => facts[index]?.avoided));
        const wanted = avoid.size === workers.length ? workers : workers.filter((worker) => !avoid.has(worker));
        const least = Math.min(...wanted.map(({ inFlight, weight }) => inFlight / weight));
        const picked = balancer.pick(avoid);
        expect(wanted).toContain(picked);
        expect((picked?.inFlight ?? Number.NaN) / (picked?.weight ?? 1)).toBe(least);
      }),
      { numRuns: 400 },
    );
  });

  it('rotates among equals while others are loaded', () => {
    const balancer = BALANCERS['least-conn']<Worker>();
    const workers = ['a', 'b', 'c', 'd'].map((name) => new Worker(name));
    for (const worker of workers) balancer.add(worker);
    for (const worker of workers.slice(2)) {
      worker.inFlight = 1;
      balancer.update(worker);
    }
    const picks = pickMany(balancer, 10);
    expect(counts(picks)).toEqual({ a: 5, b: 5 });
    expect(longestRun(picks)).toBe(1);
  });
});

describe('round-robin', () => {
  it('does not look at load', () => {
    const balancer = BALANCERS['round-robin']<Worker>();
    const [a, b] = [new Worker('a'), new Worker('b')];
    balancer.add(a);
    balancer.add(b);
    a.inFlight = 50;
    balancer.update(a);
    expect(counts(pickMany(balancer, 10))).toEqual({ a: 5, b: 5 });
  });
});
