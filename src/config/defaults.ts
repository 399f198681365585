// What holds where the operator says nothing: one place for the command line and the configuration file.

import type { ClientSettings, PassiveSettings, PoolSettings, RetrySettings, RouteSettings, UpstreamOptions } from './settings.ts';

export const UPSTREAM_DEFAULTS: UpstreamOptions = { weight: 1, maxConns: undefined, backup: false, down: false, slowStart: 0 };

export const RETRY_DEFAULTS: RetrySettings = {
  on: new Set(['connect', 'busy', 'closed', 'timeout', 'invalid_header']),
  statuses: new Set(),
  attempts: 3,
  nonIdempotent: false,
  budget: 0.2,
};

export const PASSIVE_DEFAULTS: PassiveSettings = {
  maxFails: 3,
  failShare: 0.5,
  failTimeout: 10_000,
  maxEjection: 300_000,
  on: new Set(['refused', 'closed', 'timeout', 'invalid_header']),
  maxEjected: 0.5,
};

export const POOL_DEFAULTS: Omit<PoolSettings, 'name' | 'upstreams'> = {
  balance: { name: 'least-conn' },
  maxConns: 'auto',
  queue: { size: 1024, timeout: 30_000 },
  timeouts: { connect: 5000, send: 60_000, read: 60_000, linger: 300_000 },
  keepAlive: undefined,
  handOver: true,
  retry: RETRY_DEFAULTS,
  passive: PASSIVE_DEFAULTS,
  probe: undefined,
  failFastAfter: 10_000,
};

export const ROUTE_DEFAULTS: Omit<RouteSettings, 'pool'> = {
  root: undefined,
  php: false,
  index: 'index.php',
  params: new Map(),
  requestBuffering: true,
  responseBuffering: true,
  maxBody: 100 * 1024 ** 2,
  maxResponseHead: 65_536,
};

export const CLIENT_DEFAULTS: ClientSettings = {
  maxHeader: 32_768,
  headerTimeout: 60_000,
  bodyTimeout: 60_000,
  sendTimeout: 60_000,
  keepAliveTimeout: 75_000,
};

export const SHUTDOWN_TIMEOUT = 30_000;
