// Pool and its upstreams under any interleaving of what can happen to them, against a model of who
// holds and who waits.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BalanceName } from '../../../src/config/balance.ts';
import type { FailureCode } from '../../../src/core/errors.ts';
import type { Waiter } from '../../../src/pool/pool.ts';
import type { QueueEntry } from '../../../src/pool/queue.ts';
import type { FcgiExchange } from '../../../src/upstream/fcgi/exchange.ts';
import type { Upstream } from '../../../src/upstream/upstream.ts';
import { NAMES } from '../../support/parts/balancer-parts.ts';
import { Asker, fail, type PoolParts, poolParts, start } from '../../support/parts/pool-parts.ts';

interface Member {
  readonly upstream: Upstream;
  readonly capacity: number;
  removed: boolean;
}

interface Waiting {
  readonly asker: Asker;
  readonly place: QueueEntry<Waiter>;
}

interface Joining {
  readonly maxConns: number;
  readonly weight: number;
  readonly backup: boolean;
  readonly slowStart: number;
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
  exchanges: Array<{ readonly exchange: FcgiExchange; readonly upstream: Upstream }> = [];
  /** Deadlines of those who were served from the queue, with which they may come back. */
  readonly deadlines: number[] = [];
  /** By name. */
  readonly capacities = new Map<string, number>();
  grants = 0;
  /** Of these, while somebody who came before waited on; on backups; where the request belonged. */
  passedBy = 0;
  backupGrants = 0;
  homeGrants = 0;
  destroyed = false;

  readonly balance: BalanceName;
  #granted: Upstream | undefined;
  /** What upstreams call themselves in a key. */
  readonly #homes = new Map<string, Upstream>();

  constructor(balance: BalanceName) {
    this.balance = balance;
    this.parts = poolParts({ size: SIZE, timeout: TIMEOUT }, balance);
  }

  join(options: Joining): void {
    const { maxConns } = options;
    const name = String(this.members.length);
    // Whoever waits is served before the pool's `add` returns, and its grant is checked then.
    this.capacities.set(`/nonexistent/${name}`, maxConns);
    const upstream = this.parts.join(name, options);
    this.members.push({ upstream, capacity: maxConns, removed: false });
  }

  acquire(tried: readonly Upstream[], deadline: number | undefined, home?: Upstream): void {
    const { pool } = this.parts;
    const asker = new Asker(`#${this.grants}`, tried, (heard) => this.#heard(heard), home);
    if (home !== undefined) this.#homes.set(asker.key, home);
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

  /**
   * Whether the upstream may be given this request now: a backup only while no primary is worth
   * waiting for, or trying.
   */
  #inUse({ tried }: Asker, upstream: Upstream): boolean {
    const primaries = [...this.parts.pool.upstreams].filter(({ backup }) => !backup);
    return !upstream.backup || primaries.every((one) => one.unreachable && (!this.#free(one) || tried.has(one)));
  }

  /** Whether it has a slot, or had when it was chosen. */
  #free(upstream: Upstream): boolean {
    return upstream.available || upstream === this.#granted;
  }

  /** The upstream that a request must have, or wait for; undefined when any will do. */
  #boundTo(asker: Asker): Upstream | undefined {
    const home = this.balance === 'sticky' ? this.#homes.get(asker.key) : undefined;
    if (home === undefined || asker.tried.has(home) || !this.parts.pool.upstreams.has(home)) return undefined;
    if (!this.#inUse(asker, home)) return undefined;
    if (this.#free(home)) return home;
    // A lifeless primary that may be tried again is, rather than to wait for a backup.
    const tryAgain = home.backup && [...this.parts.pool.upstreams].some((one) => !one.backup && this.#free(one));
    return home.unreachable || tryAgain ? undefined : home;
  }

  /** Whether the upstream is for this request to have, if it has a slot. */
  #mayHave(asker: Asker, upstream: Upstream): boolean {
    return this.#inUse(asker, upstream) && (this.#boundTo(asker) ?? upstream) === upstream;
  }

  /** Someone hears. Whoever is served could not have been anybody's who waits longer. */
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
    this.#granted = upstream;
    const before = at === -1 ? this.waiting : this.waiting.slice(0, at);
    expect(before.filter((other) => this.#mayHave(other.asker, upstream)).map((other) => other.asker.name)).toEqual([]);
    if (before.length > 0) this.passedBy += 1;
    if (at !== -1) this.deadlines.push(this.waiting.splice(at, 1)[0]?.place.deadline ?? 0);
    expect(this.parts.pool.upstreams.has(upstream)).toBe(true);
    expect(this.#mayHave(asker, upstream)).toBe(true);
    if (upstream.backup) this.backupGrants += 1;
    if (this.#boundTo(asker) === upstream) this.homeGrants += 1;
    expect([upstream.state.is === 'draining', upstream.paused, upstream.state.is === 'down' && upstream.inFlight > 1]).toEqual([
      false,
      false,
      false,
    ]);
    expect(upstream.inFlight).toBeLessThanOrEqual(this.capacities.get(upstream.name) ?? 0);
    if (asker.tried.has(upstream) && !this.#homes.get(asker.key)?.backup) {
      const others = [...this.parts.pool.upstreams].filter(
        (other) => other.available && !asker.tried.has(other) && this.#inUse(asker, other),
      );
      expect(others.map(({ name }) => name)).toEqual([]);
    }
    this.#granted = undefined;
    this.leases.push(asker);
  }

  cancel(who: number): void {
    const [gone] = this.waiting.splice(who % this.waiting.length, 1);
    if (gone !== undefined) this.parts.pool.cancel(gone.place);
  }

  takeLease(who: number): Asker['lease'] {
    return this.leases.splice(who % this.leases.length, 1)[0]?.lease;
  }

  takeExchange(who: number): FcgiExchange | undefined {
    return this.exchanges.splice(who % this.exchanges.length, 1)[0]?.exchange;
  }

  /** Everything works again and everybody ends what they have: nobody may be left waiting. */
  heal(): void {
    for (const { upstream, removed } of this.members) {
      if (removed) continue;
      upstream.want('serve', 'test');
      upstream.judge('up', 'test');
      upstream.appeared();
    }
    for (let left = this.leases.length + this.exchanges.length + this.waiting.length; left > 0; left -= 1) {
      this.takeLease(0)?.release();
      this.takeExchange(0)?.abandon({ kind: 'abandoned' });
      this.check();
    }
    if (this.members.some(({ removed }) => !removed)) expect(this.waiting).toEqual([]);
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
      if (removed || !available) continue;
      for (const { asker } of this.waiting) {
        if (this.#mayHave(asker, upstream)) problems.push(`${name} is free while ${asker.name} waits, who may have it`);
      }
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

const acquire = fc.tuple(fc.array(who, { maxLength: 2 }), fc.option(who, { nil: undefined })).map(
  ([tried, home]): Step => ({
    name: `acquire, having tried ${tried.join()}, belonging to ${home}`,
    run: (world) => {
      const triedOnes = world.members.length === 0 ? [] : tried.flatMap((index) => member(world, index)?.upstream ?? []);
      world.acquire(triedOnes, undefined, home === undefined ? undefined : member(world, home)?.upstream);
    },
  }),
);

const joining = fc.record({
  maxConns: fc.constantFrom(1, 2, 3, Number.POSITIVE_INFINITY),
  weight: fc.constantFrom(1, 1, 5),
  backup: fc.constantFrom(false, false, false, true),
  slowStart: fc.constantFrom(0, 0, 300),
});

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
    weight: 3,
    arbitrary: fc.tuple(who, fc.constantFrom('up' as const, 'trial' as const, 'down' as const)).map(([index, verdict]) => ({
      name: `${index} is judged ${verdict}`,
      possible: hasMembers,
      run: (world) => member(world, index)?.upstream.judge(verdict, 'test'),
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
    arbitrary: joining.map((options) => ({
      name: `join: ${fc.stringify(options)}`,
      possible: ({ members, destroyed }) => members.length < 6 && !destroyed,
      run: (world) => world.join(options),
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
    const sum = { grants: 0, passedBy: 0, backupGrants: 0, homeGrants: 0 };
    const commands = fc.commands([fc.oneof(...steps).map(command)], { maxCommands: 60, size: 'max' });
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 2 }), { maxLength: 3 }),
        commands,
        fc.constantFrom('heal', 'release', 'destroy'),
        (capacities, list, end) => {
          const world = new World(balance);
          for (const maxConns of capacities) world.join({ maxConns, weight: 1, backup: false, slowStart: 0 });
          world.check();
          fc.modelRun(() => ({ model: {}, real: world }), list);
          for (const name of ['grants', 'passedBy', 'backupGrants', 'homeGrants'] as const) sum[name] += world[name];
          if (end === 'heal') world.heal();
          if (end === 'destroy') world.destroy();
          while (world.leases.length > 0) world.takeLease(0)?.release();
          world.destroy();
          world.check();
          expect(world.members.map(({ upstream }) => upstream.inFlight)).toEqual(world.members.map(() => 0));
          expect(world.waiting).toEqual([]);
          world.acquire([], undefined);
        },
      ),
      { numRuns: balance === 'sticky' ? 600 : 300 },
    );
    // Otherwise nothing of this was tried.
    expect(sum.grants).toBeGreaterThan(500);
    expect(sum.backupGrants).toBeGreaterThan(20);
    if (balance !== 'sticky') expect(sum).toMatchObject({ homeGrants: 0 });
    else expect([sum.homeGrants > 100, sum.passedBy > 15]).toEqual([true, true]);
  });
});
