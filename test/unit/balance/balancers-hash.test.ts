// What is special to hash: a key stays where it is, and few move when upstreams come and go.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ReadyBalancer } from '../../../src/balance/balancer.ts';
import { make, NOBODY, setLoad, Worker } from '../../support/parts/balancer-parts.ts';

const KEYS = Array.from({ length: 10_000 }, (_, index) => `session-${index}`);

/** Workers named as sockets are, which makes names that differ in one character. */
function sockets(weights: readonly number[]): readonly Worker[] {
  return weights.map((weight, index) => new Worker(`/run/rt${index + 1}.sock`, weight, index));
}

function joined(workers: Iterable<Worker>): ReadyBalancer<Worker> {
  const balancer = make('hash');
  for (const worker of workers) balancer.add(worker);
  return balancer;
}

/** Where every key goes. */
function homes(balancer: ReadyBalancer<Worker>, avoid = NOBODY): readonly (Worker | undefined)[] {
  return KEYS.map((key) => balancer.pick(avoid, key));
}

describe('hash', () => {
  const equal = sockets([1, 1, 1, 1, 1, 1, 1, 1]);

  it('sends the same key to the same upstream, whatever the load and whatever was picked before', () => {
    const balancer = joined(equal);
    const before = homes(balancer);
    for (const [index, worker] of equal.entries()) setLoad(balancer, worker, index * 7);
    expect(homes(balancer)).toEqual(before);
    for (const worker of equal) setLoad(balancer, worker, 0);
  });

  it('does not care in which order the upstreams came, or for its own past: another process decides the same', () => {
    fc.assert(
      fc.property(
        fc.shuffledSubarray([...sockets([1, 3, 1, 2, 1, 1, 5, 1])], { minLength: 2 }),
        fc.infiniteStream(fc.nat()),
        fc.array(fc.string(), { maxLength: 20 }),
        (workers, numbers, keys) => {
          const one = joined(workers);
          const other = joined(workers.toReversed());
          // Some go and come back.
          for (const worker of workers) {
            if ((numbers.next().value ?? 0) % 2 === 0) continue;
            other.remove(worker);
            other.add(worker);
          }
          for (const key of keys) expect(other.pick(NOBODY, key)).toBe(one.pick(NOBODY, key));
        },
      ),
      { numRuns: 200 },
    );
  });

  it.each([[[1, 1]], [[1, 1, 1, 1, 1, 1, 1, 1]], [[4, 2, 1, 1]], [[1, 1, 10]]])(
    'gives each its share of the keys, by weight: %j',
    (weights) => {
      const workers = sockets(weights);
      const found = homes(joined(workers));
      const all = weights.reduce((sum, weight) => sum + weight, 0);
      for (const worker of workers) {
        const share = found.filter((home) => home === worker).length / KEYS.length;
        expect(Math.abs(share - worker.weight / all)).toBeLessThan(0.015);
      }
    },
  );

  it.each([
    ['equal weights', equal],
    ['weights', sockets([4, 2, 1, 1, 3])],
  ])('with %s moves only the keys of one that leaves, and spreads them over the others; they return with it', (_, workers) => {
    const balancer = joined(workers);
    const before = homes(balancer);
    for (const leaving of workers) {
      balancer.remove(leaving);
      const after = homes(balancer);
      const heirs = new Set<Worker | undefined>();
      for (const [index, home] of before.entries()) {
        if (home === leaving) heirs.add(after[index]);
        else expect(after[index]).toBe(home);
      }
      expect(heirs.size).toBe(workers.length - 1);
      expect(heirs.has(leaving)).toBe(false);
      balancer.add(leaving);
      expect(homes(balancer)).toEqual(before);
    }
  });

  it('moves about one key of n to one that comes, and none between the others', () => {
    const balancer = joined(equal);
    const before = homes(balancer);
    const late = new Worker('/run/rt9.sock');
    balancer.add(late);
    const after = homes(balancer);
    const moved = after.filter((home, index) => home !== before[index]);
    expect(new Set(moved)).toEqual(new Set([late]));
    expect(Math.abs(moved.length / KEYS.length - 1 / 9)).toBeLessThan(0.015);
  });

  it('sends a key whose upstream is to be avoided to one other, always the same, where it would go without it', () => {
    const balancer = joined(equal);
    const without = joined(equal.slice(1));
    const [gone] = equal;
    if (gone === undefined) throw new Error('nobody');
    const avoiding = homes(balancer, new Set([gone]));
    expect(avoiding).toEqual(homes(without));
    expect(homes(balancer, new Set([gone]))).toEqual(avoiding);
  });

  it('puts all requests without a key in one place, and picks the best of those to be avoided when there is no other', () => {
    const balancer = joined(equal);
    const home = balancer.pick(NOBODY, '');
    expect(home).toBeDefined();
    for (let i = 0; i < 10; i += 1) expect(balancer.pick(NOBODY, '')).toBe(home);
    for (const key of KEYS.slice(0, 100)) expect(balancer.pick(new Set(equal), key)).toBe(balancer.pick(NOBODY, key));
  });
});
