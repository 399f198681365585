// The operations of the pool and its queue that `micro` times: real Pool, Upstream and WaitQueue
// objects, no sockets.

import type { Lease } from '../../src/pool/lease.ts';
import type { Pool, Waiter } from '../../src/pool/pool.ts';
import type { QueueEntry } from '../../src/pool/queue.ts';
import type { Upstream } from '../../src/upstream/upstream.ts';
import type { Parts } from './product.ts';
import { randomFrom } from './random.ts';

export interface SizedOperation {
  readonly name: string;
  /** @returns the operation, run so many times, at this size */
  readonly make: (size: number) => (times: number) => number;
}

/** Numbers of upstreams. */
export const SIZES: readonly number[] = [4, 100, 1000];
const QUEUE_SIZES: readonly number[] = [10, 100_000];
const NOBODY: ReadonlySet<Upstream> = new Set();

export function balancerOperations(parts: Parts): readonly SizedOperation[] {
  return (['least-conn', 'round-robin'] as const).flatMap((balance) => [
    { name: `${balance}, one slot each, half taken`, make: (size) => turnover(parts, balance, 1, size, size / 2) },
    {
      name: `${balance}, unlimited, 2.5 running on each`,
      make: (size) => turnover(parts, balance, Number.POSITIVE_INFINITY, size, 2.5 * size),
    },
    { name: `${balance}, all taken, 1000 wait`, make: (size) => turnover(parts, balance, 1, size, size + 1000) },
  ]);
}

export function queueOperations({ WaitQueue }: Parts): ReadonlyArray<SizedOperation & { readonly sizes: readonly number[] }> {
  return [
    { name: 'the first leaves', sizes: QUEUE_SIZES, make: (size) => queueTurnover(new WaitQueue<number>(), size, (at) => at) },
    {
      name: 'anyone leaves',
      sizes: QUEUE_SIZES,
      make: (size) => {
        const random = randomFrom(size);
        const draws = Int32Array.from({ length: 65_536 }, () => Math.floor(random() * size));
        return queueTurnover(new WaitQueue<number>(), size, (at) => draws[at & 65_535] ?? 0);
      },
    },
  ];
}

/**
 * `held` requests are running or waiting; each time the one that has run longest ends and another
 * comes.
 */
function turnover(
  parts: Parts,
  balance: 'least-conn' | 'round-robin',
  maxConns: number,
  size: number,
  held: number,
): (times: number) => number {
  const pool = poolOf(parts, balance, maxConns, size);
  const leases: Lease[] = [];
  let first = 0;
  let granted = 0;
  const waiter: Waiter = {
    tried: NOBODY,
    key: '',
    granted: (lease) => {
      granted += 1;
      leases.push(lease);
    },
    refused: (error) => {
      throw error;
    },
  };
  for (let i = 0; i < held; i += 1) pool.acquire(waiter);
  return (times) => {
    for (let i = 0; i < times; i += 1) {
      leases[first]?.release();
      first += 1;
      // Forget what is done with, now and then.
      if (first === 4096) {
        leases.splice(0, first);
        first = 0;
      }
      pool.acquire(waiter);
    }
    return granted;
  };
}

function poolOf(
  { Pool, Upstream, BALANCERS, unixAddress, systemClock, silentLog }: Parts,
  balance: 'least-conn' | 'round-robin',
  maxConns: number,
  size: number,
): Pool {
  const pool = new Pool(
    'bench',
    { size: 1_000_000, timeout: 3_600_000, failFastAfter: 3_600_000 },
    BALANCERS[balance]<Upstream>({ random: Math.random, token: (name) => name }),
    systemClock,
  );
  const timeouts = { connect: 5000, send: 60_000, read: 60_000, linger: 300_000 };
  const deps = {
    clock: systemClock,
    log: silentLog,
    alone: () => false,
    pool,
    health: { changed: () => undefined, observed: () => undefined },
    stateChanged: () => undefined,
  };
  for (let i = 0; i < size; i += 1) {
    const settings = { weight: 1, order: i, maxConns, timeouts, keepAlive: undefined, handOver: true, disabled: false };
    pool.add(new Upstream(unixAddress(`/nowhere/w${i}.sock`), settings, deps));
  }
  return pool;
}

function queueTurnover(
  queue: { enter(item: number, deadline: number): QueueEntry<number>; leave(place: QueueEntry<number>): boolean },
  size: number,
  which: (turn: number) => number,
): (times: number) => number {
  const places: QueueEntry<number>[] = Array.from({ length: size }, (_, at) => queue.enter(at, at));
  let turn = 0;
  let deadline = size;
  return (times) => {
    let left = 0;
    for (let i = 0; i < times; i += 1) {
      const at = which(turn) % size;
      turn = (turn + 1) % (size * 65_536);
      const place = places[at];
      if (place !== undefined && queue.leave(place)) left += 1;
      deadline += 1;
      places[at] = queue.enter(at, deadline);
    }
    return left;
  };
}
