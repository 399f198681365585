// Pool and its upstreams under any interleaving of what can happen to them, against a model of who holds and who waits.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BalanceName } from '../../src/config/balance.ts';
import type { FailureCode } from '../../src/core/errors.ts';
import type { Waiter } from '../../src/pool/pool.ts';
import type { Place } from '../../src/pool/queue.ts';
import type { Exchange } from '../../src/upstream/exchange.ts';
import type { Upstream } from '../../src/upstream/upstream.ts';
import { NAMES } from './support/balancer-parts.ts';
import { Asker, fail, type PoolParts, poolParts, start } from './support/pool-parts.ts';

interface Member {
  readonly upstream: Upstream;
  readonly capacity: number;
  removed: boolean;
}

interface Waiting {
  readonly asker: Asker;
  readonly place: Place<Waiter>;
}

const TIMEOUT = 1000;
const SIZE = 6;

/** The pool, and beside it what it ought to be; every step is checked as it happens. */
class World {
  readonly parts: PoolParts;
  readonly members: Member[] = [];
  waiting: Waiting[] = [];
  /** Leases nobody has used yet, and exchanges that run. */
  leases: Asker[] = [];
  exchanges: Array<{ readonly exchange: Exchange; readonly upstream: Upstream }> = [];
  /** Deadlines of those who were served from the queue, with which they may come back. */
  readonly deadlines: number[] = [];
  /** By name. */
  readonly capacities = new Map<string, number>();
  grants = 0;
  destroyed = false;

  constructor(balance: BalanceName) {
    this.parts = poolParts({ size: SIZE, timeout: TIMEOUT }, balance);
  }

  join(maxConns: number): void {
    const name = String(this.members.length);
    // Whoever waits is served before the pool's `add` returns, and its grant is checked then.
    this.capacities.set(`/nonexistent/${name}`, maxConns);
    this.members.push({ upstream: this.parts.join(name, { maxConns }), capacity: maxConns, removed: false });
  }

  acquire(tried: readonly Upstream[], deadline: number | undefined): void {
    const { pool } = this.parts;
    const asker = new Asker(`#${this.grants}`, tried, (heard) => this.#heard(heard));
    const full = deadline === undefined && this.waiting.length >= SIZE;
    const place = pool.acquire(asker, deadline);
    if (place !== undefined) {
      expect(asker.heard).toBe('nothing');
      expect(full).toBe(false);
      const at = this.waiting.findIndex(({ place: other }) =>
        deadline === undefined ? other.deadline > place.deadline : other.deadline >= place.deadline,
      );
      this.waiting.splice(at === -1 ? this.waiting.length : at, 0, { asker, place });
    } else if (this.destroyed) {
      expect(asker.heard).toBe('FCGI_LB_POOL_CLOSED');
    } else if (asker.lease === undefined) {
      expect([asker.heard, full]).toEqual(['FCGI_LB_QUEUE_FULL', true]);
    }
  }

  /** Someone hears. Whoever waits is served only when first; others only when nobody waits. */
  #heard(asker: Asker): void {
    const at = this.waiting.findIndex(({ asker: other }) => other === asker);
    if (asker.lease === undefined) {
      if (at === -1) return;
      expect(at).toBe(0);
      const [first] = this.waiting.splice(0, 1);
      expect(asker.heard).toBe(this.destroyed ? 'FCGI_LB_POOL_CLOSED' : 'FCGI_LB_QUEUE_TIMEOUT');
      if (!this.destroyed) expect(first?.place.deadline).toBeLessThanOrEqual(this.parts.clock.now());
      return;
    }
    this.grants += 1;
    const { upstream } = asker.lease;
    expect(at === -1 ? this.waiting.length : at).toBe(0);
    if (at === 0) this.deadlines.push(this.waiting.shift()?.place.deadline ?? 0);
    expect(this.parts.pool.upstreams.has(upstream)).toBe(true);
    expect([upstream.draining, upstream.paused]).toEqual([false, false]);
    expect(upstream.inFlight).toBeLessThanOrEqual(this.capacities.get(upstream.name) ?? 0);
    if (asker.tried.has(upstream)) {
      const others = [...this.parts.pool.upstreams].filter((other) => other.available && !asker.tried.has(other));
      expect(others.map(({ name }) => name)).toEqual([]);
    }
    this.leases.push(asker);
  }

  cancel(who: number): void {
    const [gone] = this.waiting.splice(who % this.waiting.length, 1);
    if (gone !== undefined) this.parts.pool.cancel(gone.place);
  }

  takeLease(who: number): Asker['lease'] {
    return this.leases.splice(who % this.leases.length, 1)[0]?.lease;
  }

  takeExchange(who: number): Exchange | undefined {
    return this.exchanges.splice(who % this.exchanges.length, 1)[0]?.exchange;
  }

  destroy(): void {
    this.destroyed = true;
    this.parts.pool.destroy();
    this.exchanges = [];
  }

  /** Not `expect`, which is slow: this runs after every step. */
  check(): void {
    const { pool } = this.parts;
    const problems: string[] = [];
    if (pool.waiting !== this.waiting.length) problems.push(`${pool.waiting} wait instead of ${this.waiting.length}`);
    for (const { asker } of this.waiting) if (asker.heard !== 'nothing') problems.push(`${asker.name} heard and still waits`);
    for (const { upstream, capacity, removed } of this.members) {
      const { name, inFlight, available } = upstream;
      const held =
        this.leases.filter(({ lease }) => lease?.upstream === upstream).length +
        this.exchanges.filter((running) => running.upstream === upstream).length;
      if (inFlight !== held) problems.push(`${name} counts ${inFlight} in flight instead of ${held}`);
      if (held > capacity) problems.push(`${name} has ${held} in flight and takes ${capacity}`);
      if (pool.upstreams.has(upstream) === removed) problems.push(`${name} is in the pool: ${removed}`);
      if (this.waiting.length > 0 && !removed && available) problems.push(`${name} is free while somebody waits`);
    }
    if (problems.length > 0) throw new Error(problems.join('; '));
  }
}

type Step = { readonly name: string; readonly possible?: (world: World) => boolean; readonly run: (world: World) => void };

const CODES: readonly FailureCode[] = [
  'FCGI_LB_CONNECT_REFUSED',
  'FCGI_LB_CONNECT_BUSY',
  'FCGI_LB_UPSTREAM_CLOSED',
  'FCGI_LB_UPSTREAM_BAD_HEAD',
];

const who = fc.nat(20);
const member = (world: World, index: number): Member | undefined => world.members[index % world.members.length];
const hasMembers = ({ members }: World): boolean => members.length > 0;
const hasLeases = ({ leases }: World): boolean => leases.length > 0;
const hasExchanges = ({ exchanges }: World): boolean => exchanges.length > 0;

const acquire = fc.array(who, { maxLength: 3 }).map(
  (tried): Step => ({
    name: `acquire, having tried ${tried.join()}`,
    run: (world) => {
      world.acquire(world.members.length === 0 ? [] : tried.flatMap((index) => member(world, index)?.upstream ?? []), undefined);
    },
  }),
);

const steps: readonly fc.WeightedArbitrary<Step>[] = [
  { weight: 8, arbitrary: acquire },
  {
    weight: 2,
    arbitrary: who.map((index) => ({
      name: `acquire again ${index}`,
      possible: ({ deadlines }) => deadlines.length > 0,
      run: (world) => world.acquire([], world.deadlines[index % world.deadlines.length]),
    })),
  },
  {
    weight: 2,
    arbitrary: who.map((index) => ({
      name: `cancel ${index}`,
      possible: ({ waiting }) => waiting.length > 0,
      run: (world) => world.cancel(index),
    })),
  },
  {
    weight: 3,
    arbitrary: who.map((index) => ({
      name: `release ${index}`,
      possible: hasLeases,
      run: (world) => world.takeLease(index)?.release(),
    })),
  },
  {
    weight: 4,
    arbitrary: who.map((index) => ({
      name: `start ${index}`,
      possible: hasLeases,
      run: (world) => {
        const lease = world.takeLease(index);
        if (lease !== undefined) world.exchanges.push({ exchange: start(lease), upstream: lease.upstream });
      },
    })),
  },
  {
    weight: 4,
    arbitrary: fc.tuple(who, fc.constantFrom(...CODES)).map(([index, code]) => ({
      name: `fail ${index} with ${code}`,
      possible: hasLeases,
      run: (world) => {
        const lease = world.takeLease(index);
        if (lease !== undefined) fail(lease, code);
      },
    })),
  },
  {
    weight: 4,
    arbitrary: who.map((index) => ({
      name: `client of exchange ${index} leaves`,
      possible: hasExchanges,
      run: (world) => world.takeExchange(index)?.abandon({ kind: 'abandoned' }),
    })),
  },
  {
    weight: 1,
    arbitrary: who.map((index) => ({
      name: `exchange ${index} is destroyed, twice`,
      possible: hasExchanges,
      run: (world) => {
        const exchange = world.takeExchange(index);
        exchange?.destroy();
        exchange?.destroy();
      },
    })),
  },
  {
    weight: 2,
    arbitrary: who.map((index) => ({
      name: `drain ${index}`,
      possible: hasMembers,
      run: (world) => member(world, index)?.upstream.want('drain', 'test'),
    })),
  },
  {
    weight: 3,
    arbitrary: who.map((index) => ({
      name: `undrain ${index}`,
      possible: hasMembers,
      run: (world) => member(world, index)?.upstream.want('serve', 'test'),
    })),
  },
  {
    weight: 2,
    arbitrary: who.map((index) => ({
      name: `${index} appears`,
      possible: hasMembers,
      run: (world) => member(world, index)?.upstream.appeared(),
    })),
  },
  {
    weight: 3,
    arbitrary: fc.constantFrom(1, 2, 3, Number.POSITIVE_INFINITY).map((capacity) => ({
      name: `join, taking ${capacity}`,
      possible: ({ members, destroyed }) => members.length < 6 && !destroyed,
      run: (world) => world.join(capacity),
    })),
  },
  {
    weight: 1,
    arbitrary: who.map((index) => ({
      name: `remove ${index}`,
      possible: hasMembers,
      run: (world) => {
        const chosen = member(world, index);
        if (chosen === undefined) return;
        chosen.removed = true;
        world.parts.pool.remove(chosen.upstream);
      },
    })),
  },
  {
    weight: 4,
    arbitrary: fc
      .constantFrom(1, 5, 25, 300, TIMEOUT)
      .map((ms) => ({ name: `${ms} ms pass`, run: (world) => world.parts.clock.advance(ms) })),
  },
];

function command(step: Step): fc.Command<object, World> {
  return {
    check: () => true,
    run: (_, world) => {
      // Asked of the world itself: what is possible depends on what was granted.
      if (step.possible?.(world) === false) return;
      step.run(world);
      world.check();
    },
    toString: () => step.name,
  };
}

describe.each(NAMES)('a pool with %s', (balance) => {
  it('keeps every promise under any interleaving, and has nothing in flight at the end', () => {
    let grants = 0;
    const commands = fc.commands([fc.oneof(...steps).map(command)], { maxCommands: 60, size: 'max' });
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 2 }), { maxLength: 3 }),
        commands,
        fc.boolean(),
        (capacities, list, destroyFirst) => {
          const world = new World(balance);
          for (const capacity of capacities) world.join(capacity);
          world.check();
          fc.modelRun(() => ({ model: {}, real: world }), list);
          grants += world.grants;
          if (destroyFirst) world.destroy();
          while (world.leases.length > 0) world.takeLease(0)?.release();
          world.destroy();
          world.check();
          expect(world.members.map(({ upstream }) => upstream.inFlight)).toEqual(world.members.map(() => 0));
          expect(world.waiting).toEqual([]);
          world.acquire([], undefined);
        },
      ),
      { numRuns: 300 },
    );
    // Otherwise nothing of this was tried.
    expect(grants).toBeGreaterThan(500);
  });
});
