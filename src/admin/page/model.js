// What the page knows: the program, its pools and upstreams as the last message left them, and what
// happened lately.

import { History } from './history.js';

/** @import { PoolFields, UpstreamFields } from '../status-fields.ts' */

/**
 * @typedef {object} Program
 * @property {string} version
 * @property {number} pid
 * @property {number} generation
 * @property {number} uptime_seconds
 * @property {boolean} stopping
 * @property {boolean} ready
 * @property {readonly string[]} reasons
 * @property {{ result: 'good' | 'bad', at: string, generation?: number, problems?: readonly
 *   string[], count?: number } | null} reload
 * @property {number} active
 * @property {readonly { address: string, door: string }[]} listeners
 * @property {{ resident_bytes: number, cpu_seconds: number, open_fds: number | null, loop_delay_ms:
 *   { p50: number, p99: number } | null }} process
 *
 * @typedef {PoolFields & { readonly id: number }} Pool
 *
 * @typedef {UpstreamFields & { readonly id: number, readonly pool: number }} Upstream
 *   `pool` is the id of the pool's row
 *
 * @typedef {object} Happening
 * @property {string} kind
 * @property {string} at
 * @property {string} [pool]
 * @property {string} [upstream]
 * @property {string} [is]
 * @property {string} [was]
 * @property {string} [reason]
 * @property {string} [by]
 * @property {number} [generation]
 * @property {readonly string[]} [problems]
 *
 * @typedef {object} Changes
 * @property {number} at
 * @property {Program} program
 * @property {readonly (Partial<Pool> & { id: number })[]} pools
 * @property {readonly (Partial<Upstream> & { id: number })[]} upstreams
 * @property {readonly number[]} gone
 */

/** Happenings that are shown. */
const KEPT = 200;

export class Model {
  /** ms since 1970, by the program's clock. */
  at = 0;
  /** @type {Program | undefined} */
  program;
  /** Share of one processor that the program uses, 0 to 1. @type {number | undefined} */
  cpu;
  /** @type {Map<number, Pool>} */
  pools = new Map();
  /** @type {Map<number, Upstream>} */
  upstreams = new Map();
  /** Newest first. @type {Happening[]} */
  recent = [];
  /** By the pool's name: they outlast a new connection. @type {Map<string, History>} */
  #histories = new Map();

  /** @param {Changes & { recent: readonly Happening[] }} message everything there is */
  all(message) {
    this.pools.clear();
    this.upstreams.clear();
    this.recent = [...message.recent].reverse();
    this.changes(message);
  }

  /** @param {Changes} message */
  changes({ at, program, pools, upstreams, gone }) {
    for (const id of gone) {
      this.pools.delete(id);
      this.upstreams.delete(id);
    }
    merge(this.pools, pools);
    merge(this.upstreams, upstreams);
    this.cpu = share(this.program, program, at - this.at) ?? this.cpu;
    this.at = at;
    this.program = program;
    for (const pool of this.pools.values()) if (!pool.leaving) this.history(pool.name).add(at, pool);
  }

  /** @param {readonly Happening[]} happenings oldest first */
  happened(happenings) {
    this.recent = [...[...happenings].reverse(), ...this.recent].slice(0, KEPT);
  }

  /** @param {string} pool */
  history(pool) {
    let history = this.#histories.get(pool);
    if (history === undefined) {
      history = new History();
      this.#histories.set(pool, history);
    }
    return history;
  }

  /** @param {number} pool */
  upstreamsOf(pool) {
    return [...this.upstreams.values()].filter((upstream) => upstream.pool === pool);
  }
}

/**
 * Objects are replaced, not changed, so that a view can compare one with the one it has shown.
 * @template {{ id: number }} T
 * @param {Map<number, T>} known
 * @param {readonly (Partial<T> & { id: number })[]} rows
 */
function merge(known, rows) {
  for (const row of rows) known.set(row.id, /** @type {T} */ ({ ...known.get(row.id), ...row }));
}

/**
 * @param {Program | undefined} before
 * @param {Program} now
 * @param {number} ms between them
 */
function share(before, now, ms) {
  if (before?.pid !== now.pid || ms < 500) return undefined;
  return Math.max(0, ((now.process.cpu_seconds - before.process.cpu_seconds) * 1000) / ms);
}
