// Status documents for tests of what is shown: of any number of upstreams, complete or as an older
// program tells them.

import type { Status, UpstreamStatus } from '../../../src/admin/status.ts';

/** The time at which the documents are looked at. */
export const NOW = new Date('2026-03-01T12:00:00Z');

type Loose = Readonly<Record<string, unknown>>;

/** @param seconds how long its state has lasted */
export function upstream(name: string, is = 'up', more: Loose = {}, seconds = 90): Loose {
  const since = new Date(NOW.getTime() - seconds * 1000).toISOString();
  return {
    name,
    leaving: false,
    state: { is, since, reason: is === 'up' ? 'nothing is known against it' : `${is} for a reason` },
    activity: { is: 'idle', since, reason: '0 of 1 slots in use' },
    capacity: 1,
    in_flight: 0,
    requests: 1000,
    errors: {},
    head_ms: { p50: 10, p90: 20, p99: 45.3 },
    ...more,
  };
}

export function pool(name: string, upstreams: readonly Loose[], more: Loose = {}): Loose {
  return {
    name,
    leaving: false,
    requests: 5000,
    statuses: { '2xx': 4990, '5xx': 10 },
    queue: { waiting: 0, size: 1024, oldest_ms: null },
    head_ms: { p50: 10, p90: 20, p99: 50 },
    upstreams,
    ...more,
  };
}

export function document(pools: readonly Loose[], more: Loose = {}): Status {
  const status: Loose = {
    format: 1,
    version: '1.2.3',
    pid: 42,
    generation: 3,
    uptime_seconds: 7500,
    stopping: false,
    ready: true,
    reasons: [],
    reload: null,
    active: 2,
    process: { resident_bytes: 80_000_000, cpu_seconds: 100 },
    pools,
    ...more,
  };
  return status as unknown as Status;
}

/** Of a program that counts nothing. */
export function withoutCounts(status: Status): Status {
  const { active: _active, process: _process, ...rest } = status as unknown as Record<string, unknown>;
  const pools = status.pools.map(({ name, leaving, queue: { waiting, size }, upstreams }) => ({
    name,
    leaving,
    queue: { waiting, size },
    upstreams: upstreams.map(({ name, leaving, state, activity, capacity, in_flight }): Partial<UpstreamStatus> => {
      return { name, leaving, state, activity, capacity, in_flight };
    }),
  }));
  return { ...rest, pools } as unknown as Status;
}
