// What the live page needs of the status: flat rows, and of these only what has changed since the time before.

import type { PoolStatus, Status, UpstreamStatus } from './status.ts';

type Value = string | number | boolean | null | undefined;
type Fields = Readonly<Record<string, Value>>;
export type Row = { readonly id: number } & Fields;

/** All rows, or those that are new with all their fields and of the others the fields that have changed. */
export interface Rows {
  readonly pools: readonly Row[];
  readonly upstreams: readonly Row[];
  /** Ids of pools and upstreams that are no longer there. */
  readonly gone: readonly number[];
}

interface Percentiles {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
}

type Counts = Readonly<Record<string, number>>;

/** What is read of a pool; the page shows a dash for what is missing. */
interface PoolSeen extends Pick<PoolStatus, 'name' | 'leaving'> {
  readonly balance?: string;
  readonly requests?: number;
  readonly statuses?: Counts;
  readonly retries?: number;
  readonly queue: {
    readonly waiting: number;
    readonly size: number;
    readonly oldest_ms?: number | null;
    readonly wait_ms?: Percentiles | null;
    readonly rejected?: Counts;
  };
  readonly head_ms?: Percentiles | null;
}

interface UpstreamSeen extends Pick<UpstreamStatus, 'name' | 'leaving' | 'state' | 'activity' | 'capacity' | 'in_flight'> {
  readonly weight?: number;
  readonly backup?: boolean;
  readonly requests?: number;
  readonly errors?: Counts;
  readonly retries?: number;
  readonly head_ms?: Percentiles | null;
  readonly last_probe?: {
    readonly at: string;
    readonly result: string;
    readonly reason?: string | null;
    readonly ms?: number | null;
  } | null;
}

/** Invariant: `#rows` is what whoever has had everything so far knows. */
export class FeedRows {
  #nextId = 1;
  #pools: ReadonlyMap<string, Row> = new Map();
  #upstreams: ReadonlyMap<string, Row> = new Map();

  /** Takes what is so now in the place of what was. */
  update(status: Status): Rows {
    const pools = new Map<string, Row>();
    const upstreams = new Map<string, Row>();
    const changedPools: Row[] = [];
    const changedUpstreams: Row[] = [];
    for (const pool of status.pools) {
      const key = freeKey(pools, `${pool.leaving} ${pool.name}`);
      const row = this.#row(this.#pools.get(key), poolFields(pool), changedPools);
      pools.set(key, row);
      for (const upstream of pool.upstreams) {
        const own = freeKey(upstreams, `${row.id} ${upstream.leaving} ${upstream.name}`);
        upstreams.set(own, this.#row(this.#upstreams.get(own), upstreamFields(upstream, row.id), changedUpstreams));
      }
    }
    const gone = [...missing(this.#pools, pools), ...missing(this.#upstreams, upstreams)];
    this.#pools = pools;
    this.#upstreams = upstreams;
    return { pools: changedPools, upstreams: changedUpstreams, gone };
  }

  all(): Rows {
    return { pools: [...this.#pools.values()], upstreams: [...this.#upstreams.values()], gone: [] };
  }

  #row(before: Row | undefined, fields: Fields, changed: Row[]): Row {
    if (before === undefined) {
      const row = { id: this.#nextId, ...fields };
      this.#nextId += 1;
      changed.push(row);
      return row;
    }
    let difference: Record<string, Value> | undefined;
    for (const name in fields) {
      if (fields[name] === before[name]) continue;
      difference ??= {};
      // JSON has no undefined, and what is not said has not changed.
      difference[name] = fields[name] ?? null;
    }
    if (difference === undefined) return before;
    changed.push({ id: before.id, ...difference });
    return { id: before.id, ...fields };
  }
}

/** A socket that was made anew twice has two leaving upstreams of one name. */
function freeKey(taken: ReadonlyMap<string, Row>, key: string): string {
  let free = key;
  while (taken.has(free)) free += '+';
  return free;
}

function missing(before: ReadonlyMap<string, Row>, now: ReadonlyMap<string, Row>): number[] {
  const ids: number[] = [];
  for (const [key, { id }] of before) if (!now.has(key)) ids.push(id);
  return ids;
}

function poolFields({ name, leaving, balance, requests, statuses, retries, queue, head_ms }: PoolSeen): Fields {
  return {
    ...{ name, leaving, balance, requests, retries },
    statuses: countsText(statuses),
    waiting: queue.waiting,
    size: queue.size,
    oldest_ms: queue.oldest_ms,
    wait_p99: queue.wait_ms?.p99,
    rejected: sum(queue.rejected),
    head_p50: head_ms?.p50,
    head_p99: head_ms?.p99,
  };
}

function upstreamFields(upstream: UpstreamSeen, pool: number): Fields {
  const { name, leaving, state, activity, capacity, in_flight, weight, backup, requests, errors, retries } = upstream;
  const { head_ms, last_probe } = upstream;
  return {
    ...{ pool, name, leaving, capacity, in_flight, weight, backup, requests, retries },
    state: state.is,
    since: state.since,
    reason: state.reason,
    activity: activity.is,
    errors: sum(errors),
    error_codes: countsText(errors),
    head_p50: head_ms?.p50,
    head_p99: head_ms?.p99,
    probe: last_probe?.result,
    probe_at: last_probe?.at,
    probe_reason: last_probe?.reason,
    probe_ms: last_probe?.ms,
  };
}

function sum(counts: Counts | undefined): number | undefined {
  return counts === undefined ? undefined : Object.values(counts).reduce((total, count) => total + count, 0);
}

/** The largest first. */
function countsText(counts: Counts | undefined): string | undefined {
  if (counts === undefined) return undefined;
  const listed = Object.entries(counts).filter(([, count]) => count > 0);
  return listed
    .sort((a, b) => b[1] - a[1])
    .map(([name, count]) => `${name} ${count}`)
    .join(', ');
}
