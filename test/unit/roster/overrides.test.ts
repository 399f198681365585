// Wishes: what the operator says at run time holds until the configuration says something else of
// the same thing.

import { describe, expect, it } from 'vitest';
import { UPSTREAM_DEFAULTS } from '../../../src/config/defaults.ts';
import { Overrides } from '../../../src/roster/overrides.ts';

const PLAIN = UPSTREAM_DEFAULTS;
const at = (wishes: Overrides, change: Partial<typeof PLAIN> = {}) => {
  const { weight, down, downReason } = wishes.over('/run/rt1.sock', { ...PLAIN, ...change });
  return [weight, down, downReason];
};

describe('what was wished of an address', () => {
  it('is nothing at first, and never of another address', () => {
    const wishes = new Overrides();
    wishes.weight('/run/rt2.sock', 5, PLAIN);
    wishes.down('/run/rt2.sock', true, 'disable by somebody', PLAIN);
    expect(at(wishes)).toEqual([1, false, undefined]);
  });

  it('holds while the configuration says what it said, whatever else it says', () => {
    const wishes = new Overrides();
    wishes.weight('/run/rt1.sock', 5, PLAIN);
    wishes.down('/run/rt1.sock', true, 'disable by somebody', PLAIN);
    expect(at(wishes, { slowStart: 1000, backup: true, maxConns: 7 })).toEqual([5, true, 'disable by somebody']);
  });

  it('ends for ever when the configuration says something else of the same thing, and each for itself', () => {
    const wishes = new Overrides();
    wishes.weight('/run/rt1.sock', 5, PLAIN);
    wishes.down('/run/rt1.sock', true, 'disable by somebody', PLAIN);
    expect(at(wishes, { weight: 2 })).toEqual([2, true, 'disable by somebody']);
    expect(at(wishes)).toEqual([1, true, 'disable by somebody']);
    expect(at(wishes, { down: true })).toEqual([1, true, undefined]);
    expect(at(wishes)).toEqual([1, false, undefined]);
  });

  it('goes on in another process', () => {
    const wishes = new Overrides();
    wishes.weight('/run/rt1.sock', 5, PLAIN);
    wishes.down('/run/rt1.sock', true, 'disable by somebody', PLAIN);
    const heir = new Overrides(JSON.parse(JSON.stringify(wishes.state)));
    expect(at(heir)).toEqual([5, true, 'disable by somebody']);
    expect(at(heir, { weight: 2, down: true })).toEqual([2, true, undefined]);
  });

  it('may be the opposite of the configuration: enabled though it is down there', () => {
    const wishes = new Overrides();
    wishes.down('/run/rt1.sock', false, 'enable by somebody', { ...PLAIN, down: true });
    expect(at(wishes, { down: true })).toEqual([1, false, 'enable by somebody']);
    expect(at(wishes, { down: false })).toEqual([1, false, undefined]);
    expect(at(wishes, { down: true })).toEqual([1, true, undefined]);
  });

  it('is the latest; a weight that is the one of the configuration is no wish', () => {
    const wishes = new Overrides();
    wishes.weight('/run/rt1.sock', 5, PLAIN);
    wishes.weight('/run/rt1.sock', 7, PLAIN);
    expect(at(wishes)[0]).toBe(7);
    wishes.weight('/run/rt1.sock', 1, PLAIN);
    expect(at(wishes, { weight: 3 })[0]).toBe(3);
    expect(at(wishes)[0]).toBe(1);
  });
});
