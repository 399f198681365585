// One balancer in one situation: the same arrivals for every balancer, and how long each request
// took.

import { BALANCERS } from '../../src/app/registry.ts';
import type { BalanceName } from '../../src/config/balance.ts';
import { Events } from './events.ts';
import { type Arrival, Front, type Keys, View } from './front.ts';
import { CLIENTS, LOAD, type Mix, SERVICE } from './mixes.ts';
import { seeded } from './random.ts';
import { SimulatedWorker } from './worker.ts';

export interface Result {
  readonly balancer: BalanceName;
  /** ms from arrival to the end of the answer, ascending. */
  readonly latencies: readonly number[];
  /** Of all requests, one for each worker. */
  readonly shares: readonly number[];
}

/** Requests come independently of each other (a Poisson process), and the load is LOAD. */
export function arrivals(mix: Mix, count: number, seed: number): readonly Arrival[] {
  const random = seeded(seed);
  const meanWork = SERVICE.reduce((sum, { share, work }) => sum + share * work, 0);
  const speed = mix.speeds.reduce((sum, one) => sum + one, 0);
  const meanGap = meanWork / (LOAD * speed);
  let at = 0;
  return Array.from({ length: count }, () => {
    at -= Math.log(1 - random()) * meanGap;
    const work = workOf(random());
    return { at, work, client: `client-${Math.floor(random() * CLIENTS)}`, front: Math.floor(random() * mix.fronts) };
  });
}

function workOf(draw: number): number {
  let left = draw;
  for (const { share, work } of SERVICE) {
    if (left < share) return work;
    left -= share;
  }
  return SERVICE[0].work;
}

/**
 * A hash goes by who the client is, sticky by a cookie that the client has from its last answer.
 */
function keysFor(balancer: BalanceName): Keys {
  if (balancer !== 'sticky') return { of: ({ client }) => client, answered: () => undefined };
  const cookies = new Map<string, string>();
  return {
    of: ({ client }) => cookies.get(client) ?? '',
    answered: ({ client }, { name }) => cookies.set(client, name),
  };
}

export function simulateOne(mix: Mix, balancer: BalanceName, requests: readonly Arrival[], seed: number): Result {
  const events = new Events();
  const workers = mix.speeds.map((speed, index) => new SimulatedWorker(`/run/app${index + 1}.sock`, speed, events, mix.memory));
  const keys = keysFor(balancer);
  const latencies: number[] = [];
  const fronts = Array.from({ length: mix.fronts }, (_, number) => {
    const views = workers.map((worker, index) => new View(worker, mix.weights?.[index] ?? 1, index, mix.slots));
    const real = BALANCERS[balancer]<View>({ random: seeded(seed + 1000 + number), token: (name) => name });
    return new Front(views, real, keys, events, ({ at }) => latencies.push(events.now - at));
  });
  const plan = (index: number): void => {
    const next = requests[index];
    if (next === undefined) return;
    events.at(next.at, () => {
      fronts[next.front]?.arrive(next);
      plan(index + 1);
    });
  };
  plan(0);
  events.run();
  if (latencies.length !== requests.length) {
    throw new Error(`${balancer}: ${latencies.length} of ${requests.length} requests were finished`);
  }
  latencies.sort((a, b) => a - b);
  return { balancer, latencies, shares: workers.map(({ served }) => served / requests.length) };
}
