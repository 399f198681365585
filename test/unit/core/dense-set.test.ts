// DenseSet against a Set, and what it leaves for the garbage collector.

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DenseSet, type Indexed } from '../../../src/core/dense-set.ts';

class Member implements Indexed {
  index = -1;
  /** Bytes that one cannot overlook. */
  readonly load: readonly number[] = Array.from({ length: 1000 }, (_, at) => at);
}

describe('DenseSet', () => {
  it('holds what a Set would hold, whatever comes and goes', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), fc.nat(9)), { maxLength: 60 }), (steps) => {
        const members = Array.from({ length: 10 }, (): Indexed => ({ index: -1 }));
        const set = new DenseSet<Indexed>();
        const model = new Set<Indexed>();
        for (const [add, at] of steps) {
          const member = members[at] ?? { index: -1 };
          if (add) set.add(member);
          else set.delete(member);
          if (add) model.add(member);
          else model.delete(member);
          expect(members.filter((one) => set.has(one))).toEqual(members.filter((one) => model.has(one)));
          expect(new Set(set.all())).toEqual(model);
          expect([set.size, set.all().length]).toEqual([model.size, model.size]);
        }
      }),
    );
  });

  it('does not take a member of another set for its own', () => {
    const [one, other] = [new DenseSet<Indexed>(), new DenseSet<Indexed>()];
    const [here, there]: Indexed[] = [{ index: -1 }, { index: -1 }];
    if (here === undefined || there === undefined) throw new Error('unreachable');
    one.add(here);
    other.add(there);
    expect(one.has(there)).toBe(false);
    one.delete(there);
    expect(other.has(there)).toBe(true);
  });

  it('lists those that are in it now, whoever leaves meanwhile', () => {
    const set = new DenseSet<Indexed>();
    for (let count = 0; count < 5; count += 1) set.add({ index: -1 });
    const seen = set.all();
    for (const member of seen) set.delete(member);
    expect(seen).toHaveLength(5);
    expect(set.all()).toEqual([]);
  });

  it('lets go of what has left, also once the set itself is old', () => {
    // A Set leaves all 24.
    expect(remainders(new DenseSet<Member>())).toBeLessThan(2);
  });
});

/**
 * MB that young collections have not given back after 3,000 members of 8 KB came and went, eight at
 * a time.
 */
function remainders(set: Pick<DenseSet<Member>, 'add' | 'delete'>): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as (options?: { type: 'minor' }) => void;
  const present: Member[] = [];
  const come = (): void => {
    const member = new Member();
    set.add(member);
    present.push(member);
    const gone = present.length > 8 ? present.shift() : undefined;
    if (gone !== undefined) set.delete(gone);
  };
  for (let count = 0; count < 20; count += 1) come();
  // Now the set is old, and so is whatever it is made of.
  collect();
  const before = process.memoryUsage().heapUsed;
  for (let count = 1; count <= 3000; count += 1) {
    come();
    if (count % 100 === 0) collect({ type: 'minor' });
  }
  collect({ type: 'minor' });
  return (process.memoryUsage().heapUsed - before) / 1e6;
}
