// The fields of a pool's and of an upstream's row, as the live page and the commands show them: one
// entry a field, with its name and how it is read off the status document.

import type { PoolStatus, UpstreamStatus } from './status.ts';

export type FieldValue = string | number | boolean | null;

/** A field that is read off one part of the document `D`; an older program may lack that part. */
export interface Field<D, V extends FieldValue> {
  readonly part: keyof D;
  readonly read: (document: D) => V;
}

/** The fields of a row of the document `D`, by name. */
export type FieldTable<D> = Readonly<Record<string, Field<D, FieldValue>>>;

/** The row that a table describes. */
export type RowOf<T> = { readonly [K in keyof T]: T[K] extends { read(document: never): infer V } ? V : never };

/** A row in which any field may be unknown. */
export type MaybeKnown<R> = { readonly [K in keyof R]: R[K] | undefined };

type Counts = Readonly<Partial<Record<string, number>>>;

function ofPool<K extends keyof PoolStatus, V extends FieldValue>(part: K, read: (document: Pick<PoolStatus, K>) => V) {
  return { part, read };
}

function ofUpstream<K extends keyof UpstreamStatus, V extends FieldValue>(
  part: K,
  read: (document: Pick<UpstreamStatus, K>) => V,
) {
  return { part, read };
}

export const POOL_FIELDS = {
  name: ofPool('name', ({ name }) => name),
  leaving: ofPool('leaving', ({ leaving }) => leaving),
  balance: ofPool('balance', ({ balance }) => balance),
  requests: ofPool('requests', ({ requests }) => requests),
  retries: ofPool('retries', ({ retries }) => retries),
  statuses: ofPool('statuses', ({ statuses }) => countsText(statuses)),
  waiting: ofPool('queue', ({ queue: { waiting } }) => waiting),
  size: ofPool('queue', ({ queue: { size } }) => size),
  oldest_ms: ofPool('queue', ({ queue: { oldest_ms } }) => oldest_ms ?? null),
  wait_p99: ofPool('queue', ({ queue: { wait_ms } }) => wait_ms?.p99 ?? null),
  rejected: ofPool('queue', ({ queue: { rejected } }) => sum(rejected)),
  head_p50: ofPool('head_ms', ({ head_ms }) => head_ms?.p50 ?? null),
  head_p99: ofPool('head_ms', ({ head_ms }) => head_ms?.p99 ?? null),
} as const satisfies FieldTable<PoolStatus>;

export const UPSTREAM_FIELDS = {
  name: ofUpstream('name', ({ name }) => name),
  leaving: ofUpstream('leaving', ({ leaving }) => leaving),
  capacity: ofUpstream('capacity', ({ capacity }) => capacity),
  in_flight: ofUpstream('in_flight', ({ in_flight }) => in_flight),
  weight: ofUpstream('weight', ({ weight }) => weight),
  backup: ofUpstream('backup', ({ backup }) => backup),
  requests: ofUpstream('requests', ({ requests }) => requests),
  retries: ofUpstream('retries', ({ retries }) => retries),
  state: ofUpstream('state', ({ state }) => state.is),
  since: ofUpstream('state', ({ state }) => state.since),
  reason: ofUpstream('state', ({ state }) => state.reason),
  activity: ofUpstream('activity', ({ activity }) => activity.is),
  errors: ofUpstream('errors', ({ errors }) => sum(errors)),
  error_codes: ofUpstream('errors', ({ errors }) => countsText(errors)),
  head_p50: ofUpstream('head_ms', ({ head_ms }) => head_ms?.p50 ?? null),
  head_p99: ofUpstream('head_ms', ({ head_ms }) => head_ms?.p99 ?? null),
  probe: ofUpstream('last_probe', ({ last_probe }) => last_probe?.result ?? null),
  probe_at: ofUpstream('last_probe', ({ last_probe }) => last_probe?.at ?? null),
  probe_reason: ofUpstream('last_probe', ({ last_probe }) => last_probe?.reason ?? null),
  probe_ms: ofUpstream('last_probe', ({ last_probe }) => last_probe?.ms ?? null),
} as const satisfies FieldTable<UpstreamStatus>;

export type PoolFields = RowOf<typeof POOL_FIELDS>;
export type UpstreamFields = RowOf<typeof UPSTREAM_FIELDS>;

/**
 * The row of a document, which may come from a program of an older version.
 * @returns undefined in the fields whose part the document lacks
 */
export function knownFields<D extends object, T extends FieldTable<D>>(table: T, document: D): MaybeKnown<RowOf<T>> {
  const row: Record<string, FieldValue | undefined> = {};
  for (const [name, { part, read }] of Object.entries(table)) {
    row[name] = document[part] === undefined ? undefined : read(document);
  }
  return row as MaybeKnown<RowOf<T>>;
}

/** An older program's queue has no counts. */
function sum(counts: Counts = {}): number {
  return Object.values(counts).reduce<number>((total, count = 0) => total + count, 0);
}

/** The largest first. */
function countsText(counts: Counts): string {
  return Object.entries(counts)
    .map(([name, count = 0]) => ({ name, count }))
    .filter(({ count }) => count > 0)
    .sort((a, b) => b.count - a.count)
    .map(({ name, count }) => `${name} ${count}`)
    .join(', ');
}
