// What holds where the operator says nothing: the defaults of the schema, as the program works with
// them.

import type { AlertSettings } from './alerts.ts';
import type { ConfigHost } from './config-host.ts';
import type { ProbeSettings } from './health.ts';
import type { RequestIdSettings } from './request-id.ts';
import type { PoolRoute, RouteMatch } from './route.ts';
import { ALERT_ERRORS, ALERT_QUEUE, ALERT_TARGET, ALERTS } from './schema/alerts.ts';
import { ACCESS_LOG_MAP, CLIENT, FILE, REQUEST_ID } from './schema/file.ts';
import { PASSIVE, POOL, QUEUE, RETRY, TIMEOUTS, UPSTREAM_MAP } from './schema/pool.ts';
import { presetOf } from './schema/preset.ts';
import { PROBE } from './schema/probe.ts';
import { ROUTE } from './schema/route.ts';
import {
  type ClientSettings,
  type PassiveSettings,
  type PoolSettings,
  RETRY_CLASSES,
  RETRY_STATUSES,
  type RetrySettings,
  type ServerSettings,
  type UpstreamOptions,
} from './settings.ts';

const { properties: upstream } = UPSTREAM_MAP;
export const UPSTREAM_DEFAULTS: UpstreamOptions = {
  weight: presetOf(upstream.weight),
  maxConns: undefined,
  backup: presetOf(upstream.backup),
  down: presetOf(upstream.down),
  slowStart: presetOf(upstream.slow_start),
};

const { properties: retry } = RETRY;
export const RETRY_DEFAULTS: RetrySettings = {
  ...retryReasons(presetOf(retry.on)),
  attempts: presetOf(retry.attempts),
  nonIdempotent: presetOf(retry.non_idempotent),
  budget: presetOf(retry.budget),
};

/** Failures and statuses, which stand in one list, apart. */
export function retryReasons(on: readonly string[]): Pick<RetrySettings, 'on' | 'statuses'> {
  return {
    on: new Set(RETRY_CLASSES.filter((name) => on.includes(name))),
    statuses: new Set(RETRY_STATUSES.filter((status) => on.includes(`http_${status}`))),
  };
}

const { properties: passive } = PASSIVE;
export const PASSIVE_DEFAULTS: PassiveSettings = {
  maxFails: presetOf(passive.max_fails),
  failShare: presetOf(passive.fail_share),
  failTimeout: presetOf(passive.fail_timeout),
  maxEjection: presetOf(passive.max_ejection),
  on: new Set(presetOf(passive.on)),
  maxEjected: presetOf(passive.max_ejected),
};

const { properties: probe } = PROBE;
/** What each probe does besides asking its question. */
export const PROBE_DEFAULTS: Omit<ProbeSettings, 'question'> = {
  interval: presetOf(probe.interval),
  timeout: presetOf(probe.timeout),
  rise: presetOf(probe.rise),
  fall: presetOf(probe.fall),
  when: presetOf(probe.when),
  wake: presetOf(probe.wake),
};

const { properties: pool } = POOL;
const { properties: timeouts } = TIMEOUTS;
export const POOL_DEFAULTS: Omit<PoolSettings, 'name' | 'upstreams'> = {
  balance: presetOf(pool.balance),
  maxConns: presetOf(pool.max_conns),
  queue: { size: presetOf(QUEUE.properties.size), timeout: presetOf(QUEUE.properties.timeout) },
  timeouts: {
    connect: presetOf(timeouts.connect),
    send: presetOf(timeouts.send),
    read: presetOf(timeouts.read),
    linger: presetOf(timeouts.linger),
  },
  keepAlive: presetOf(pool.keepalive).idle,
  handOver: presetOf(pool.hand_over),
  retry: RETRY_DEFAULTS,
  passive: PASSIVE_DEFAULTS,
  probe: undefined,
  failFastAfter: presetOf(pool.fail_fast_after),
};

const { properties: route } = ROUTE;
/** Every request. */
export const MATCH_DEFAULTS: RouteMatch = { hosts: [], path: presetOf(route.path), methods: new Set() };

export const ROUTE_DEFAULTS: Omit<PoolRoute, 'pool'> = {
  kind: 'pool',
  match: MATCH_DEFAULTS,
  responseHeaders: { set: new Map(), hide: new Set() },
  errorPages: new Map(),
  root: undefined,
  php: presetOf(route.php),
  index: presetOf(route.index),
  splitPath: undefined,
  params: new Map(),
  stripPrefix: '',
  requestHeaders: { set: new Map(), hide: new Set() },
  requestBuffering: presetOf(route.request_buffering),
  responseBuffering: presetOf(route.response_buffering),
  maxBody: presetOf(route.max_body),
  maxResponseHead: presetOf(route.max_response_head),
};

const { properties: client } = CLIENT;
const CLIENT_DEFAULTS: ClientSettings = {
  maxHeader: presetOf(client.max_header),
  headerTimeout: presetOf(client.header_timeout),
  bodyTimeout: presetOf(client.body_timeout),
  sendTimeout: presetOf(client.send_timeout),
  keepAliveTimeout: presetOf(client.keepalive),
};

export const REQUEST_ID_DEFAULTS: RequestIdSettings = {
  header: presetOf(REQUEST_ID.properties.header),
  trust: presetOf(REQUEST_ID.properties.trust),
};

const { properties: alerts } = ALERTS;
const { properties: errors } = ALERT_ERRORS;
export const ALERT_DEFAULTS: AlertSettings = {
  name: undefined,
  after: presetOf(alerts.after),
  quiet: presetOf(alerts.quiet),
  group: presetOf(alerts.group),
  rules: {
    upstream: presetOf(alerts.upstream),
    pool: presetOf(alerts.pool),
    reload: presetOf(alerts.reload),
    queue: { over: presetOf(ALERT_QUEUE.properties.over) },
    errors: {
      share: presetOf(errors.share),
      window: presetOf(errors.window),
      minRequests: presetOf(errors.min_requests),
    },
  },
  targets: [],
};

/** What holds of an alert target of which no more is said. */
export const TARGET_DEFAULTS = {
  timeout: presetOf(ALERT_TARGET.properties.timeout),
  api: presetOf(ALERT_TARGET.properties.api),
} as const;

const { properties: file } = FILE;

export function serverDefaults(host: Pick<ConfigHost, 'tempDir' | 'terminal'>): ServerSettings {
  return {
    listen: [presetOf(file.listen)].flat(),
    admin: { kind: 'default' },
    healthPath: presetOf(file.health_path).path,
    adminToken: undefined,
    trustedProxies: [],
    client: CLIENT_DEFAULTS,
    tempDir: host.tempDir,
    accessLog: presetOf(ACCESS_LOG_MAP.properties.to),
    logLevel: presetOf(file.log_level),
    logFormat: host.terminal ? 'pretty' : 'json',
    requestId: REQUEST_ID_DEFAULTS,
    shutdownTimeout: presetOf(file.shutdown_timeout),
    upgradeTimeout: presetOf(file.upgrade_timeout),
    alerts: ALERT_DEFAULTS,
  };
}
