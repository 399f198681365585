// The situations that balancers are tried in.

import type { Memory } from './worker.ts';

export interface Mix {
  readonly title: string;
  /** ms of work in a ms, one for each worker; 1 is an ordinary worker. */
  readonly speeds: readonly number[];
  /** What the operator would have given them; 1 each without it. */
  readonly weights?: readonly number[];
  /** Requests at a time on one worker. */
  readonly slots: number;
  /** Front ends, none of which knows of the others. */
  readonly fronts: number;
  /** What workers keep of clients; nothing without it. */
  readonly memory?: Memory;
}

/** Which share of the requests needs how many ms of an ordinary worker. */
export const SERVICE = [
  { share: 0.8, work: 10 },
  { share: 0.15, work: 50 },
  { share: 0.05, work: 300 },
] as const;

/** Of what all workers together can do. */
export const LOAD = 0.75;

/** Clients, for balancers that go by who they are. */
export const CLIENTS = 1000;

const UNLIMITED = Number.POSITIVE_INFINITY;

export const MIXES: readonly Mix[] = [
  { title: 'a: 4 equal workers, one request at a time', speeds: [1, 1, 1, 1], slots: 1, fronts: 1 },
  {
    title: 'b: 8 workers, one request at a time, the last 5 times slower',
    speeds: [1, 1, 1, 1, 1, 1, 1, 0.2],
    slots: 1,
    fronts: 1,
  },
  { title: 'c: 4 equal workers without limit', speeds: [1, 1, 1, 1], slots: UNLIMITED, fronts: 1 },
  { title: 'd: 4 workers without limit, the last 5 times slower', speeds: [1, 1, 1, 0.2], slots: UNLIMITED, fronts: 1 },
  {
    title: 'e: 4 workers without limit, weights 4, 2, 1, 1 and speeds to match',
    speeds: [4, 2, 1, 1],
    weights: [4, 2, 1, 1],
    slots: UNLIMITED,
    fronts: 1,
  },
  {
    title: 'f: 3 front ends, none knowing of the others, share 4 equal workers without limit',
    speeds: [1, 1, 1, 1],
    slots: UNLIMITED,
    fronts: 3,
  },
  {
    title: 'g: 4 workers, one request at a time, weights 4, 2, 1, 1 and speeds to match',
    speeds: [4, 2, 1, 1],
    weights: [4, 2, 1, 1],
    slots: 1,
    fronts: 1,
  },
  {
    title: 'h: 4 workers, one request at a time, each remembers its last 300 clients, whose requests are half the work',
    speeds: [1, 1, 1, 1],
    slots: 1,
    fronts: 1,
    memory: { clients: 300, known: 0.5 },
  },
  {
    title: 'i: the same without limit of requests',
    speeds: [1, 1, 1, 1],
    slots: UNLIMITED,
    fronts: 1,
    memory: { clients: 300, known: 0.5 },
  },
];
