// The documents of the admin API: `GET /status`, and the answers to changes.

import type { FailureCode } from '../core/errors.ts';
import type { OperatorEvent } from '../core/events.ts';
import type { Percentiles } from '../core/sliding-histogram.ts';
import type { Rejection, StatusClass } from '../pool/pool-counts.ts';

export type { OperatorAction } from '../roster/operator-action.ts';

/** A state, its beginning (ISO 8601) and its reason. */
export interface StatedJson {
  readonly is: string;
  readonly since: string;
  readonly reason: string;
}

/** Only codes that occurred. */
type Counts<K extends string> = Readonly<Partial<Record<K, number>>>;

export interface ProbeStatus {
  readonly at: string;
  readonly result: 'good' | 'bad' | 'skipped';
  readonly reason: string;
  /** null when the probe was skipped. */
  readonly ms: number | null;
}

/**
 * Percentiles are those of the last minute or so, null when nothing was measured; counters start at
 * 0 with the process.
 */
export interface UpstreamStatus {
  /** Its address. */
  readonly name: string;
  /** It has left the pool and finishes what it holds. */
  readonly leaving: boolean;
  /** up, down, draining or disabled. */
  readonly state: StatedJson;
  /** idle, busy, full or starting. */
  readonly activity: StatedJson;
  /** Requests at a time; null while the worker has not been asked. */
  readonly capacity: number | 'unlimited' | null;
  readonly in_flight: number;
  /** While it starts slowly, a part of the configured weight. */
  readonly weight: number;
  readonly backup: boolean;
  /** Exchanges begun for clients. */
  readonly requests: number;
  readonly errors: Counts<FailureCode>;
  /** Requests that were given to an upstream again after they had failed here. */
  readonly retries: number;
  /** From the request to the head of its answer. */
  readonly head_ms: Percentiles | null;
  readonly last_probe: ProbeStatus | null;
}

export interface QueueStatus {
  readonly waiting: number;
  readonly size: number;
  /** How long the first in the queue has waited; null while the queue is empty. */
  readonly oldest_ms: number | null;
  /** Waits that are over. */
  readonly waited: number;
  readonly wait_ms: Percentiles | null;
  readonly rejected: Counts<Rejection>;
}

export interface PoolStatus {
  readonly name: string;
  /** It has left the configuration and finishes what it holds. */
  readonly leaving: boolean;
  readonly balance: string;
  /** Client requests that have ended. */
  readonly requests: number;
  readonly statuses: Readonly<Record<StatusClass, number>>;
  readonly retries: number;
  readonly queue: QueueStatus;
  readonly head_ms: Percentiles | null;
  readonly total_ms: Percentiles | null;
  readonly upstreams: readonly UpstreamStatus[];
}

export type ReloadStatus =
  | { readonly result: 'good'; readonly at: string; readonly generation: number }
  | { readonly result: 'bad'; readonly at: string; readonly problems: readonly string[] };

/** `pid` is the process that was asked. */
export type UpgradeStatus =
  /** The successor serves; the process that was asked finishes what it holds, and ends. */
  | { readonly result: 'good'; readonly pid: number; readonly successor: number }
  /** The process that was asked serves on. Refused: it did not even begin. */
  | { readonly result: 'bad' | 'refused'; readonly pid: number; readonly reason: string };

export interface ListenerStatus {
  readonly address: string;
  readonly door: 'public' | 'admin';
}

export interface ProcessStatus {
  readonly resident_bytes: number;
  readonly cpu_seconds: number;
  /** null where there is no /proc. */
  readonly open_fds: number | null;
  /** How late the event loop is. */
  readonly loop_delay_ms: { readonly p50: number; readonly p99: number } | null;
}

type InJson<E> = E extends OperatorEvent ? Omit<E, 'at'> & { readonly at: string } : never;
/** Something that happened, as in `Events`. */
export type RecentStatus = InJson<OperatorEvent>;

/** Fields are added without notice; when one changes or goes, `format` becomes 2. */
export interface Status {
  readonly format: 1;
  readonly version: string;
  readonly pid: number;
  /** Counted from 1; one more with each reload. */
  readonly generation: number;
  readonly uptime_seconds: number;
  readonly stopping: boolean;
  readonly ready: boolean;
  readonly reasons: readonly string[];
  /** The latest; null before the first. */
  readonly reload: ReloadStatus | null;
  readonly listeners: readonly ListenerStatus[];
  /** Client requests that are being served. */
  readonly active: number;
  /** Lines of the access log that were lost; a program of an older version has no such field. */
  readonly access_log_dropped?: number;
  readonly process: ProcessStatus;
  readonly pools: readonly PoolStatus[];
  /** Newest first. */
  readonly recent: readonly RecentStatus[];
}

/** The outcome of a test message at each target of alerts. */
export interface AlertTestStatus {
  readonly targets: readonly { readonly target: string; readonly delivered: boolean; readonly said: string }[];
}

/** The client that asked for a change, for the log. */
export interface Who {
  /** The listener on which it came. */
  readonly by: string;
  /** The client's address, over TCP. */
  readonly client?: string | undefined;
  /** Its User-Agent. */
  readonly agent?: string | undefined;
}

/** What became of an operator's action. */
export type ActionStatus =
  | { readonly kind: 'done'; readonly pool: string; readonly upstream: UpstreamStatus }
  /** There is no such pool or upstream, or several. */
  | { readonly kind: 'unknown'; readonly reason: string };
