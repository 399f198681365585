// Tiers: backups are picked while no primary can be hoped for, and never otherwise, whichever
// balancer is used.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BALANCERS } from '../../../src/app/registry.ts';
import type { Balancer } from '../../../src/balance/balancer.ts';
import { type Ranked, Tiers } from '../../../src/balance/tiers.ts';
import type { BalanceName } from '../../../src/config/balance.ts';
import { NAMES, seated, tokenOf, Worker } from '../../support/parts/balancer-parts.ts';

class Member extends Worker implements Ranked {
  readonly backup: boolean;

  constructor(name: string, backup: boolean) {
    super(name);
    this.backup = backup;
  }
}

function tiers(name: BalanceName): Balancer<Member> {
  const make = (): Balancer<Member> => BALANCERS[name]<Member>({ random: () => 0.5, token: tokenOf });
  return seated(new Tiers(make(), make()));
}

const NOBODY: ReadonlySet<Member> = new Set();

describe.each(NAMES)('primaries and backups with %s', (name) => {
  it('uses backups while all primaries are lifeless: a full one is waited for', () => {
    const [primary, backup] = [new Member('p', false), new Member('b', true)];
    const balancer = tiers(name);
    balancer.add(backup);
    expect(balancer.pick(NOBODY, 'k')).toBe(backup);
    balancer.add(primary);
    expect(balancer.pick(NOBODY, 'k')).toBe(primary);
    balancer.remove(primary);
    expect(balancer.pick(NOBODY, 'k')).toBeUndefined();
    // It goes down while it is full.
    primary.unreachable = true;
    balancer.remove(primary);
    expect(balancer.pick(NOBODY, 'k')).toBe(backup);
    // And is back with all its slots taken.
    primary.unreachable = false;
    balancer.remove(primary);
    expect(balancer.pick(NOBODY, 'k')).toBeUndefined();
    balancer.leave(primary);
    expect(balancer.pick(NOBODY, 'k')).toBe(backup);
    balancer.leave(backup);
    expect(balancer.pick(NOBODY, 'k')).toBeUndefined();
  });

  it('tries a lifeless primary as often as it may be tried, and uses a backup meanwhile', () => {
    const [primary, backup] = [new Member('p', false), new Member('b', true)];
    const balancer = tiers(name);
    primary.unreachable = true;
    balancer.add(primary);
    balancer.add(backup);
    expect(balancer.pick(NOBODY, 'k')).toBe(primary);
    // Not again by the request that found it lifeless, unless there is no other.
    expect(balancer.pick(new Set([primary]), 'k')).toBe(backup);
    balancer.remove(backup);
    expect(balancer.pick(new Set([primary]), 'k')).toBe(primary);
    balancer.add(backup);
    balancer.remove(primary);
    expect(balancer.pick(NOBODY, 'k')).toBe(backup);
  });

  it('stays with a primary that failed the request rather than to use a backup', () => {
    const [primary, backup] = [new Member('p', false), new Member('b', true)];
    const balancer = tiers(name);
    balancer.add(primary);
    balancer.add(backup);
    expect(balancer.pick(new Set([primary]), 'k')).toBe(primary);
  });

  it('picks of the one kind or the other as the primaries are, under any coming and going', () => {
    const members = [0, 1, 2, 3, 4].map((number) => new Member(`m${number}`, number > 2));
    const step = fc.record({ member: fc.constantFrom(...members), to: fc.constantFrom('free', 'full', 'trial', 'down', 'gone') });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const balancer = tiers(name);
        const states = new Map<Member, string>();
        for (const { member, to } of steps) {
          states.set(member, to);
          member.unreachable = to === 'down' || to === 'trial';
          if (to === 'free' || to === 'trial') balancer.add(member);
          else if (to === 'gone') balancer.leave(member);
          else balancer.remove(member);
          const hope = members.some((one) => !one.backup && ['free', 'full', 'trial'].includes(states.get(one) ?? ''));
          const fit = members.filter((one) => ['free', 'trial'].includes(states.get(one) ?? '') && one.backup !== hope);
          const picked = balancer.pick(NOBODY, 'k');
          if (fit.length === 0) expect(picked).toBeUndefined();
          else expect(fit).toContain(picked);
        }
      }),
      { numRuns: 200 },
    );
  });
});
