// One immutable configuration with every default filled in: what the program is built from.

import type { Address } from '../core/address.ts';
import type { Balance } from './balance.ts';

/** What one `--upstream` names. */
export type UpstreamSpec =
  | { readonly kind: 'glob'; readonly pattern: string }
  | { readonly kind: 'address'; readonly address: Address };

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
  readonly attempts: number;
}

export interface RouteSettings {
  /** Directory of the application's files; needed for PHP. */
  readonly root: string | undefined;
  readonly php: boolean;
  readonly index: string;
  readonly params: ReadonlyMap<string, string>;
  readonly requestBuffering: boolean;
  readonly responseBuffering: boolean;
  /** Bytes. */
  readonly maxBody: number;
  readonly maxResponseHead: number;
}

export interface ClientSettings {
  /** Bytes of a request head. */
  readonly maxHeader: number;
  /** ms: for a request head; for the next bytes of a body; for the client to take anything; between requests. */
  readonly headerTimeout: number;
  readonly bodyTimeout: number;
  readonly sendTimeout: number;
  readonly keepAliveTimeout: number;
}

/** `default`: the usual addresses, on which a conflict is no error. */
export type AdminSettings =
  | { readonly kind: 'default' }
  | { readonly kind: 'off' }
  | { readonly kind: 'addresses'; readonly addresses: readonly Address[] };

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export interface Settings {
  readonly listen: readonly Address[];
  readonly admin: AdminSettings;
  readonly pool: PoolSettings;
  readonly route: RouteSettings;
  readonly client: ClientSettings;
  /** Directory for bodies that do not fit in memory. */
  readonly tempDir: string;
  /** `-` is standard output. */
  readonly accessLog: { readonly kind: 'off' } | { readonly kind: 'file'; readonly path: string };
  readonly logLevel: LogLevel;
  readonly logFormat: 'json' | 'pretty';
  /** ms in which a graceful stop must be through. */
  readonly shutdownTimeout: number;
}
