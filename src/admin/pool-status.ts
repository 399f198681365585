// What `GET /status` says of a pool and of its upstreams.

import { balanceText } from '../config/balance.ts';
import type { PoolSettings } from '../config/settings.ts';
import type { Percentiles } from '../core/sliding-histogram.ts';
import type { LatestProbe } from '../health/prober.ts';
import type { Pool } from '../pool/pool.ts';
import { STATUS_CLASSES, type StatusClass } from '../pool/pool-counts.ts';
import type { Stated } from '../upstream/condition.ts';
import type { Upstream } from '../upstream/upstream.ts';
import type { PoolStatus, ProbeStatus, QueueStatus, StatedJson, UpstreamStatus } from './status.ts';

interface ProbeSource {
  latestProbe(upstream: Upstream): LatestProbe | undefined;
}

interface PoolSource extends ProbeSource {
  readonly pool: Pool;
  readonly settings: PoolSettings;
}

/**
 * @param leaving it has left the configuration
 * @param now clock ms
 */
export function poolStatus(source: PoolSource, leaving: boolean, now: number): PoolStatus {
  const { pool, settings } = source;
  const { counts } = pool;
  return {
    name: pool.name,
    leaving,
    balance: balanceText(settings.balance),
    requests: counts.requests,
    statuses: statusesOf(pool),
    retries: counts.retries,
    queue: queueStatus(pool, settings, now),
    head_ms: percentilesJson(counts.head.percentiles(now)),
    total_ms: percentilesJson(counts.total.percentiles(now)),
    upstreams: [
      ...Array.from(pool.upstreams, (upstream) => upstreamStatus(upstream, source, leaving, now)),
      ...Array.from(pool.leaving, (upstream) => upstreamStatus(upstream, source, true, now)),
    ],
  };
}

/**
 * @param leaving it has left its pool
 * @param now clock ms
 */
export function upstreamStatus(upstream: Upstream, probes: ProbeSource, leaving: boolean, now: number): UpstreamStatus {
  const { name, capacity, counts } = upstream;
  return {
    name,
    leaving,
    state: statedJson(upstream.state),
    activity: statedJson(upstream.activity),
    capacity: capacity === undefined ? null : capacity === Number.POSITIVE_INFINITY ? 'unlimited' : capacity,
    in_flight: upstream.inFlight,
    weight: Math.round(upstream.weight * 100) / 100,
    backup: upstream.backup,
    requests: counts.requests,
    errors: counts.errors,
    retries: counts.retries,
    head_ms: percentilesJson(counts.headTimes(now)),
    last_probe: probeStatus(probes.latestProbe(upstream)),
  };
}

function queueStatus({ waiting, oldestWait, counts }: Pool, { queue }: PoolSettings, now: number): QueueStatus {
  return {
    waiting,
    size: queue.size,
    oldest_ms: oldestWait === undefined ? null : rounded(oldestWait),
    waited: counts.waits.all.count,
    wait_ms: percentilesJson(counts.waits.percentiles(now)),
    rejected: counts.rejected.counts(),
  };
}

function statusesOf({ counts }: Pool): Readonly<Record<StatusClass, number>> {
  return Object.fromEntries(STATUS_CLASSES.map((of) => [of, counts.statuses(of)])) as Record<StatusClass, number>;
}

function percentilesJson(percentiles: Percentiles | undefined): Percentiles | null {
  if (percentiles === undefined) return null;
  const { p50, p90, p99 } = percentiles;
  return { p50: rounded(p50), p90: rounded(p90), p99: rounded(p99) };
}

function probeStatus(probe: LatestProbe | undefined): ProbeStatus | null {
  if (probe === undefined) return null;
  const { at, result, reason, ms } = probe;
  return { at: at.toISOString(), result, reason, ms: ms === undefined ? null : rounded(ms) };
}

function statedJson({ is, since, reason }: Stated<string>): StatedJson {
  return { is, since: since.toISOString(), reason };
}

/** To a hundredth of a millisecond: more was not measured. */
export function rounded(ms: number): number {
  return Math.round(ms * 100) / 100;
}
