// Slots: what is in use stays between zero and the capacity, and misuse is an error rather than a
// wrong number.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Slots } from '../../../src/upstream/slots/slots.ts';

describe('Slots', () => {
  it('counts like a plain number, and refuses what would make it wrong', () => {
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.constantFrom('take' as const, 'give' as const) },
      { weight: 1, arbitrary: fc.constantFrom(1, 2, 3, 8, Number.POSITIVE_INFINITY) },
    );
    fc.assert(
      fc.property(fc.constantFrom(1, 2, 5, Number.POSITIVE_INFINITY), fc.array(step, { maxLength: 60 }), (start, steps) => {
        const slots = new Slots(start);
        let [capacity, inUse] = [start, 0];
        for (const step of steps) {
          if (step === 'take') {
            if (inUse < capacity) {
              slots.take();
              inUse += 1;
            } else expect(() => slots.take()).toThrow(/no free slot/);
          } else if (step === 'give') {
            if (inUse > 0) {
              slots.give();
              inUse -= 1;
            } else expect(() => slots.give()).toThrow(/nobody had taken/);
          } else {
            capacity = step;
            slots.capacity = step;
          }
          expect(`${slots.inUse} ${slots.capacity} ${slots.free}`).toBe(`${inUse} ${capacity} ${inUse < capacity}`);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('has nothing free after it shrank until enough has come back', () => {
    const slots = new Slots(3);
    for (let i = 0; i < 3; i += 1) slots.take();
    slots.capacity = 1;
    for (const left of [2, 1]) {
      slots.give();
      expect([slots.inUse, slots.free]).toEqual([left, false]);
    }
    slots.give();
    expect(slots.free).toBe(true);
  });
});
