// The measurements of one moment, from which the metrics are read: the status, and histograms since
// the start.

import type { Histogram } from '../core/histogram.ts';
import type { PoolStatus, Status, UpstreamStatus } from './status.ts';

/** Durations since the process began. */
export interface PoolHistograms {
  readonly waits: Histogram;
  readonly connect: Histogram;
  readonly head: Histogram;
  readonly total: Histogram;
}

export interface MetricsFacts {
  readonly status: Status;
  /** By name, of every pool in the status. */
  readonly pools: ReadonlyMap<string, PoolHistograms>;
  readonly loopDelay: Histogram;
  /** Descriptors that the process may have open; undefined where there is no /proc. */
  readonly maxFds: number | undefined;
  /** When the process began. */
  readonly startedAt: Date;
}

/** Labels that several samples of a scrape have in common: put into text once. */
export type Labels = Readonly<Record<string, string>>;

export interface MeasuredPool {
  readonly labels: Labels;
  readonly status: PoolStatus;
  readonly histograms: PoolHistograms;
}

export interface MeasuredUpstream {
  readonly labels: Labels;
  readonly status: UpstreamStatus;
}

export interface Measurements extends MetricsFacts {
  readonly measuredPools: readonly MeasuredPool[];
  /** Without those that have left: a second one may have joined under the same name. */
  readonly upstreams: readonly MeasuredUpstream[];
}

export function measurementsOf(facts: MetricsFacts): Measurements {
  const measuredPools: MeasuredPool[] = [];
  const upstreams: MeasuredUpstream[] = [];
  for (const pool of facts.status.pools) {
    const histograms = facts.pools.get(pool.name);
    if (histograms !== undefined) measuredPools.push({ labels: { pool: pool.name }, status: pool, histograms });
    for (const upstream of pool.upstreams) {
      if (!upstream.leaving) upstreams.push({ labels: { pool: pool.name, upstream: upstream.name }, status: upstream });
    }
  }
  return { ...facts, measuredPools, upstreams };
}
