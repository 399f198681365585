// NumberSet against a sorted array.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NumberSet } from '../../../src/balance/number-set.ts';

function checkAll(set: NumberSet, model: ReadonlySet<number>, from: readonly number[]): void {
  const sorted = [...model].toSorted((a, b) => a - b);
  expect(set.size).toBe(model.size);
  for (const number of from) expect([number, set.next(number)]).toEqual([number, sorted.find((one) => one >= number) ?? -1]);
}

describe('NumberSet', () => {
  it('knows the next number from any on, whatever came and went', () => {
    // Around the ends of words (32) and of groups of words (1024), and far away.
    const number = fc.oneof(
      fc.nat(40),
      fc.integer({ min: 1000, max: 1060 }),
      fc.constantFrom(0, 31, 32, 63, 64, 1023, 1024, 2047, 2048, 32_767, 32_768, 100_000),
    );
    fc.assert(
      fc.property(fc.array(number, { maxLength: 80 }), fc.array(number, { maxLength: 20 }), (toggles, from) => {
        const set = new NumberSet();
        const model = new Set<number>();
        for (const one of toggles) {
          if (model.delete(one)) set.delete(one);
          else {
            model.add(one);
            set.add(one);
          }
          checkAll(set, model, [0, one, one + 1]);
        }
        checkAll(set, model, [...from, 200_000]);
      }),
      { numRuns: 500 },
    );
  });

  it('is walked from end to end', () => {
    const set = new NumberSet();
    const numbers = Array.from({ length: 3000 }, (_, index) => index * 7);
    for (const number of numbers.toReversed()) set.add(number);
    const found: number[] = [];
    for (let at = set.next(0); at !== -1; at = set.next(at + 1)) found.push(at);
    expect(found).toEqual(numbers);
  });
});
