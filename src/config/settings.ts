// One immutable configuration with every default filled in: what the program is built from.

import type { ListenAddress, UpstreamAddress } from '../core/address.ts';
import type { Secret } from '../core/secret.ts';
import type { AccessLogTarget } from './access-log.ts';
import type { AlertSettings } from './alerts.ts';
import type { Balance } from './balance.ts';
import type { ProbeSettings } from './health.ts';
import type { RequestIdSettings } from './request-id.ts';
import type { RouteSettings } from './route.ts';
import type { TrustedPeer } from './trusted-peer.ts';

/** What may be said of one upstream, or of all that one glob finds. */
export interface UpstreamOptions {
  readonly weight: number;
  /** Exchanges at a time; undefined: what the pool says. */
  readonly maxConns: 'auto' | number | undefined;
  /** Used only while no other upstream of the pool is available. */
  readonly backup: boolean;
  /** Disabled from the start. */
  readonly down: boolean;
  /** ms over which one that comes (back) is given its full share; 0: at once. */
  readonly slowStart: number;
}

/** Where the upstreams are that one text of the configuration names. */
export type UpstreamLocation =
  | {
      readonly kind: 'glob';
      readonly pattern: string;
      /** What is spoken on the sockets that are found; FastCGI when it is missing. */
      readonly speaks?: 'http';
    }
  | { readonly kind: 'address'; readonly address: UpstreamAddress };

export type UpstreamSpec = UpstreamOptions & UpstreamLocation;

/** Failures, by class, after which a request may be sent again. */
export const RETRY_CLASSES = ['connect', 'busy', 'closed', 'timeout', 'invalid_header'] as const;
export type RetryClass = (typeof RETRY_CLASSES)[number];
/** Statuses of an answer that may be asked for again. */
export const RETRY_STATUSES = [403, 404, 429, 500, 502, 503, 504] as const;

export interface RetrySettings {
  readonly on: ReadonlySet<RetryClass>;
  readonly statuses: ReadonlySet<number>;
  /** Times one request may be sent to workers that may have begun it. */
  readonly attempts: number;
  /** Whether POST and other methods that are not idempotent may be sent again as well. */
  readonly nonIdempotent: boolean;
  /** Second attempts as a share of the requests; 1 allows one for each. */
  readonly budget: number;
}

/** Failures, by class, that count against an upstream's health. */
export const PASSIVE_CLASSES = ['refused', 'closed', 'timeout', 'invalid_header', 'http_5xx'] as const;
export type PassiveClass = (typeof PASSIVE_CLASSES)[number];

export interface PassiveSettings {
  /** Failures of one class within `failTimeout` after which an upstream is ejected. */
  readonly maxFails: number;
  /**
   * The share of an upstream's requests that must have failed in the window, so that a busy one is
   * not ejected for a few.
   */
  readonly failShare: number;
  /** ms: the window, and how long the first ejection lasts. */
  readonly failTimeout: number;
  /** ms an ejection lasts at most. */
  readonly maxEjection: number;
  readonly on: ReadonlySet<PassiveClass>;
  /** The share of a pool that may be ejected at a time. */
  readonly maxEjected: number;
}

export interface PoolSettings {
  readonly name: string;
  readonly upstreams: readonly UpstreamSpec[];
  readonly balance: Balance;
  /** Exchanges on one upstream at a time; `Infinity` for unlimited. */
  readonly maxConns: 'auto' | number;
  readonly queue: { readonly size: number; readonly timeout: number };
  /** ms */
  readonly timeouts: { readonly connect: number; readonly send: number; readonly read: number; readonly linger: number };
  /** ms a kept connection to an upstream may be idle; undefined: not kept. */
  readonly keepAlive: number | undefined;
  /**
   * Whether a connection may be handed from one request to the next that waits for the same
   * upstream.
   */
  readonly handOver: boolean;
  readonly retry: RetrySettings;
  /** Undefined: failures of requests never eject an upstream. */
  readonly passive: PassiveSettings | undefined;
  /** Undefined: upstreams are not probed. */
  readonly probe: ProbeSettings | undefined;
  /** ms since the last sign of life of any upstream after which requests are refused at once. */
  readonly failFastAfter: number;
}

export interface ClientSettings {
  /** Bytes of a request head. */
  readonly maxHeader: number;
  /**
   * ms: for a request head; for the next bytes of a body; for the client to take anything; between
   * requests.
   */
  readonly headerTimeout: number;
  readonly bodyTimeout: number;
  readonly sendTimeout: number;
  readonly keepAliveTimeout: number;
}

/** `default`: the usual addresses, on which a conflict is no error. */
export type AdminSettings =
  | { readonly kind: 'default' }
  | { readonly kind: 'off' }
  | { readonly kind: 'addresses'; readonly addresses: readonly ListenAddress[] };

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
export const LOG_FORMATS = ['json', 'pretty'] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];

/** All but what is served: what options may say beside a file. */
export interface ServerSettings {
  readonly listen: readonly ListenAddress[];
  readonly admin: AdminSettings;
  /** Where the public listeners say whether the process serves; undefined: nowhere. */
  readonly healthPath: string | undefined;
  /** A client that has it may change things over TCP; undefined: no client may. */
  readonly adminToken: Secret | undefined;
  /** Proxies in front that are believed when they say who the client is. */
  readonly trustedProxies: readonly TrustedPeer[];
  readonly client: ClientSettings;
  /** Directory for bodies that do not fit in memory. */
  readonly tempDir: string;
  readonly accessLog: AccessLogTarget;
  /** `json`, `pretty`, `combined` or text with variables; undefined: as the program's log. */
  readonly accessLogFormat?: string | undefined;
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
  readonly requestId: RequestIdSettings;
  /** ms in which a graceful stop must be through. */
  readonly shutdownTimeout: number;
  /** ms in which a successor must be ready. */
  readonly upgradeTimeout: number;
  readonly alerts: AlertSettings;
}

export interface Settings extends ServerSettings {
  readonly pools: readonly PoolSettings[];
  readonly routes: readonly RouteSettings[];
}
