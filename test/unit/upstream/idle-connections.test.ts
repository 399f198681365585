// Shelf: what lies on it goes to the next who asks, or closes at its own limit, and one timer sees
// to all of that.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IdleConnections } from '../../../src/upstream/transport/idle-connections.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const LIMIT = 1000;

class Thing {
  destroyed = 0;
  watchers = 0;
  discard: () => void = () => undefined;

  destroy(): void {
    this.destroyed += 1;
  }
}

function shelf() {
  const clock = new FakeClock();
  const things = new IdleConnections<Thing>(clock, LIMIT, (thing, discard) => {
    thing.watchers += 1;
    thing.discard = discard;
    return () => {
      thing.watchers -= 1;
    };
  });
  return { clock, things };
}

describe('a shelf', () => {
  it('gives what came last first, and destroys nothing that it gives', () => {
    const { things } = shelf();
    const [a, b] = [new Thing(), new Thing()];
    things.put(a);
    things.put(b);
    expect([things.take(), things.take(), things.take()]).toEqual([b, a, undefined]);
    expect([a.destroyed, b.destroyed, a.watchers, b.watchers]).toEqual([0, 0, 0, 0]);
  });

  it('closes each at its own limit, with one timer', () => {
    const { clock, things } = shelf();
    const [a, b] = [new Thing(), new Thing()];
    things.put(a);
    clock.advance(400);
    things.put(b);
    expect(clock.pending).toBe(1);
    clock.advance(LIMIT - 401);
    expect([a.destroyed, b.destroyed]).toEqual([0, 0]);
    clock.advance(1);
    expect([a.destroyed, b.destroyed]).toEqual([1, 0]);
    clock.advance(399);
    expect(b.destroyed).toBe(0);
    clock.advance(1);
    expect([b.destroyed, clock.pending, things.take()]).toEqual([1, 0, undefined]);
  });

  it('counts anew for what was taken and came back', () => {
    const { clock, things } = shelf();
    const thing = new Thing();
    things.put(thing);
    clock.advance(LIMIT - 1);
    things.put(things.take() ?? thing);
    clock.advance(LIMIT - 1);
    expect(thing.destroyed).toBe(0);
    clock.advance(1);
    expect([thing.destroyed, thing.watchers]).toEqual([1, 0]);
  });

  it('closes all at once, and leaves no timer', () => {
    const { clock, things } = shelf();
    const all = [new Thing(), new Thing()];
    for (const thing of all) things.put(thing);
    things.closeAll();
    expect([...all.map(({ destroyed }) => destroyed), clock.pending]).toEqual([1, 1, 0]);
  });

  it('never keeps anything beyond its limit, nor gives what it has closed, whatever happens in between', () => {
    const step = fc.oneof(
      fc.constant({ kind: 'put' as const }),
      fc.constant({ kind: 'take' as const }),
      fc.record({ kind: fc.constant('discard' as const), which: fc.nat({ max: 5 }) }),
      fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 700 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const { clock, things } = shelf();
        let there: { readonly thing: Thing; readonly until: number }[] = [];
        for (const what of steps) {
          if (what.kind === 'put') {
            const thing = new Thing();
            things.put(thing);
            there.push({ thing, until: clock.now() + LIMIT });
          } else if (what.kind === 'take') {
            expect(things.take()).toBe(there.pop()?.thing);
          } else if (what.kind === 'discard') {
            const [gone] = there.splice(what.which, 1);
            gone?.thing.discard();
            if (gone !== undefined) expect([gone.thing.destroyed, gone.thing.watchers]).toEqual([1, 0]);
          } else {
            clock.advance(what.ms);
            const late = there.filter(({ until }) => until <= clock.now());
            expect(late.map(({ thing }) => [thing.destroyed, thing.watchers])).toEqual(late.map(() => [1, 0]));
            there = there.filter(({ until }) => until > clock.now());
          }
          expect(there.map(({ thing }) => thing.destroyed)).toEqual(there.map(() => 0));
          expect(clock.pending).toBeLessThanOrEqual(1);
        }
        clock.advance(2 * LIMIT);
        expect(clock.pending).toBe(0);
      }),
      { numRuns: 200 },
    );
  });
});
