// Slots that share a worker: together never more than the most that one of them may have, offered
// in turn, and forgotten when all are gone.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Occupancies, Occupancy } from '../../../src/upstream/slots/occupancy.ts';
import { Slots, type SlotsOwner } from '../../../src/upstream/slots/slots.ts';

const UNLIMITED = Number.POSITIVE_INFINITY;

const listener = (heard: () => void): SlotsOwner => ({ changed: heard, told: heard });

describe('slots that share a worker', () => {
  it('are as free as a model says, whoever takes, gives, joins, leaves and changes its capacity', () => {
    const who = fc.nat(2);
    const step = fc.oneof(
      { weight: 5, arbitrary: fc.record({ kind: fc.constant('take' as const), who }) },
      { weight: 3, arbitrary: fc.record({ kind: fc.constant('give' as const), who }) },
      fc.record({ kind: fc.constant('part' as const), who }),
      fc.record({ kind: fc.constant('capacity' as const), who, capacity: fc.constantFrom(1, 2, 4, UNLIMITED) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        let empty = 0;
        const at = new Occupancy(() => {
          empty += 1;
        });
        const all = [1, 1, 2].map((capacity) => ({ slots: new Slots(capacity, at), inUse: 0, part: true }));
        for (const each of steps) {
          const one = all[each.who];
          if (one === undefined) throw new Error('nobody');
          const total = all.reduce((sum, { inUse }) => sum + inUse, 0);
          const most = Math.max(0, ...all.flatMap(({ slots, part }) => (part ? [slots.capacity] : [])));
          if (each.kind === 'take' && one.part) {
            const free = one.inUse < one.slots.capacity && total < most;
            expect(one.slots.free).toBe(free);
            if (!free) expect(() => one.slots.take()).toThrow(/no free slot/);
            else {
              one.slots.take();
              one.inUse += 1;
            }
          } else if (each.kind === 'give' && one.inUse > 0) {
            one.slots.give();
            one.inUse -= 1;
          } else if (each.kind === 'part') {
            if (one.part) one.slots.leave();
            else one.slots.comeBack();
            one.part = !one.part;
          } else if (each.kind === 'capacity') {
            one.slots.capacity = each.capacity;
            if (one.part) one.slots.tell();
          }
          expect(at.inUse).toBe(all.reduce((sum, { inUse }) => sum + inUse, 0));
          expect(at.sharers).toBe(all.filter(({ part }) => part).length);
          if (at.inUse > 0 || at.sharers > 0) empty = 0;
          else expect(empty).toBe(1);
        }
      }),
    );
  });

  it('hear of a free slot in the order in which they had the last one, the longest ago first', () => {
    const heard: string[] = [];
    const at = new Occupancy();
    const slots = new Map(
      ['a', 'b', 'c'].map((name) => [
        name,
        new Slots(
          1,
          at,
          listener(() => heard.push(name)),
        ),
      ]),
    );
    const turn = (name: string): string[] => {
      slots.get(name)?.take();
      heard.length = 0;
      slots.get(name)?.give();
      return [...heard];
    };
    turn('a');
    turn('b');
    expect(turn('c')).toEqual(['a', 'b', 'c']);
    expect(turn('a')).toEqual(['b', 'c', 'a']);
  });

  it('are told, the owner first, when a slot was taken', () => {
    const heard: string[] = [];
    const at = new Occupancy();
    const a = new Slots(
      1,
      at,
      listener(() => heard.push('a')),
    );
    new Slots(
      1,
      at,
      listener(() => heard.push('b')),
    );
    heard.length = 0;
    a.take();
    expect(heard).toEqual(['a', 'b']);
  });
});

describe('the occupancy of an address', () => {
  it('is the same for all, and is forgotten when nobody is left and nothing runs', () => {
    const all = new Occupancies();
    const at = all.at('/a', false);
    expect(all.at('/a', false)).toBe(at);
    const [one, two] = [new Slots(1, at), new Slots(1, at)];
    one.take();
    one.leave();
    two.leave();
    expect(all.at('/a', true)).toBe(at);
    one.give();
    expect(all.size).toBe(0);
    expect(all.at('/a', true)).not.toBe(at);
  });

  it('begins anew when the socket has vanished and another one is there, and goes on when the very same one is back', () => {
    const all = new Occupancies();
    const at = all.at('/a', false);
    const slots = new Slots(1, at);
    slots.take();
    slots.leave();
    all.vanished('/a', at);
    const anew = all.at('/a', false);
    expect(anew).not.toBe(at);
    const fresh = new Slots(1, anew);
    fresh.leave();
    slots.give();
    expect(all.size).toBe(0);

    const again = all.at('/b', false);
    const held = new Slots(1, again);
    held.take();
    held.leave();
    all.vanished('/b', again);
    expect(all.at('/b', true)).toBe(again);
    held.give();
    expect(all.size).toBe(0);
  });

  it('goes on while another pool still has the socket', () => {
    const all = new Occupancies();
    const at = all.at('/a', false);
    const [one] = [new Slots(1, at), new Slots(1, at)];
    one?.leave();
    all.vanished('/a', at);
    expect(all.at('/a', false)).toBe(at);
  });
});
