// What the tests of balancers share: candidates whose load the test sets, and ways to look at a row
// of picks.

import { seeded } from '../../../bench/simulate/random.ts';
import { BALANCERS } from '../../../src/app/registry.ts';
import type { Balancer, Candidate, ReadyBalancer } from '../../../src/balance/balancer.ts';
import type { BalanceName } from '../../../src/config/balance.ts';
import { IndexAllocator } from '../../../src/pool/index-allocator.ts';

export class Worker implements Candidate {
  index = -1;
  readonly name: string;
  weight: number;
  readonly order: number;
  warming = false;
  unreachable = false;
  inFlight = 0;
  headTime: number | undefined;
  readonly #full: number;

  constructor(name: string, weight = 1, order = 0) {
    this.name = name;
    this.weight = weight;
    this.order = order;
    this.#full = weight;
  }

  /** It has this share of its weight, and warms up while that is not all. */
  begin(share: number): void {
    this.weight = this.#full * share;
    this.warming = share < 1;
  }
}

export const NOBODY: ReadonlySet<Worker> = new Set();
export const NAMES = Object.keys(BALANCERS) as readonly BalanceName[];

/**
 * A balancer whose requests have keys that name nobody: for them there is always somebody while
 * there is anybody.
 */
export function make(name: BalanceName, seed = 1): ReadyBalancer<Worker> {
  const balancer = seated(BALANCERS[name]<Worker>({ random: seeded(seed), token: tokenOf }));
  return {
    ...balancer,
    pick: (avoid, key) => {
      const picked = balancer.pick(avoid, key);
      if (picked === 'later') throw new Error(`${name} lets a request wait that belongs nowhere`);
      return picked;
    },
  };
}

/**
 * Gives whoever is added a place of its own until it leaves, as a pool does. Strangers have none.
 */
export function seated<W extends Worker>(balancer: Balancer<W>): Balancer<W> {
  const places = new IndexAllocator();
  const members = new Map<W, number>();
  return {
    add: (worker) => {
      if (!members.has(worker)) members.set(worker, places.take());
      worker.index = members.get(worker) ?? -1;
      balancer.add(worker);
    },
    remove: (worker) => {
      worker.index = members.get(worker) ?? -1;
      balancer.remove(worker);
    },
    leave: (worker) => {
      worker.index = members.get(worker) ?? -1;
      balancer.leave(worker);
      if (members.delete(worker)) places.give(worker.index);
    },
    pick: (avoid, key) => balancer.pick(avoid, key),
  };
}

/** What a key calls a worker here. */
export function tokenOf(name: string): string {
  return `token of ${name}`;
}

/** Workers `w0`, `w1`... in this order, one for each weight. */
export function workersOf(weights: readonly number[]): readonly Worker[] {
  return weights.map((weight, index) => new Worker(`w${index}`, weight, index));
}

/** Changes the load of one that is a candidate. */
export function setLoad(balancer: Pick<Balancer<Worker>, 'add'>, worker: Worker, inFlight: number): void {
  worker.inFlight = inFlight;
  balancer.add(worker);
}

/** Names of the picks; each has a key of its own. */
export function pickMany(balancer: ReadyBalancer<Worker>, count: number, avoid = NOBODY): readonly string[] {
  return Array.from({ length: count }, (_, index) => balancer.pick(avoid, `key ${index}`)?.name ?? 'nobody');
}

export function counts(names: readonly string[]): Record<string, number> {
  const result: Record<string, number> = {};
  for (const name of names) result[name] = (result[name] ?? 0) + 1;
  return result;
}

/** The longest row of picks of one worker. */
export function longestRun(names: readonly string[]): number {
  let longest = 0;
  let run = 0;
  for (const [index, name] of names.entries()) {
    run = name === names[index - 1] ? run + 1 : 1;
    longest = Math.max(longest, run);
  }
  return longest;
}
