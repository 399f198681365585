// What the commands show of a running program, read off its status document; an older program's
// document may lack some fields.

import type { Status } from '../../admin/status.ts';
import {
  knownFields,
  type MaybeKnown,
  POOL_FIELDS,
  type PoolFields,
  UPSTREAM_FIELDS,
  type UpstreamFields,
} from '../../admin/status-fields.ts';

/** The fields of a row, of which programs of every version tell those named `Always`. */
type Known<Fields, Always extends keyof Fields> = MaybeKnown<Fields> & Pick<Fields, Always>;

interface Counted {
  readonly requests?: number;
}

interface MoreOfProgram {
  readonly active?: number;
  readonly process?: { readonly resident_bytes?: number; readonly cpu_seconds?: number };
}

type KnownUpstream = Known<
  UpstreamFields,
  'name' | 'leaving' | 'state' | 'since' | 'reason' | 'activity' | 'capacity' | 'in_flight'
>;
type KnownPool = Known<PoolFields, 'name' | 'leaving' | 'waiting' | 'size' | 'oldest_ms'>;

/** One upstream of one pool; `state` may also be leaving, for one that has left its pool. */
export type UpstreamRow = KnownUpstream & {
  readonly pool: string;
  /** Requests a second since the earlier document. */
  readonly rate: number | undefined;
  /** ms that the state has lasted. */
  readonly age: number;
};

export type PoolRow = KnownPool & {
  /** Requests a second since the earlier document. */
  readonly rate: number | undefined;
  /** Answers of 500 and above. */
  readonly failed: number | undefined;
  /** How many upstreams are in each state. */
  readonly states: ReadonlyMap<string, number>;
};

export interface Overview {
  readonly status: Status;
  readonly active: number | undefined;
  readonly waiting: number;
  readonly rate: number | undefined;
  /** Of one processor, since the earlier document; 1 is all of it. */
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
    const row = knownFields(POOL_FIELDS, pool) as KnownPool;
    const { statuses } = pool as Partial<typeof pool>;
    const states = new Map<string, number>();
    for (const { leaving, state } of pool.upstreams) {
      const is = leaving ? 'leaving' : state.is;
      states.set(is, (states.get(is) ?? 0) + 1);
    }
    return {
      ...row,
      rate: rate(poolKey(pool.name), row.requests),
      failed: statuses === undefined ? undefined : (statuses['5xx'] ?? 0),
      states,
    };
  });
  const upstreams = status.pools.flatMap((pool) =>
    pool.upstreams.map((upstream): UpstreamRow => {
      const row = knownFields(UPSTREAM_FIELDS, upstream) as KnownUpstream;
      return {
        ...row,
        pool: pool.name,
        state: row.leaving ? 'leaving' : row.state,
        rate: rate(upstreamKey(pool.name, row.name), row.requests),
        age: Math.max(0, now.getTime() - Date.parse(row.since)),
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
  const keep = (key: string, counted: Counted): void => {
    // A pool or an upstream that left and the one in its place have the same name: then neither has
    // a rate.
    if (counted.requests !== undefined) found.set(key, found.has(key) ? Number.POSITIVE_INFINITY : counted.requests);
  };
  for (const pool of status.pools) {
    keep(poolKey(pool.name), pool);
    for (const upstream of pool.upstreams) keep(upstreamKey(pool.name, upstream.name), upstream);
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
