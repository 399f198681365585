// Places: numbers that nobody else has, kept small.

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { IndexAllocator } from '../../../src/pool/index-allocator.ts';

it('gives nobody a number that another has, and none larger than the most there ever were', () => {
  fc.assert(
    fc.property(fc.array(fc.option(fc.nat(20), { nil: undefined })), (steps) => {
      const places = new IndexAllocator();
      const taken: number[] = [];
      let most = 0;
      for (const step of steps) {
        const [given] = step === undefined ? [] : taken.splice(step % (taken.length || 1), 1);
        if (given !== undefined) places.give(given);
        else taken.push(places.take());
        most = Math.max(most, taken.length);
        expect(new Set(taken).size).toBe(taken.length);
        expect(Math.max(-1, ...taken)).toBeLessThan(most);
        expect(Math.min(0, ...taken)).toBe(0);
      }
    }),
  );
});
