// The order of upstreams: by the line of the configuration, then as people count, whatever the
// order in which they came.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { naturally } from '../../../src/core/natural-order.ts';
import { MemberOrder } from '../../../src/roster/member-order.ts';

describe('naturally', () => {
  it('puts rt2 before rt10, and tells names apart that are the same number', () => {
    const sorted = ['/run/rt1.sock', '/run/rt01.sock', '/run/rt2.sock', '/run/rt10.sock', '/run/rt10a.sock', '/run/rta.sock'];
    expect(sorted.toReversed().sort(naturally)).toEqual([
      '/run/rt01.sock',
      '/run/rt1.sock',
      '/run/rt2.sock',
      '/run/rt10.sock',
      '/run/rt10a.sock',
      '/run/rta.sock',
    ]);
    expect(naturally('9'.repeat(40), `1${'0'.repeat(40)}`)).toBeLessThan(0);
  });

  it('is an order: no text before itself, and of two exactly one before the other', () => {
    const text = fc.string({ unit: fc.constantFrom('0', '1', '9', 'a', '/'), maxLength: 6 });
    fc.assert(
      fc.property(text, text, text, (a, b, c) => {
        expect(Math.sign(naturally(a, b)) + Math.sign(naturally(b, a))).toBe(0);
        expect(naturally(a, b) === 0).toBe(a === b);
        if (naturally(a, b) <= 0 && naturally(b, c) <= 0) expect(naturally(a, c)).toBeLessThanOrEqual(0);
      }),
    );
  });
});

describe('MemberOrder', () => {
  it('gives numbers that sort as the configuration does, whoever comes, goes and is placed anew', () => {
    const step = fc.record({ name: fc.nat(30), line: fc.nat(2), leaves: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const order = new MemberOrder();
        const lines = new Map<string, number>();
        const numbers = new Map<string, number>();
        for (const { name: number, line, leaves } of steps) {
          const name = `w${number}`;
          if (leaves && lines.has(name)) {
            order.remove(name);
            lines.delete(name);
            numbers.delete(name);
          } else {
            lines.set(name, line);
            numbers.set(
              name,
              order.place(name, line, (other, at) => numbers.set(other, at)),
            );
          }
          const byNumber = [...numbers].sort(([, a], [, b]) => a - b).map(([each]) => each);
          const asSaid = [...lines].sort(([a, x], [b, y]) => x - y || naturally(a, b)).map(([each]) => each);
          expect(byNumber).toEqual(asSaid);
          expect(new Set(numbers.values()).size).toBe(numbers.size);
        }
      }),
    );
  });

  it('numbers all anew when there is no number left between two', () => {
    const order = new MemberOrder();
    const numbers = new Map<string, number>();
    let moves = 0;
    const moved = (name: string, at: number): void => {
      moves += 1;
      numbers.set(name, at);
    };
    // Each belongs between the one before and the last.
    const names = ['a', 'z', ...Array.from({ length: 200 }, (_, i) => `b${i}`)];
    for (const name of names) numbers.set(name, order.place(name, 0, moved));
    expect(moves).toBeGreaterThan(0);
    expect([...numbers].sort(([, a], [, b]) => a - b).map(([name]) => name)).toEqual(names.toSorted(naturally));
  });
});
