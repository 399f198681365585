// What the live page needs of the status: flat rows, and of these only what has changed since the
// last update.

import type { PoolStatus, Status, UpstreamStatus } from './status.ts';
import { type FieldTable, type FieldValue, POOL_FIELDS, UPSTREAM_FIELDS } from './status-fields.ts';

/** What a row has for good; an upstream's row also has the id of its pool's. */
interface RowKey {
  readonly id: number;
  readonly pool?: number;
}

/** A row as it is sent. */
export type Row = RowKey & Readonly<Record<string, FieldValue>>;

/**
 * A row as it is kept: lists of values compare twenty times as fast as objects with as many fields.
 */
interface KeptRow {
  readonly key: RowKey;
  readonly values: FieldValue[];
}

/**
 * All rows, or those that are new with all their fields and of the others the fields that have
 * changed.
 */
export interface Rows {
  readonly pools: readonly Row[];
  readonly upstreams: readonly Row[];
  /** Ids of pools and upstreams that are no longer there. */
  readonly gone: readonly number[];
}

/** The rows of one kind: names and values are in the order of the table of fields. */
class RowSet<D> {
  readonly #names: readonly string[];
  readonly #reads: readonly ((document: D) => FieldValue)[];
  readonly #newId: () => number;
  #rows: ReadonlyMap<string, KeptRow> = new Map();
  #next = new Map<string, KeptRow>();

  /** @param newId an id that no other row has or had */
  constructor(table: FieldTable<D>, newId: () => number) {
    this.#names = Object.keys(table);
    this.#reads = Object.values(table).map(({ read }) => read);
    this.#newId = newId;
  }

  /**
   * Takes a row into the next set.
   * @param name a row of the set before with the same name is the same row
   * @param pool the id of the pool's row, for an upstream
   * @param changed gets the row if it is new, or its differences if there are any
   * @returns the id of the row
   */
  take(name: string, document: D, pool: number | undefined, changed: Row[]): number {
    const free = this.#freeName(name);
    const before = this.#rows.get(free);
    if (before !== undefined) {
      this.#next.set(free, before);
      const difference = this.#update(before, document);
      if (difference !== undefined) changed.push(difference);
      return before.key.id;
    }
    const id = this.#newId();
    const row = { key: pool === undefined ? { id } : { id, pool }, values: this.#reads.map((read) => read(document)) };
    this.#next.set(free, row);
    changed.push(this.#whole(row));
    return id;
  }

  /**
   * The rows taken since the last call are the set from now on.
   * @returns the ids of the rows that are gone
   */
  replace(): readonly number[] {
    const gone: number[] = [];
    for (const [name, { key }] of this.#rows) if (!this.#next.has(name)) gone.push(key.id);
    this.#rows = this.#next;
    this.#next = new Map();
    return gone;
  }

  all(): readonly Row[] {
    return Array.from(this.#rows.values(), (row) => this.#whole(row));
  }

  /** A socket that was made anew twice has two leaving upstreams of one name. */
  #freeName(name: string): string {
    let free = name;
    while (this.#next.has(free)) free += '+';
    return free;
  }

  #whole({ key, values }: KeptRow): Row {
    return { ...key, ...Object.fromEntries(this.#names.map((name, at) => [name, values[at] ?? null])) };
  }

  /** @returns the fields that have changed; undefined when none has */
  #update({ key, values }: KeptRow, document: D): Row | undefined {
    let difference: Record<string, FieldValue> | undefined;
    for (let at = 0; at < values.length; at += 1) {
      const value = this.#reads[at]?.(document) ?? null;
      if (value === values[at]) continue;
      values[at] = value;
      difference ??= {};
      difference[this.#names[at] ?? ''] = value;
    }
    return difference === undefined ? undefined : { id: key.id, ...difference };
  }
}

/** Invariant: the kept rows are what a page knows that has taken every message so far. */
export class FeedRows {
  #nextId = 1;
  readonly #pools = new RowSet<PoolStatus>(POOL_FIELDS, () => this.#newId());
  readonly #upstreams = new RowSet<UpstreamStatus>(UPSTREAM_FIELDS, () => this.#newId());

  /** @returns what has changed since the last update */
  update(status: Status): Rows {
    const pools: Row[] = [];
    const upstreams: Row[] = [];
    for (const pool of status.pools) {
      const id = this.#pools.take(`${pool.leaving} ${pool.name}`, pool, undefined, pools);
      for (const upstream of pool.upstreams) {
        this.#upstreams.take(`${id} ${upstream.leaving} ${upstream.name}`, upstream, id, upstreams);
      }
    }
    return { pools, upstreams, gone: [...this.#pools.replace(), ...this.#upstreams.replace()] };
  }

  all(): Rows {
    return { pools: this.#pools.all(), upstreams: this.#upstreams.all(), gone: [] };
  }

  #newId(): number {
    const id = this.#nextId;
    this.#nextId += 1;
    return id;
  }
}
