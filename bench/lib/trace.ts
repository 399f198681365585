// The workload of the queue benchmark, and what an ideal queue would make of it.

import { exponential, randomFrom } from './random.ts';

export interface Job {
  /** ms from the start of the trace at which the client sends the request. */
  readonly at: number;
  /** ms that a worker needs for it. */
  readonly service: number;
}

/** Shares of all requests and their service times in ms: most are short, a few are long. */
const SERVICE_TIMES = [
  { share: 0.8, ms: 10 },
  { share: 0.15, ms: 50 },
  { share: 0.05, ms: 300 },
] as const;

export const MEAN_SERVICE = SERVICE_TIMES.reduce((sum, { share, ms }) => sum + share * ms, 0);

/**
 * Arrivals of a Poisson process and service times in random order. Both are brought to their exact
 * averages: a short trace would otherwise stray far from the utilisation it is meant to have.
 * @param rate requests a millisecond
 */
export function poissonTrace(count: number, rate: number, seed: number): readonly Job[] {
  const random = randomFrom(seed);
  const services = shuffled(deck(count), random);
  let at = 0;
  const arrivals = services.map(() => {
    at += exponential(random, 1 / rate);
    return at;
  });
  const scale = count / rate / at;
  return services.map((service, index) => ({ at: (arrivals[index] ?? 0) * scale, service }));
}

/** Share of the servers' time that the trace asks for while it lasts. */
export function utilisation(trace: readonly Job[], servers: number): number {
  const work = trace.reduce((sum, { service }) => sum + service, 0);
  return work / ((trace.at(-1)?.at ?? 0) * servers);
}

/**
 * Latencies in ms of one first-come-first-served queue in front of `servers` that cost nothing to
 * reach.
 */
export function idealLatencies(trace: readonly Job[], servers: number): readonly number[] {
  const freeAt: number[] = Array.from({ length: servers }, () => 0);
  return trace.map(({ at, service }) => {
    const soonest = freeAt.indexOf(Math.min(...freeAt));
    const end = Math.max(at, freeAt[soonest] ?? 0) + service;
    freeAt[soonest] = end;
    return end - at;
  });
}

/** Service times in their exact shares; what rounding leaves over is short. */
function deck(count: number): number[] {
  const cards = SERVICE_TIMES.flatMap(({ share, ms }) => Array.from({ length: Math.floor(share * count) }, () => ms as number));
  while (cards.length < count) cards.push(SERVICE_TIMES[0].ms);
  return cards;
}

function shuffled(cards: readonly number[], random: () => number): number[] {
  const result: number[] = [];
  for (const card of cards) {
    const at = Math.floor(random() * (result.length + 1));
    result.push(card);
    [result[at], result[result.length - 1]] = [card, result[at] ?? card];
  }
  return result;
}
