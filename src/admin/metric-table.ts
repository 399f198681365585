// Every metric: its name, what it means, and how it is read off the measurements. The table behind
// `/metrics` and docs/metrics.md.

import type { Histogram } from '../core/histogram.ts';
import { REJECTIONS, STATUS_CLASSES } from '../pool/pool-counts.ts';
import type { Labels, MeasuredPool, Measurements } from './measurements.ts';
import type { UpstreamStatus } from './status.ts';

export interface Sample {
  readonly value: number;
  readonly labels?: Labels;
  /** Those of the pool or the upstream. */
  readonly sharedLabels?: Labels;
  /** Only for the series of a histogram. */
  readonly metricName?: string;
}

export interface Metric {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  /** Without the `le` of histograms. */
  readonly labels: readonly string[];
  readonly help: string;
  readonly read: (measurements: Measurements) => readonly Sample[];
}

/** `leaving`: it has left its pool, whatever its state. */
export const UPSTREAM_STATES = ['up', 'down', 'draining', 'disabled', 'leaving'] as const;

/** One number of the whole program; undefined: there is none. */
function ofProgram(
  name: string,
  type: 'counter' | 'gauge',
  help: string,
  read: (measurements: Measurements) => number | null | undefined,
): Metric {
  return {
    ...{ name, type, labels: [], help },
    read: (measurements) => {
      const value = read(measurements);
      return value === undefined || value === null ? [] : [{ value }];
    },
  };
}

/** One number of each pool. */
function ofPools(name: string, type: 'counter' | 'gauge', help: string, read: (pool: MeasuredPool) => number): Metric {
  return {
    ...{ name, type, labels: ['pool'], help },
    read: ({ measuredPools }) => measuredPools.map((pool) => ({ sharedLabels: pool.labels, value: read(pool) })),
  };
}

/** A number for each of a few things in each pool. */
function ofPoolsBy<K extends string>(
  name: string,
  type: 'counter' | 'gauge',
  label: string,
  help: string,
  keys: readonly K[],
  read: (pool: MeasuredPool, key: K) => number,
): Metric {
  return {
    ...{ name, type, labels: ['pool', label], help },
    read: ({ measuredPools }) =>
      measuredPools.flatMap((pool) =>
        keys.map((key) => ({ sharedLabels: pool.labels, labels: { [label]: key }, value: read(pool, key) })),
      ),
  };
}

function histogramOfPools(name: string, help: string, read: (pool: MeasuredPool) => Histogram): Metric {
  return {
    ...{ name, type: 'histogram', labels: ['pool'], help },
    read: ({ measuredPools }) => measuredPools.flatMap((pool) => histogramSamples(name, read(pool), pool.labels)),
  };
}

/** One number of each upstream; undefined: there is none. */
function ofUpstreams(
  name: string,
  type: 'counter' | 'gauge',
  help: string,
  read: (upstream: UpstreamStatus) => number | undefined,
): Metric {
  return {
    ...{ name, type, labels: ['pool', 'upstream'], help },
    read: ({ upstreams }) => {
      const samples: Sample[] = [];
      for (const { labels, status } of upstreams) {
        const value = read(status);
        if (value !== undefined) samples.push({ sharedLabels: labels, value });
      }
      return samples;
    },
  };
}

function histogramSamples(name: string, histogram: Histogram, sharedLabels: Labels = {}): readonly Sample[] {
  const { count, sum } = histogram;
  const bucket = { metricName: `${name}_bucket`, sharedLabels };
  return [
    ...histogram.below().map(({ ms, count: value }) => ({ ...bucket, labels: { le: String(ms / 1000) }, value })),
    { ...bucket, labels: { le: '+Inf' }, value: count },
    { metricName: `${name}_sum`, sharedLabels, value: sum / 1000 },
    { metricName: `${name}_count`, sharedLabels, value: count },
  ];
}

const PROGRAM: readonly Metric[] = [
  {
    name: 'fcgi_lb_build_info',
    type: 'gauge',
    labels: ['version', 'node'],
    help: 'Always 1; its labels say which fcgi-lb and which Node run',
    read: ({ status }) => [{ labels: { version: status.version, node: process.versions.node }, value: 1 }],
  },
  ofProgram(
    'fcgi_lb_generation',
    'gauge',
    'Generation of the configuration: 1 at the start, one more with each reload',
    (m) => m.status.generation,
  ),
  ofProgram('fcgi_lb_ready', 'gauge', '1 while /readyz says so, else 0', (m) => Number(m.status.ready)),
  ofProgram(
    'fcgi_lb_reload_good',
    'gauge',
    '1 when the latest reload was good, 0 when it was bad; absent before the first',
    (m) => (m.status.reload === null ? undefined : Number(m.status.reload.result === 'good')),
  ),
  ofProgram(
    'fcgi_lb_reload_timestamp_seconds',
    'gauge',
    'When the latest reload ended (Unix time); absent before the first',
    (m) => (m.status.reload === null ? undefined : Date.parse(m.status.reload.at) / 1000),
  ),
  ofProgram(
    'fcgi_lb_requests_active',
    'gauge',
    'Client requests that are being served, whatever answers them',
    (m) => m.status.active,
  ),
  ofProgram(
    'fcgi_lb_access_log_dropped_total',
    'counter',
    'Lines of the access log that were lost because nobody took them',
    (m) => m.status.access_log_dropped,
  ),
  {
    name: 'fcgi_lb_event_loop_delay_seconds',
    type: 'histogram',
    labels: [],
    help: 'How late the event loop was, at ten moments a second',
    read: ({ loopDelay }) => histogramSamples('fcgi_lb_event_loop_delay_seconds', loopDelay),
  },
  ofProgram('process_cpu_seconds_total', 'counter', 'CPU time that the process has used', (m) => m.status.process.cpu_seconds),
  ofProgram('process_resident_memory_bytes', 'gauge', 'Memory that the process has', (m) => m.status.process.resident_bytes),
  ofProgram('process_open_fds', 'gauge', 'Open descriptors of the process', (m) => m.status.process.open_fds),
  ofProgram(
    'process_max_fds',
    'gauge',
    'Descriptors that the process may have open; absent where the system does not tell',
    (m) => m.maxFds,
  ),
  ofProgram('process_start_time_seconds', 'gauge', 'When the process began (Unix time)', (m) => m.startedAt.getTime() / 1000),
];

const POOLS: readonly Metric[] = [
  ofPoolsBy(
    ...(['fcgi_lb_requests_total', 'counter', 'code_class'] as const),
    'Client requests that have ended, by the class of their status; 499, when the client left, is in 4xx',
    STATUS_CLASSES,
    ({ status }, key) => status.statuses[key],
  ),
  ofPools(
    'fcgi_lb_retries_total',
    'counter',
    'Times that a request was given to an upstream again after it had failed',
    (p) => p.status.retries,
  ),
  histogramOfPools(
    'fcgi_lb_request_seconds',
    "From a request's arrival until its last byte was handed over, without tunnels",
    (p) => p.histograms.total,
  ),
  histogramOfPools(
    'fcgi_lb_queue_seconds',
    'How long requests waited in the queue; who gets an upstream at once is not counted',
    (p) => p.histograms.waits,
  ),
  histogramOfPools(
    'fcgi_lb_connect_seconds',
    "From the lease of an upstream to the request's first byte sent, in the last try",
    (p) => p.histograms.connect,
  ),
  histogramOfPools(
    'fcgi_lb_head_seconds',
    "From the request's first byte to the head of the answer: what the worker needed",
    (p) => p.histograms.head,
  ),
  ofPools('fcgi_lb_queue_depth', 'gauge', 'Requests that wait for an upstream now', (p) => p.status.queue.waiting),
  ofPools('fcgi_lb_queue_size', 'gauge', 'Requests that may wait', (p) => p.status.queue.size),
  ofPools(
    'fcgi_lb_queue_oldest_seconds',
    'gauge',
    'How long the one who waits longest has waited; 0 while nobody waits',
    (p) => (p.status.queue.oldest_ms ?? 0) / 1000,
  ),
  ofPoolsBy(
    ...(['fcgi_lb_queue_rejected_total', 'counter', 'code'] as const),
    'Requests that the queue refused',
    REJECTIONS,
    ({ status }, key) => status.queue.rejected[key] ?? 0,
  ),
  {
    name: 'fcgi_lb_pool_upstreams',
    type: 'gauge',
    labels: ['pool', 'state'],
    help: 'Upstreams in each state, of pools in the configuration; leaving: those that have left and finish what they hold',
    read: ({ measuredPools }) =>
      measuredPools.flatMap(({ labels, status }) => {
        // A pool that has left is not one without upstreams.
        if (status.leaving) return [];
        const counts: Record<string, number> = Object.fromEntries(UPSTREAM_STATES.map((state) => [state, 0]));
        for (const { leaving, state } of status.upstreams) {
          const key = leaving ? 'leaving' : state.is;
          counts[key] = (counts[key] ?? 0) + 1;
        }
        return Object.entries(counts).map(([state, value]) => ({ sharedLabels: labels, labels: { state }, value }));
      }),
  },
];

const UPSTREAMS: readonly Metric[] = [
  ofUpstreams('fcgi_lb_upstream_up', 'gauge', '1 while the upstream is up, 0 while it is down, draining or disabled', (u) =>
    Number(u.state.is === 'up'),
  ),
  {
    name: 'fcgi_lb_upstream_state',
    type: 'gauge',
    labels: ['pool', 'upstream', 'state'],
    help: 'Always 1; the label says which state the upstream is in, and there is no series for the others',
    read: ({ upstreams }) =>
      upstreams.map(({ labels, status }) => ({ sharedLabels: labels, labels: { state: status.state.is }, value: 1 })),
  },
  ofUpstreams(
    'fcgi_lb_upstream_in_flight',
    'gauge',
    'Slots in use: requests, probes, and what clients no longer wait for',
    (u) => u.in_flight,
  ),
  ofUpstreams('fcgi_lb_upstream_capacity', 'gauge', 'Requests that it takes at a time; absent while unknown or unlimited', (u) =>
    typeof u.capacity === 'number' ? u.capacity : undefined,
  ),
  ofUpstreams('fcgi_lb_upstream_requests_total', 'counter', 'Exchanges begun for clients', (u) => u.requests),
  {
    name: 'fcgi_lb_upstream_errors_total',
    type: 'counter',
    labels: ['pool', 'upstream', 'code'],
    help: 'How requests failed there, whatever became of them elsewhere; only codes that occurred',
    read: ({ upstreams }) =>
      upstreams.flatMap(({ labels, status }) =>
        Object.entries(status.errors).map(([code, value]) => ({ sharedLabels: labels, labels: { code }, value })),
      ),
  },
  ofUpstreams(
    'fcgi_lb_upstream_retries_total',
    'counter',
    'Requests given to an upstream again after they had failed here',
    (u) => u.retries,
  ),
  ofUpstreams(
    'fcgi_lb_upstream_head_p90_seconds',
    'gauge',
    'Nine of ten answers of the last minute began sooner; absent when there were none',
    (u) => (u.head_ms === null ? undefined : u.head_ms.p90 / 1000),
  ),
];

export const METRICS: readonly Metric[] = [...PROGRAM, ...POOLS, ...UPSTREAMS];
