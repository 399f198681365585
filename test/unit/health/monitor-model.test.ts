// Monitors and their ejections under any interleaving of outcomes, probes, operators and time: a
// pool is never all out.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ExchangeOutcome } from '../../../src/upstream/transport/request.ts';
import {
  ABANDONED,
  CLOSED,
  failed,
  good,
  healthParts,
  PASSIVE,
  REFUSED,
  type Watched,
} from '../../support/parts/health-parts.ts';

const OUTCOMES: readonly ExchangeOutcome[] = [
  good(),
  good(503),
  CLOSED,
  CLOSED,
  REFUSED,
  failed('FCGI_LB_UPSTREAM_READ_TIMEOUT'),
  failed('FCGI_LB_CONNECT_BUSY'),
  ABANDONED,
];

interface Member extends Watched {
  readonly name: string;
  probesDown: boolean;
  drained: boolean;
}

/** The monitors, and beside them what nobody but the test says of them. */
class World {
  readonly share: number;
  readonly parts;
  members: Member[] = [];
  joined = 0;
  /** Times that somebody was out. */
  out = 0;

  constructor(share: number, random: () => number) {
    this.share = share;
    this.parts = healthParts({ ...PASSIVE, maxEjected: share }, random);
  }

  join(): void {
    const name = `u${this.joined}`;
    this.joined += 1;
    this.members.push({ ...this.parts.join(name), name, probesDown: false, drained: false });
  }

  leave(which: number): void {
    const [gone] = this.members.splice(which % this.members.length, 1);
    // As a pool does it: drained first, then forgotten.
    gone?.upstream.want('drain', 'left the pool');
    gone?.monitor.stop();
  }

  check(): void {
    const problems: string[] = [];
    const most = Math.max(0, Math.min(Math.floor(this.members.length * this.share), this.members.length - 1));
    const ejected = this.members.filter(
      ({ upstream, probesDown, drained }) => !probesDown && !drained && !upstream.well && !upstream.available,
    );
    this.out += ejected.length;
    if (ejected.length > most) problems.push(`${ejected.length} of ${this.members.length} are out instead of ${most} at most`);
    if (this.parts.clock.pending > most) problems.push(`${this.parts.clock.pending} ejections run instead of ${most} at most`);
    if (ejected.length > this.parts.clock.pending) problems.push('somebody is out without an end');
    if (ejected.length > 0 && !this.members.some(({ upstream }) => upstream.well))
      problems.push('the last one that serves is out');
    for (const { name, upstream, probesDown, drained } of this.members) {
      if (probesDown && (upstream.well || upstream.available)) problems.push(`${name} gets requests although its probes fail`);
      const expected = drained ? ['draining'] : upstream.well ? ['up'] : ['down'];
      if (!expected.includes(upstream.state.is)) problems.push(`${name} is ${upstream.state.is} instead of ${expected.join()}`);
    }
    const states = this.parts.changes();
    if (states.some((line, at) => line === states[at - 1])) problems.push('a change was logged twice in a row');
    if (problems.length > 0) throw new Error(problems.join('; '));
  }
}

type Step = { readonly name: string; readonly run: (world: World, member: Member) => void };

const which = fc.nat(20);
const steps: readonly fc.WeightedArbitrary<Step>[] = [
  {
    weight: 12,
    arbitrary: fc.tuple(fc.constantFrom(...OUTCOMES), fc.integer({ min: 1, max: 4 })).map(([outcome, times]) => ({
      name: `${times} times ${outcome.kind === 'failed' ? outcome.error.code : outcome.kind}`,
      run: (_, member) => member.observe(outcome, times),
    })),
  },
  {
    weight: 4,
    arbitrary: fc
      .constantFrom(1, 1000, 10_000, 60_000)
      .map((ms) => ({ name: `${ms} ms pass`, run: ({ parts }) => parts.clock.advance(ms) })),
  },
  {
    weight: 2,
    arbitrary: fc.boolean().map((down) => ({
      name: `probes say ${down ? 'down' : 'up'}`,
      run: (_, member) => {
        member.probesDown = down;
        member.monitor.probed(down ? 'down' : 'up', 'test', true);
      },
    })),
  },
  {
    weight: 1,
    arbitrary: fc.constant({
      name: 'appears',
      run: (_, member) => {
        member.probesDown = false;
        member.monitor.appeared();
      },
    }),
  },
  {
    weight: 1,
    arbitrary: fc.boolean().map((drained) => ({
      name: drained ? 'is drained' : 'is undrained',
      run: (_, member) => {
        member.drained = drained;
        member.upstream.want(drained ? 'drain' : 'serve', 'test');
      },
    })),
  },
  { weight: 1, arbitrary: fc.constant({ name: 'joins', run: (world) => world.members.length < 8 && world.join() }) },
  { weight: 1, arbitrary: fc.nat(7).map((index) => ({ name: 'leaves', run: (world) => world.leave(index) })) },
];

function command([step, index]: readonly [Step, number]): fc.Command<object, World> {
  return {
    check: () => true,
    run: (_, world) => {
      const member = world.members[index % Math.max(1, world.members.length)];
      if (member !== undefined) step.run(world, member);
      else world.join();
      world.check();
    },
    toString: () => `${index} ${step.name}`,
  };
}

describe('the monitors of a pool', () => {
  it('never eject more than the share, nor the last that serves, under any interleaving, and leave no timer', () => {
    let out = 0;
    const commands = fc.commands([fc.tuple(fc.oneof(...steps), which).map(command)], { maxCommands: 60, size: 'max' });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 6 }),
        fc.constantFrom(0, 0.2, 0.5, 0.9, 1),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        commands,
        (count, share, random, list) => {
          const world = new World(share, () => random);
          for (let i = 0; i < count; i += 1) world.join();
          fc.modelRun(() => ({ model: {}, real: world }), list);
          out += world.out;
          while (world.members.length > 0) world.leave(0);
          expect(world.parts.clock.pending).toBe(0);
        },
      ),
      { numRuns: 400 },
    );
    // Otherwise nothing of this was tried.
    expect(out).toBeGreaterThan(1000);
  });
});
