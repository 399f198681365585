// What holds where the operator says nothing: one place for the command line and the configuration
// file.

import { parseAddress } from '../core/address.ts';
import { ALERT_DEFAULTS } from './alerts.ts';
import type { ConfigHost } from './config-host.ts';
import type { ProbeSettings } from './health.ts';
import { REQUEST_ID_DEFAULTS } from './request-id.ts';
import type { PoolRoute, RouteMatch } from './route.ts';
import type {
  ClientSettings,
  PassiveSettings,
  PoolSettings,
  RetrySettings,
  ServerSettings,
  UpstreamOptions,
} from './settings.ts';

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

/** What each probe does besides asking its question. */
export const PROBE_DEFAULTS: Omit<ProbeSettings, 'question'> = {
  interval: 5000,
  timeout: 2000,
  rise: 2,
  fall: 3,
  when: 'idle',
  wake: false,
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

/** Every request. */
export const MATCH_DEFAULTS: RouteMatch = { hosts: [], path: { kind: 'prefix', path: '/', final: false }, methods: new Set() };

export const ROUTE_DEFAULTS: Omit<PoolRoute, 'pool'> = {
  kind: 'pool',
  match: MATCH_DEFAULTS,
  responseHeaders: { set: new Map(), hide: new Set() },
  errorPages: new Map(),
  root: undefined,
  php: false,
  index: 'index.php',
  splitPath: undefined,
  params: new Map(),
  stripPrefix: '',
  requestHeaders: { set: new Map(), hide: new Set() },
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

export function serverDefaults(world: Pick<ConfigHost, 'tempDir' | 'terminal'>): ServerSettings {
  return {
    listen: [parseAddress('127.0.0.1:8080')],
    admin: { kind: 'default' },
    healthPath: undefined,
    adminToken: undefined,
    trustedProxies: [],
    client: CLIENT_DEFAULTS,
    tempDir: world.tempDir,
    accessLog: { kind: 'file', path: '-' },
    logLevel: 'info',
    logFormat: world.terminal ? 'pretty' : 'json',
    requestId: REQUEST_ID_DEFAULTS,
    shutdownTimeout: 30_000,
    upgradeTimeout: 60_000,
    alerts: ALERT_DEFAULTS,
  };
}
