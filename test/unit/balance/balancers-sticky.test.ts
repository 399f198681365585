// What is special to sticky: a key goes to the upstream it names, waits for it while it is only
// full, and not a moment longer.

import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Balancer } from '../../../src/balance/balancer.ts';
import { sticky } from '../../../src/balance/sticky.ts';
import { NOBODY, seated, setLoad, tokenOf, Worker, workersOf } from '../../support/parts/balancer-parts.ts';

describe('sticky', () => {
  let balancer: Balancer<Worker>;
  let a: Worker;
  let b: Worker;

  const pick = (key: string, avoid = NOBODY): string => {
    const picked = balancer.pick(avoid, key);
    return typeof picked === 'object' ? picked.name : (picked ?? 'nobody');
  };
  const full = (worker: Worker): void => {
    worker.inFlight = 1;
    balancer.remove(worker);
  };
  const down = (worker: Worker): void => {
    worker.unreachable = true;
    balancer.remove(worker);
  };

  beforeEach(() => {
    balancer = seated(sticky<Worker>({ token: tokenOf }));
    a = new Worker('a');
    b = new Worker('b');
    balancer.add(a);
    balancer.add(b);
  });

  it('sends a key to the upstream that it names, whatever its load', () => {
    setLoad(balancer, b, 50);
    for (let i = 0; i < 10; i += 1) expect([pick(tokenOf('a')), pick(tokenOf('b'))]).toEqual(['a', 'b']);
  });

  it('sends others where least is to do', () => {
    setLoad(balancer, a, 3);
    for (const key of ['', 'a', 'nonsense', tokenOf('c')]) expect(pick(key)).toBe('b');
  });

  it('lets a key wait for an upstream that is only full', () => {
    full(a);
    expect([pick(tokenOf('a')), pick(tokenOf('b')), pick('')]).toEqual(['later', 'b', 'b']);
    a.inFlight = 0;
    balancer.add(a);
    expect(pick(tokenOf('a'))).toBe('a');
  });

  it('says nobody, not later, when nobody has a slot: there is no use in asking for the next one', () => {
    full(a);
    full(b);
    expect([pick(tokenOf('a')), pick(tokenOf('b')), pick('')]).toEqual(['nobody', 'nobody', 'nobody']);
  });

  it('gives up an upstream that is down, and takes it again when it is back', () => {
    down(a);
    expect(pick(tokenOf('a'))).toBe('b');
    a.unreachable = false;
    balancer.add(a);
    expect(pick(tokenOf('a'))).toBe('a');
  });

  it('gives up an upstream that goes down while it is full', () => {
    full(a);
    a.unreachable = true;
    balancer.remove(a);
    expect(pick(tokenOf('a'))).toBe('b');
  });

  it('tries again one that failed, when it may be: it may be back', () => {
    a.unreachable = true;
    expect(pick(tokenOf('a'))).toBe('a');
  });

  it('gives up an upstream that has left, and knows its successor at the same address', () => {
    full(a);
    balancer.leave(a);
    expect(pick(tokenOf('a'))).toBe('b');
    const next = new Worker('a');
    balancer.add(next);
    expect(balancer.pick(NOBODY, tokenOf('a'))).toBe(next);
    // The first one's end, told late, takes nothing from it.
    balancer.leave(a);
    expect(balancer.pick(NOBODY, tokenOf('a'))).toBe(next);
  });

  it('gives up an upstream that failed the request, unless there is no other', () => {
    expect(pick(tokenOf('a'), new Set([a]))).toBe('b');
    down(b);
    expect(pick(tokenOf('a'), new Set([a]))).toBe('a');
    full(a);
    expect(pick(tokenOf('a'), new Set([a]))).toBe('nobody');
  });

  it('picks whom the key names, says later, or finds another: never anything else, under any coming and going', () => {
    const workers = workersOf([1, 1, 2, 5]);
    const someone = fc.constantFrom(...workers);
    const change = fc.record({ worker: someone, to: fc.constantFrom('free', 'full', 'down', 'gone') });
    const asking = fc.record({ key: fc.option(someone, { nil: undefined }), avoid: fc.subarray([...workers]) });
    fc.assert(
      fc.property(fc.array(fc.oneof(change, asking), { maxLength: 80 }), (steps) => {
        balancer = seated(sticky<Worker>({ token: tokenOf }));
        const states = new Map<Worker, string>();
        for (const step of steps) {
          if ('to' in step) {
            states.set(step.worker, step.to);
            step.worker.unreachable = step.to === 'down';
            if (step.to === 'free') balancer.add(step.worker);
            else if (step.to === 'gone') balancer.leave(step.worker);
            else balancer.remove(step.worker);
            continue;
          }
          const free = workers.filter((worker) => states.get(worker) === 'free');
          const picked = balancer.pick(new Set(step.avoid), step.key === undefined ? '' : tokenOf(step.key.name));
          const wanted = free.filter((worker) => !step.avoid.includes(worker));
          const own = step.key !== undefined && !step.avoid.includes(step.key) ? step.key : undefined;
          if (own !== undefined && free.includes(own)) expect(picked).toBe(own);
          else if (free.length === 0) expect(picked).toBeUndefined();
          else if (own !== undefined && states.get(own) === 'full') expect(picked).toBe('later');
          else expect(wanted.length > 0 ? wanted : free).toContain(picked);
        }
      }),
      { numRuns: 300 },
    );
  });
});
