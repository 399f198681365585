// The pools across generations: those of the current one, and those that left it and still finish
// their requests.

import { basename } from 'node:path';
import type { PoolSettings } from '../config/settings.ts';
import type { Upstream } from '../upstream/upstream.ts';
import type { HandoverState, PoolHandoverState } from './handover-state.ts';
import { ManagedPool, type PoolChange, type PoolView } from './managed-pool.ts';
import type { RosterDeps } from './roster-deps.ts';

/**
 * Pools that are ready to take the place of the present ones. Exactly one of `commit` and
 * `rollback` must be called.
 */
export interface RosterChange {
  /** What routes need to know of the pools as they will be. */
  readonly views: ReadonlyMap<string, PoolView>;
  commit(): void;
  rollback(): void;
}

/** What an operator's word for an upstream means. */
export type FoundUpstream =
  | { readonly kind: 'found'; readonly pool: ManagedPool; readonly upstream: Upstream }
  /** There is no such pool or upstream, or several; the reason is a sentence for the operator. */
  | { readonly kind: 'unknown'; readonly reason: string };

/** Names in a message. */
const LISTED = 20;

/**
 * Invariant: there is one pool of a name, so that its queue and its upstreams' slots are counted
 * once.
 */
export class Roster {
  readonly #deps: RosterDeps;
  readonly #secret: string;
  /** State from the old process of an upgrade, of pools that have not been made yet. */
  readonly #handedOver: Map<string, PoolHandoverState>;
  #current: ReadonlyMap<string, ManagedPool> = new Map();
  readonly #retiring = new Map<string, ManagedPool>();

  constructor(deps: RosterDeps, { secret, pools }: HandoverState) {
    this.#deps = deps;
    this.#secret = secret;
    this.#handedOver = new Map(Object.entries(pools));
  }

  get pools(): ReadonlyMap<string, ManagedPool> {
    return this.#current;
  }

  /** The first pool of the configuration. @throws Error before the start */
  get first(): ManagedPool {
    const [first] = this.#current.values();
    if (first === undefined) throw new Error('a program that has started has at least one pool');
    return first;
  }

  /** Pools that have left the configuration and still serve requests. */
  get retiring(): Iterable<ManagedPool> {
    return this.#retiring.values();
  }

  /** What the new process of an upgrade gets of the current pools. */
  get handoverState(): HandoverState {
    const pools = Object.fromEntries([...this.#current].map(([name, pool]) => [name, pool.handoverState]));
    return { secret: this.#secret, pools };
  }

  /** Requests that wait for an upstream. */
  get waiting(): number {
    return [...this.#current.values(), ...this.#retiring.values()].reduce((sum, { pool }) => sum + pool.waiting, 0);
  }

  /**
   * Finds an upstream of a current pool.
   * @param name its address, or the last part of its path where only one upstream has it
   */
  find(poolName: string, name: string): FoundUpstream {
    const pool = this.#current.get(poolName);
    if (pool === undefined) return unknown(`no pool '${poolName}'; there are ${listed([...this.#current.keys()])}`);
    const all = [...pool.pool.upstreams];
    const exact = all.find((upstream) => upstream.name === name.replace(/^unix:/, ''));
    if (exact !== undefined) return { kind: 'found', pool, upstream: exact };
    const [one, ...more] = all.filter((upstream) => basename(upstream.name) === name);
    if (one === undefined) {
      return unknown(`no upstream '${name}' in pool ${poolName}; there are ${listed(all.map((upstream) => upstream.name))}`);
    }
    if (more.length > 0) {
      return unknown(`'${name}' may be ${listed([one, ...more].map((upstream) => upstream.name))}: give the whole address`);
    }
    return { kind: 'found', pool, upstream: one };
  }

  /**
   * Brings new pools to life and gets the present ones ready for other settings.
   * @throws ConfigError, and then nothing has changed
   */
  async prepare(settings: readonly PoolSettings[]): Promise<RosterChange> {
    const next = new Map<string, ManagedPool>();
    const views = new Map<string, PoolView>();
    const changes: PoolChange[] = [];
    /** Pools that are called back while they retire: until that is settled they must not end. */
    const called: ManagedPool[] = [];
    const letGo = (): void => {
      for (const { pool } of called) pool.leave();
    };
    const rollback = (): void => {
      for (const change of changes) change.rollback();
      letGo();
    };
    try {
      for (const each of settings) {
        const { name } = each;
        const returning = this.#current.has(name) ? undefined : this.#retiring.get(name);
        if (returning !== undefined) {
          returning.pool.enter();
          called.push(returning);
        }
        const present = this.#current.get(name) ?? returning;
        const pool = present ?? new ManagedPool(each, this.#deps, this.#secret, this.#handedOver.get(name));
        const change = present === undefined ? await started(pool) : await present.prepare(each);
        changes.push(change);
        next.set(name, pool);
        views.set(name, change.view);
      }
    } catch (error) {
      rollback();
      throw error;
    }
    const commit = (): void => {
      this.#use(next, changes);
      letGo();
    };
    return { views, rollback, commit };
  }

  /** Ends everything now. */
  destroy(): void {
    for (const pool of [...this.#current.values(), ...this.#retiring.values()]) pool.destroy();
  }

  #use(next: ReadonlyMap<string, ManagedPool>, changes: readonly PoolChange[]): void {
    for (const change of changes) change.commit();
    // A later pool of the same name is another one.
    this.#handedOver.clear();
    const left = [...this.#current].filter(([name]) => !next.has(name));
    this.#current = next;
    for (const name of next.keys()) this.#retiring.delete(name);
    for (const [name, pool] of left) void this.#retire(name, pool);
  }

  async #retire(name: string, pool: ManagedPool): Promise<void> {
    this.#retiring.set(name, pool);
    this.#deps.log.info({ pool: name }, 'pool leaves; what it holds it finishes');
    while (pool.pool.used) await pool.pool.unused();
    // It may have come back meanwhile.
    if (this.#retiring.get(name) !== pool) return;
    this.#retiring.delete(name);
    pool.destroy();
  }
}

function unknown(reason: string): FoundUpstream {
  return { kind: 'unknown', reason };
}

function listed(names: readonly string[]): string {
  if (names.length === 0) return 'none';
  const more = names.length - LISTED;
  return [...names.slice(0, LISTED), ...(more > 0 ? [`and ${more} more`] : [])].join(', ');
}

/** Finds the upstreams of a pool that is new; no route leads to it before the commit. */
async function started(pool: ManagedPool): Promise<PoolChange> {
  try {
    await pool.start();
  } catch (error) {
    pool.destroy();
    throw error;
  }
  return { view: pool, commit: () => undefined, rollback: () => pool.destroy() };
}
