// What is shown of a running program, taken from its status document: fields that an older program
// does not tell are missing.

import type { Status } from '../../admin/status.ts';

interface Percentiles {
  readonly p99?: number;
}

/** What the document may hold besides. */
interface MoreOfUpstream {
  readonly requests?: number;
  readonly errors?: Readonly<Record<string, number>>;
  readonly head_ms?: Percentiles | null;
  readonly weight?: number;
  readonly backup?: boolean;
}

interface MoreOfPool {
  readonly requests?: number;
  readonly statuses?: Readonly<Record<string, number>>;
  readonly head_ms?: Percentiles | null;
  readonly queue: { readonly oldest_ms?: number | null };
}

interface MoreOfProgram {
  readonly active?: number;
  readonly process?: { readonly resident_bytes?: number; readonly cpu_seconds?: number };
}

/** One upstream of one pool. */
export interface UpstreamRow {
  readonly pool: string;
  readonly name: string;
  /** up, down, draining, disabled, or leaving for one that has left the configuration. */
  readonly state: string;
  readonly activity: string;
  readonly inFlight: number;
  readonly capacity: number | 'unlimited' | undefined;
  readonly requests: number | undefined;
  /** Requests a second since the picture before. */
  readonly rate: number | undefined;
  readonly errors: number | undefined;
  /** ms to the head of an answer. */
  readonly p99: number | undefined;
  /** ms that the state has lasted. */
  readonly age: number;
  readonly reason: string;
}

export interface PoolRow {
  readonly name: string;
  readonly leaving: boolean;
  readonly waiting: number;
  readonly queueSize: number;
  /** ms that the one at the head of the queue has waited. */
  readonly oldest: number | undefined;
  readonly requests: number | undefined;
  readonly rate: number | undefined;
  /** Answers of 500 and above. */
  readonly failed: number | undefined;
  readonly p99: number | undefined;
  /** How many upstreams are in each state. */
  readonly states: ReadonlyMap<string, number>;
}

export interface Overview {
  readonly status: Status;
  readonly active: number | undefined;
  readonly waiting: number;
  readonly rate: number | undefined;
  /** Of one processor, since the picture before; 1 is all of it. */
  readonly cpu: number | undefined;
  /** Bytes of memory. */
  readonly resident: number | undefined;
  readonly pools: readonly PoolRow[];
  readonly upstreams: readonly UpstreamRow[];
}

/**
 * @param now wall-clock time, for ages
 * @param before an earlier document, for rates
 */
export function overview(status: Status, now: Date, before?: Status): Overview {
  const seconds = before?.pid === status.pid ? status.uptime_seconds - before.uptime_seconds : 0;
  const earlier = seconds > 0 && before !== undefined ? counters(before) : new Map<string, number>();
  const rate = (key: string, count: number | undefined): number | undefined => {
    const base = earlier.get(key);
    // Fewer than before: it is another upstream at the same address.
    return count === undefined || base === undefined || count < base ? undefined : (count - base) / seconds;
  };
  const pools = status.pools.map((pool): PoolRow => {
    const more: MoreOfPool = pool as MoreOfPool;
    const states = new Map<string, number>();
    for (const { leaving, state } of pool.upstreams) {
      const is = leaving ? 'leaving' : state.is;
      states.set(is, (states.get(is) ?? 0) + 1);
    }
    return {
      name: pool.name,
      leaving: pool.leaving,
      waiting: pool.queue.waiting,
      queueSize: pool.queue.size,
      oldest: more.queue.oldest_ms ?? undefined,
      requests: more.requests,
      rate: rate(poolKey(pool.name), more.requests),
      failed: more.statuses === undefined ? undefined : (more.statuses['5xx'] ?? 0),
      p99: more.head_ms?.p99,
      states,
    };
  });
  const upstreams = status.pools.flatMap((pool) =>
    pool.upstreams.map((upstream): UpstreamRow => {
      const { name, leaving, state, activity, in_flight: inFlight, capacity } = upstream;
      const more: MoreOfUpstream = upstream as MoreOfUpstream;
      return {
        pool: pool.name,
        name,
        state: leaving ? 'leaving' : state.is,
        activity: activity.is,
        inFlight,
        capacity: capacity ?? undefined,
        requests: more.requests,
        rate: rate(upstreamKey(pool.name, name), more.requests),
        errors: more.errors === undefined ? undefined : sum(Object.values(more.errors)),
        p99: more.head_ms?.p99,
        age: Math.max(0, now.getTime() - Date.parse(state.since)),
        reason: state.reason,
      };
    }),
  );
  const { active, process } = status as MoreOfProgram;
  const [cpuBefore, cpuNow] = [(before as MoreOfProgram | undefined)?.process?.cpu_seconds, process?.cpu_seconds];
  const rates = pools.flatMap((pool) => pool.rate ?? []);
  return {
    status,
    active,
    waiting: sum(pools.map(({ waiting }) => waiting)),
    rate: rates.length === 0 ? undefined : sum(rates),
    cpu: seconds > 0 && cpuNow !== undefined && cpuBefore !== undefined ? Math.max(0, cpuNow - cpuBefore) / seconds : undefined,
    resident: process?.resident_bytes,
    pools,
    upstreams,
  };
}

function counters(status: Status): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  const keep = (key: string, counted: { readonly requests?: number }): void => {
    // A pool or an upstream that left and the one in its place go by one name; neither tells a rate
    // then.
    if (counted.requests !== undefined) found.set(key, found.has(key) ? Number.POSITIVE_INFINITY : counted.requests);
  };
  for (const pool of status.pools) {
    keep(poolKey(pool.name), pool as { readonly requests?: number });
    for (const upstream of pool.upstreams) keep(upstreamKey(pool.name, upstream.name), upstream as MoreOfUpstream);
  }
  return found;
}

function poolKey(pool: string): string {
  return pool;
}

function upstreamKey(pool: string, upstream: string): string {
  return `${pool}\0${upstream}`;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
