// What the tests of balancers share: candidates whose load the test sets, and ways to look at a row of picks.

import { seeded } from '../../../bench/simulate/random.ts';
import { BALANCERS } from '../../../src/app/registry.ts';
import type { Balancer, Candidate } from '../../../src/balance/balancer.ts';
import type { BalanceName } from '../../../src/config/balance.ts';

export class Worker implements Candidate {
  readonly name: string;
  readonly weight: number;
  readonly order: number;
  inFlight = 0;
  headTime: number | undefined;

  constructor(name: string, weight = 1, order = 0) {
    this.name = name;
    this.weight = weight;
    this.order = order;
  }
}

export const NOBODY: ReadonlySet<Worker> = new Set();
export const NAMES = Object.keys(BALANCERS) as readonly BalanceName[];

export function make(name: BalanceName, seed = 1): Balancer<Worker> {
  return BALANCERS[name]<Worker>({ random: seeded(seed) });
}

/** Workers `w0`, `w1`... in this order, one for each weight. */
export function workersOf(weights: readonly number[]): readonly Worker[] {
  return weights.map((weight, index) => new Worker(`w${index}`, weight, index));
}

export function setLoad(balancer: Balancer<Worker>, worker: Worker, inFlight: number): void {
  worker.inFlight = inFlight;
  balancer.update(worker);
}

/** Names of the picks; each has a key of its own. */
export function pickMany(balancer: Balancer<Worker>, count: number, avoid = NOBODY): readonly string[] {
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
