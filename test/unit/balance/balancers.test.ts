// The contract of the balancer port, run against every balancer there is.

import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import type { ReadyBalancer } from '../../../src/balance/balancer.ts';
import { counts, make, NAMES, NOBODY, pickMany, Worker, workersOf } from '../../support/parts/balancer-parts.ts';

describe.each(NAMES)('the balancer %s', (name) => {
  let balancer: ReadyBalancer<Worker>;

  beforeEach(() => {
    balancer = make(name);
  });

  it('picks nobody when there is nobody', () => {
    expect(balancer.pick(NOBODY, 'k')).toBeUndefined();
    const a = new Worker('a');
    balancer.add(a);
    expect(balancer.pick(NOBODY, 'k')).toBe(a);
    balancer.remove(a);
    expect(balancer.pick(NOBODY, 'k')).toBeUndefined();
    expect(balancer.pick(new Set([a]), '')).toBeUndefined();
  });

  it('keeps whom it picked: taking a slot is not its business', () => {
    const a = new Worker('a');
    balancer.add(a);
    expect(pickMany(balancer, 100)).toEqual(Array.from({ length: 100 }, () => 'a'));
  });

  it('picks only who is there, honours avoid unless there is nobody else, and finds somebody whenever there is one', () => {
    const workers = workersOf(Array.from({ length: 8 }, (_, index) => 1 + (index % 3)));
    const someone = fc.constantFrom(...workers);
    const headTime = fc.option(fc.nat(500), { nil: undefined });
    const step = fc.oneof(
      fc.record({ kind: fc.constantFrom('add' as const, 'remove' as const, 'leave' as const), worker: someone }),
      // Slow start: a weight that grows by itself, unheard, until it is full.
      fc.record({ kind: fc.constant('weight' as const), worker: someone, share: fc.constantFrom(0.05, 0.3, 0.99, 1) }),
      fc.record({ kind: fc.constant('load' as const), worker: someone, inFlight: fc.integer({ min: 0, max: 4 }), headTime }),
      fc.record({ kind: fc.constant('pick' as const), avoid: fc.subarray([...workers]), key: fc.string({ maxLength: 3 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), fc.nat(), (steps, seed) => {
        balancer = make(name, seed);
        for (const worker of workers) {
          worker.inFlight = 0;
          worker.headTime = undefined;
          worker.begin(1);
        }
        const there = new Set<Worker>();
        for (const step of steps) {
          if (step.kind === 'pick') {
            const avoid = new Set(step.avoid);
            const picked = balancer.pick(avoid, step.key);
            const wanted = [...there].filter((worker) => !avoid.has(worker));
            if (there.size === 0) expect(picked).toBeUndefined();
            else expect(wanted.length > 0 ? wanted : [...there]).toContain(picked);
          } else if (step.kind === 'load') {
            step.worker.headTime = step.headTime;
            step.worker.inFlight = step.inFlight;
            // The load of one that is no candidate may change unheard.
            if (there.has(step.worker)) balancer.add(step.worker);
          } else if (step.kind === 'weight') {
            step.worker.begin(step.share);
          } else if (step.kind === 'add') {
            balancer.add(step.worker);
            there.add(step.worker);
          } else {
            balancer[step.kind](step.worker);
            there.delete(step.worker);
          }
        }
        // Whoever is left is found when the others are avoided, also after much coming and going.
        const seen = new Set<Worker>();
        while (seen.size < there.size) {
          const picked = balancer.pick(seen, 'k');
          if (picked === undefined || seen.has(picked)) throw new Error('somebody is never picked');
          seen.add(picked);
        }
        expect(seen).toEqual(there);
      }),
      { numRuns: 300 },
    );
  });

  it('takes the same one once, however often it is added or removed, and strangers not at all', () => {
    const [a, b] = [new Worker('a', 1, 0), new Worker('b', 1, 1)];
    for (const worker of [a, a, b, a]) balancer.add(worker);
    balancer.remove(a);
    expect(counts(pickMany(balancer, 120))).toEqual({ b: 120 });
    balancer.remove(a);
    balancer.remove(new Worker('stranger'));
    balancer.leave(new Worker('stranger'));
    expect(counts(pickMany(balancer, 120))).toEqual({ b: 120 });
    balancer.remove(b);
    expect(balancer.pick(NOBODY, 'k')).toBeUndefined();
    balancer.add(a);
    balancer.add(a);
    balancer.remove(a);
    expect(balancer.pick(NOBODY, 'k')).toBeUndefined();
  });
});
