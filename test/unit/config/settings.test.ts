// What a configuration file makes: every key arrives where it belongs, every default is what the
// reference says.

import { describe, expect, it } from 'vitest';
import { readCommandLine } from '../../../src/cli/options/read.ts';
import { settingsFrom } from '../../../src/cli/settings.ts';
import { ALERT_KINDS, type AlertRules, type AlertSettings } from '../../../src/config/alerts.ts';
import { MATCH_DEFAULTS, UPSTREAM_DEFAULTS } from '../../../src/config/defaults.ts';
import type { ProbeSettings } from '../../../src/config/health.ts';
import type { PoolRoute } from '../../../src/config/route.ts';
import { formOf, type Shape, shapeOf } from '../../../src/config/schema/build.ts';
import { FILE } from '../../../src/config/schema/file.ts';
import type { PoolSettings, Settings } from '../../../src/config/settings.ts';
import { parseAddress, parseUpstreamAddress } from '../../../src/core/address.ts';
import { load } from '../../support/parts/config-file.ts';

/** Some of every map that may be in a file, with as little in it as possible. */
const BASE = {
  client: {},
  pools: {
    rt: {
      upstreams: [{ address: '/run/a.sock' }],
      queue: {},
      timeouts: {},
      retry: {},
      passive: {},
      health: { probe: 'request', uri: '/ping', expect: {} },
    },
  },
  routes: [{ pool: 'rt' }],
  alerts: { queue: {}, errors: {}, targets: { rt: { to: 'telegram', token_file: '/etc/token', chat: 1 } } },
};

const TOKEN = '123456:not-really-a-token';
const FILES = { '/etc/token': `${TOKEN}\n`, '/etc/url': 'https://a.example/hooks/x\n', '/etc/auth': 'Bearer abc\n' };

/** JSON is YAML. */
function settings(file: object): Settings {
  return load(JSON.stringify(file), FILES).settings;
}

interface Leaf {
  readonly path: readonly (string | number)[];
  readonly shape: Shape;
}

/** The keys of a file like BASE whose values hold no further keys, in order. */
function leaves(shape: Shape, path: readonly (string | number)[] = []): Leaf[] {
  const { properties, additionalProperties: item } = shape;
  const variants = formOf(shape) === 'either' ? (shape.anyOf ?? []) : [];
  const map = variants.find((variant) => formOf(variant) === 'map');
  if (map !== undefined) return leaves({ ...map, default: undefined }, path);
  if (formOf(shape) === 'list' && shape.items !== undefined && leaves(shape.items, [...path, 0]).length > 1) {
    return leaves(shape.items, [...path, 0]);
  }
  if (properties !== undefined) return Object.entries(properties).flatMap(([key, child]) => leaves(child, [...path, key]));
  if (item && item.properties !== undefined) return leaves(item, [...path, 'rt']);
  return [{ path, shape }];
}

/** What a route does in the place of leading to a pool is in routes.test.ts. */
function ofPoolRoutes({ path }: Leaf): boolean {
  return path[0] !== 'routes' || !['static', 'redirect', 'respond'].includes(String(path[2]));
}

/** A copy of a tree with a value put in. */
function withValue(tree: unknown, [key, ...rest]: readonly (string | number)[], value: unknown): unknown {
  if (key === undefined) return value;
  if (Array.isArray(tree)) return tree.map((item, index) => (index === key ? withValue(item, rest, value) : item));
  const object = (tree ?? {}) as Record<string, unknown>;
  return { ...object, [key]: withValue(object[key], rest, value) };
}

const LEAVES = leaves(shapeOf(FILE)).filter(ofPoolRoutes);

function inPool(before: Settings, change: (pool: PoolSettings) => Partial<PoolSettings>): Settings {
  return { ...before, pools: before.pools.map((pool) => ({ ...pool, ...change(pool) })) };
}

function inRoute(before: Settings, change: Partial<PoolRoute>): Settings {
  return { ...before, routes: before.routes.map((route) => (route.kind === 'pool' ? { ...route, ...change } : route)) };
}

function inUpstream(before: Settings, change: object): Settings {
  return inPool(before, (pool) => ({ upstreams: pool.upstreams.map((spec) => ({ ...spec, ...change })) }));
}

function inProbe(before: Settings, change: Partial<ProbeSettings>): Settings {
  return inPool(before, ({ probe }) => ({ probe: probe === undefined ? undefined : { ...probe, ...change } }));
}

function inQuestion(before: Settings, change: object): Settings {
  return inPool(before, ({ probe }) => {
    if (probe?.question.kind !== 'request') throw new Error('a request');
    return { probe: { ...probe, question: { ...probe.question, ...change } } };
  });
}

function inExpect(before: Settings, change: object): Settings {
  return inPool(before, ({ probe }) => {
    if (probe?.question.kind !== 'request') throw new Error('a request');
    return { probe: { ...probe, question: { ...probe.question, expect: { ...probe.question.expect, ...change } } } };
  });
}

function inAlerts(before: Settings, change: Partial<AlertSettings>): Settings {
  return { ...before, alerts: { ...before.alerts, ...change } };
}

function inRules(before: Settings, change: Partial<AlertRules>): Settings {
  return inAlerts(before, { rules: { ...before.alerts.rules, ...change } });
}

function inTarget(before: Settings, change: object): Settings {
  return inAlerts(before, { targets: before.alerts.targets.map((target) => ({ ...target, ...change })) });
}

const WEBHOOK = { name: 'rt', kind: 'webhook', timeout: 10_000, only: new Set(ALERT_KINDS), authorization: undefined } as const;
const TARGET = 'alerts.targets.rt';
const UPSTREAM = 'pools.rt.upstreams.0';
const HEALTH = 'pools.rt.health';
/** One key, a value, and the one place of the settings that it changes. */
// biome-ignore format: one row a key
const EFFECTS: ReadonlyArray<readonly [path: string, value: unknown, change: (before: Settings) => Settings]> = [
  ['listen', 'unix:/run/h.sock', (s) => ({ ...s, listen: [parseAddress('/run/h.sock')] })],
  ['listen', ['[::1]:80', './h.sock'], (s) => ({ ...s, listen: [parseAddress('[::1]:80'), parseAddress(`${process.cwd()}/h.sock`)] })],
  ['health_path', '/up', (s) => ({ ...s, healthPath: '/up' })],
  ['health_path', 'off', (s) => s],
  ['trusted_proxies', '::1', (s) => ({ ...s, trustedProxies: [{ kind: 'network', family: 'ipv6', address: '::1', prefix: 128 }] })],
  ['trusted_proxies', ['unix', '192.0.2.1'], (s) => ({ ...s, trustedProxies: [{ kind: 'unix' }, { kind: 'network', family: 'ipv4', address: '192.0.2.1', prefix: 32 }] })],
  ['admin', 'off', (s) => ({ ...s, admin: { kind: 'off' } })],
  ['admin', '127.0.0.1:1', (s) => ({ ...s, admin: { kind: 'addresses', addresses: [parseAddress('127.0.0.1:1')] } })],
  ['admin', ['127.0.0.1:1', '/run/a'], (s) => ({ ...s, admin: { kind: 'addresses', addresses: [parseAddress('127.0.0.1:1'), parseAddress('/run/a')] } })],
  ['access_log', 'off', (s) => ({ ...s, accessLog: { kind: 'off' } })],
  ['access_log', 'syslog:unix:/dev/log', (s) => ({ ...s, accessLog: { kind: 'syslog', server: { kind: 'unix', path: '/dev/log' }, facility: 'local7', severity: 'info', priority: 190, tag: 'fcgi_lb', hostname: true } })],
  ['access_log.to', 'off', (s) => ({ ...s, accessLog: { kind: 'off' } })],
  ['access_log.format', 'combined', (s) => ({ ...s, accessLogFormat: 'combined' })],
  ['access_log.format', '$status $http_x', (s) => ({ ...s, accessLogFormat: '$status $http_x' })],
  ['request_id', 'off', (s) => ({ ...s, requestId: { header: undefined, trust: [] } })],
  ['request_id.header', 'X-Trace', (s) => ({ ...s, requestId: { header: 'X-Trace', trust: [] } })],
  ['request_id.trust', 'off', (s) => s],
  ['request_id.trust', '10.0.0.0/8', (s) => ({ ...s, requestId: { header: 'X-Request-ID', trust: [{ kind: 'network', family: 'ipv4', address: '10.0.0.0', prefix: 8 }] } })],
  ['request_id.trust', ['unix', '::1'], (s) => ({ ...s, requestId: { header: 'X-Request-ID', trust: [{ kind: 'unix' }, { kind: 'network', family: 'ipv6', address: '::1', prefix: 128 }] } })],
  ['access_log', 'logs/a', (s) => ({ ...s, accessLog: { kind: 'file', path: `${process.cwd()}/logs/a` } })],
  ['log_level', 'debug', (s) => ({ ...s, logLevel: 'debug' })],
  ['log_format', 'pretty', (s) => ({ ...s, logFormat: 'pretty' })],
  ['temp_dir', '/tmp/t', (s) => ({ ...s, tempDir: '/tmp/t' })],
  ['shutdown_timeout', '90', (s) => ({ ...s, shutdownTimeout: 90_000 })],
  ['upgrade_timeout', '5m', (s) => ({ ...s, upgradeTimeout: 300_000 })],
  ['client.max_header', '1k', (s) => ({ ...s, client: { ...s.client, maxHeader: 1024 } })],
  ['client.header_timeout', '1s', (s) => ({ ...s, client: { ...s.client, headerTimeout: 1000 } })],
  ['client.body_timeout', '2s', (s) => ({ ...s, client: { ...s.client, bodyTimeout: 2000 } })],
  ['client.send_timeout', '3s', (s) => ({ ...s, client: { ...s.client, sendTimeout: 3000 } })],
  ['client.keepalive', 4, (s) => ({ ...s, client: { ...s.client, keepAliveTimeout: 4000 } })],
  [`${UPSTREAM}.address`, '/run/b*.sock', (s) => inPool(s, () => ({ upstreams: [{ ...UPSTREAM_DEFAULTS, kind: 'glob', pattern: '/run/b*.sock' }] }))],
  [`${UPSTREAM}.weight`, 3, (s) => inUpstream(s, { weight: 3 })],
  [`${UPSTREAM}.max_conns`, 'unlimited', (s) => inUpstream(s, { maxConns: Number.POSITIVE_INFINITY })],
  [`${UPSTREAM}.backup`, true, (s) => inUpstream(s, { backup: true })],
  [`${UPSTREAM}.down`, true, (s) => inUpstream(s, { down: true })],
  [`${UPSTREAM}.slow_start`, '30s', (s) => inUpstream(s, { slowStart: 30_000 })],
  ['pools.rt.balance', 'hash:$cookie_sid', (s) => inPool(s, () => ({ balance: { name: 'hash', key: { kind: 'cookie', name: 'sid' } } }))],
  ['pools.rt.max_conns', 7, (s) => inPool(s, () => ({ maxConns: 7 }))],
  ['pools.rt.queue.size', 0, (s) => inPool(s, (p) => ({ queue: { ...p.queue, size: 0 } }))],
  ['pools.rt.queue.timeout', '5s', (s) => inPool(s, (p) => ({ queue: { ...p.queue, timeout: 5000 } }))],
  ['pools.rt.timeouts.connect', '1m', (s) => inPool(s, (p) => ({ timeouts: { ...p.timeouts, connect: 60_000 } }))],
  ['pools.rt.timeouts.send', '1s', (s) => inPool(s, (p) => ({ timeouts: { ...p.timeouts, send: 1000 } }))],
  ['pools.rt.timeouts.read', '250ms', (s) => inPool(s, (p) => ({ timeouts: { ...p.timeouts, read: 250 } }))],
  ['pools.rt.timeouts.linger', '1h', (s) => inPool(s, (p) => ({ timeouts: { ...p.timeouts, linger: 3_600_000 } }))],
  ['pools.rt.keepalive', '10s', (s) => inPool(s, () => ({ keepAlive: 10_000 }))],
  ['pools.rt.hand_over', false, (s) => inPool(s, () => ({ handOver: false }))],
  ['pools.rt.retry.on', ['busy', 'http_503', 'http_429'], (s) => inPool(s, (p) => ({ retry: { ...p.retry, on: new Set(['busy'] as const), statuses: new Set([429, 503]) } }))],
  ['pools.rt.retry.on', [], (s) => inPool(s, (p) => ({ retry: { ...p.retry, on: new Set(), statuses: new Set() } }))],
  ['pools.rt.retry.attempts', 1, (s) => inPool(s, (p) => ({ retry: { ...p.retry, attempts: 1 } }))],
  ['pools.rt.retry.non_idempotent', true, (s) => inPool(s, (p) => ({ retry: { ...p.retry, nonIdempotent: true } }))],
  ['pools.rt.retry.budget', '50%', (s) => inPool(s, (p) => ({ retry: { ...p.retry, budget: 0.5 } }))],
  ['pools.rt.passive', 'off', (s) => inPool(s, () => ({ passive: undefined }))],
  ['pools.rt.passive.max_fails', 9, (s) => inPool(s, ({ passive: p }) => ({ passive: p && { ...p, maxFails: 9 } }))],
  ['pools.rt.passive.fail_share', '10%', (s) => inPool(s, ({ passive: p }) => ({ passive: p && { ...p, failShare: 0.1 } }))],
  ['pools.rt.passive.fail_timeout', '9s', (s) => inPool(s, ({ passive: p }) => ({ passive: p && { ...p, failTimeout: 9000 } }))],
  ['pools.rt.passive.max_ejection', '9m', (s) => inPool(s, ({ passive: p }) => ({ passive: p && { ...p, maxEjection: 540_000 } }))],
  ['pools.rt.passive.on', ['http_5xx'], (s) => inPool(s, ({ passive: p }) => ({ passive: p && { ...p, on: new Set(['http_5xx'] as const) } }))],
  ['pools.rt.passive.max_ejected', 0.25, (s) => inPool(s, ({ passive: p }) => ({ passive: p && { ...p, maxEjected: 0.25 } }))],
  [HEALTH, 'off', (s) => inPool(s, () => ({ probe: undefined }))],
  [HEALTH, { probe: 'connect' }, (s) => inProbe(s, { question: { kind: 'connect' } })],
  [HEALTH, { probe: 'exec', command: ['/bin/ask', '-v', 3] }, (s) => inProbe(s, { question: { kind: 'exec', command: ['/bin/ask', '-v', '3'] } })],
  [`${HEALTH}.probe`, 'request', (s) => s],
  [`${HEALTH}.command`, undefined, (s) => s],
  [`${HEALTH}.uri`, '/pong?x=1', (s) => inQuestion(s, { uri: '/pong?x=1' })],
  [`${HEALTH}.method`, 'HEAD', (s) => inQuestion(s, { method: 'HEAD' })],
  [`${HEALTH}.params`, { A: 'b', SERVER_PORT: 443 }, (s) => inQuestion(s, { params: new Map([['A', 'b'], ['SERVER_PORT', '443']]) })],
  [`${HEALTH}.expect.status`, 204, (s) => inExpect(s, { statuses: [[204, 204]] })],
  [`${HEALTH}.expect.status`, ['2xx', '401-403'], (s) => inExpect(s, { statuses: [[200, 299], [401, 403]] })],
  [`${HEALTH}.expect.headers`, { 'X-State': 'up' }, (s) => inExpect(s, { headers: new Map([['x-state', { kind: 'substring', text: 'up' }]]) })],
  [`${HEALTH}.expect.body`, '/^pong$/', (s) => inExpect(s, { body: { kind: 'regex', regex: /^pong$/ } })],
  [`${HEALTH}.expect.body`, '/', (s) => inExpect(s, { body: { kind: 'substring', text: '/' } })],
  [`${HEALTH}.interval`, '1s', (s) => inProbe(s, { interval: 1000 })],
  [`${HEALTH}.timeout`, '1s', (s) => inProbe(s, { timeout: 1000 })],
  [`${HEALTH}.rise`, 5, (s) => inProbe(s, { rise: 5 })],
  [`${HEALTH}.fall`, 5, (s) => inProbe(s, { fall: 5 })],
  [`${HEALTH}.when`, 'on-fail', (s) => inProbe(s, { when: 'on-fail' })],
  [`${HEALTH}.wake`, true, (s) => inProbe(s, { wake: true })],
  ['pools.rt.fail_fast_after', '1m', (s) => inPool(s, () => ({ failFastAfter: 60_000 }))],
  ['pools.rt.params', { HTTPS: 'on', N: true }, (s) => inRoute(s, { params: new Map([['HTTPS', 'on'], ['N', 'true']]) })],
  ['routes.0.pool', 'rt', (s) => s],
  ['routes.0.path', '/', (s) => s],
  ['routes.0.host', 'a.example', (s) => inRoute(s, { match: { ...MATCH_DEFAULTS, hosts: [{ kind: 'exact', name: 'a.example' }] } })],
  ['routes.0.path_regex', '^/a', (s) => inRoute(s, { match: { ...MATCH_DEFAULTS, path: { kind: 'regex', regex: /^\/a/ } } })],
  ['routes.0.final', true, (s) => inRoute(s, { match: { ...MATCH_DEFAULTS, path: { kind: 'prefix', path: '/', final: true } } })],
  ['routes.0.method', ['GET', 'PUT'], (s) => inRoute(s, { match: { ...MATCH_DEFAULTS, methods: new Set(['GET', 'PUT']) } })],
  ['routes.0', { pool: 'rt', root: '/srv', split_path: '^(/a)(.*)$' }, (s) => inRoute(s, { root: '/srv', splitPath: /^(\/a)(.*)$/ })],
  ['routes.0.split_path', undefined, (s) => s],
  ['routes.0.strip_prefix', '/app', (s) => inRoute(s, { stripPrefix: '/app' })],
  ['routes.0.request_headers.set', { 'X-A': '$uri' }, (s) => inRoute(s, { requestHeaders: { set: new Map([['X-A', '$uri']]), hide: new Set() } })],
  ['routes.0.request_headers.hide', ['X-A'], (s) => inRoute(s, { requestHeaders: { set: new Map(), hide: new Set(['x-a']) } })],
  ['routes.0.response_headers.set', { 'X-A': '$$5' }, (s) => inRoute(s, { responseHeaders: { set: new Map([['X-A', '$$5']]), hide: new Set() } })],
  ['routes.0.response_headers.hide', ['X-A'], (s) => inRoute(s, { responseHeaders: { set: new Map(), hide: new Set(['x-a']) } })],
  ['routes.0.error_pages', { 404: 'f.yaml' }, (s) => inRoute(s, { errorPages: new Map([[404, `${process.cwd()}/f.yaml`]]) })],
  ['routes.0.root', '/srv/www', (s) => inRoute(s, { root: '/srv/www' })],
  ['routes.0', { pool: 'rt', root: '/srv', php: true }, (s) => inRoute(s, { root: '/srv', php: true })],
  ['routes.0.php', false, (s) => s],
  ['routes.0.index', 'app.php', (s) => inRoute(s, { index: 'app.php' })],
  ['routes.0.params', { PORT: 443, EMPTY: '' }, (s) => inRoute(s, { params: new Map([['PORT', '443'], ['EMPTY', '']]) })],
  ['routes.0.max_body', '1g', (s) => inRoute(s, { maxBody: 1_073_741_824 })],
  ['routes.0.max_response_head', '8k', (s) => inRoute(s, { maxResponseHead: 8192 })],
  ['routes.0.request_buffering', false, (s) => inRoute(s, { requestBuffering: false })],
  ['routes.0.response_buffering', false, (s) => inRoute(s, { responseBuffering: false })],
  ['alerts.name', 'web 1', (s) => inAlerts(s, { name: 'web 1' })],
  ['alerts.after', '1s', (s) => inAlerts(s, { after: 1000 })],
  ['alerts.quiet', '1m', (s) => inAlerts(s, { quiet: 60_000 })],
  ['alerts.group', 0, (s) => inAlerts(s, { group: 0 })],
  ['alerts.upstream', false, (s) => inRules(s, { upstream: false })],
  ['alerts.pool', false, (s) => inRules(s, { pool: false })],
  ['alerts.reload', false, (s) => inRules(s, { reload: false })],
  ['alerts.queue', 'off', (s) => inRules(s, { queue: undefined })],
  ['alerts.queue.over', 100, (s) => inRules(s, { queue: { over: { kind: 'count', value: 100 } } })],
  ['alerts.queue.over', '25%', (s) => inRules(s, { queue: { over: { kind: 'share', value: 0.25 } } })],
  ['alerts.errors', 'off', (s) => inRules(s, { errors: undefined })],
  ['alerts.errors.share', '1%', (s) => inRules(s, { errors: { share: 0.01, window: 60_000, minRequests: 20 } })],
  ['alerts.errors.window', '5m', (s) => inRules(s, { errors: { share: 0.1, window: 300_000, minRequests: 20 } })],
  ['alerts.errors.min_requests', 5, (s) => inRules(s, { errors: { share: 0.1, window: 60_000, minRequests: 5 } })],
  [`${TARGET}.timeout`, '3s', (s) => inTarget(s, { timeout: 3000 })],
  [`${TARGET}.only`, ['pool', 'errors'], (s) => inTarget(s, { only: new Set(['pool', 'errors']) })],
  [`${TARGET}.chat`, '@ops', (s) => inTarget(s, { chat: '@ops' })],
  [`${TARGET}.api`, 'http://127.0.0.1:8081/x/', (s) => inTarget(s, { api: 'http://127.0.0.1:8081/x' })],
  [TARGET, { to: 'webhook', url: 'https://a.example/x?y=1' }, (s) => inAlerts(s, { targets: [{ ...WEBHOOK, url: 'https://a.example/x?y=1' }] })],
  [TARGET, { to: 'webhook', url_file: '/etc/url', authorization_file: '/etc/auth' }, (s) => inAlerts(s, { targets: [{ ...WEBHOOK, url: 'https://a.example/hooks/x', authorization: 'Bearer abc' }] })],
  [TARGET, { to: 'command', command: ['/bin/page', 'a b', 3] }, (s) => inAlerts(s, { targets: [{ name: 'rt', kind: 'command', timeout: 10_000, only: new Set(ALERT_KINDS), command: ['/bin/page', 'a b', '3'] }] })],
  [`${TARGET}.to`, 'telegram', (s) => s],
  [`${TARGET}.token_file`, '/etc/token', (s) => inTarget(s, { token: TOKEN })],
  [`${TARGET}.url`, undefined, (s) => s],
  [`${TARGET}.url_file`, undefined, (s) => s],
  [`${TARGET}.authorization_file`, undefined, (s) => s],
  [`${TARGET}.command`, undefined, (s) => s],
];

describe('a configuration file', () => {
  it('that names upstreams and no more makes what --upstream makes', () => {
    const { options } = readCommandLine(['--upstream', '/run/rt*.sock', '127.0.0.1:9000']);
    const file = settings({ pools: { default: { upstreams: ['/run/rt*.sock', '127.0.0.1:9000'] } } });
    expect(file).toEqual(settingsFrom(options, false));
  });

  it('in which maps are empty says what one without them says', () => {
    const upstreams = ['/run/a.sock'];
    expect(
      settings({
        client: {},
        pools: { rt: { upstreams, queue: {}, timeouts: {}, retry: {}, passive: {} } },
        routes: [{ pool: 'rt' }],
      }),
    ).toEqual(settings({ pools: { rt: { upstreams } } }));
  });

  it('may write every default out, as the reference has it, and says the same', () => {
    const presets = LEAVES.filter(({ shape }) => shape.default !== undefined);
    expect(presets.length).toBeGreaterThan(30);
    for (const { path, shape } of presets) {
      expect([path, settings(withValue(BASE, path, shape.default) as object)]).toEqual([path, settings(BASE)]);
    }
  });

  it.each(EFFECTS)('makes of %s: %j one change and no other', (path, value, change) => {
    const steps = path.split('.').map((step) => (/^\d+$/.test(step) ? Number(step) : step));
    const file = withValue(BASE, steps, value) as object;
    expect(settings(file)).toEqual(change(settings(BASE)));
  });

  it('has been tried with every key', () => {
    const tried = new Set(EFFECTS.map(([path]) => path));
    const paths = LEAVES.map(({ path }) => path.join('.'));
    // These need other files.
    expect(paths.filter((path) => !tried.has(path))).toEqual(['include', 'admin_token_file', 'pools.rt.sticky_secret_file']);
  });

  it('reads the secret of sticky cookies from a file of its own', () => {
    const files = { '/etc/secret': 'sixteen bytes or more\n' };
    const text = 'pools: { rt: { upstreams: [/a], balance: "sticky:route", sticky_secret_file: /etc/secret } }\n';
    expect(load(text, files).settings.pools[0]?.balance).toEqual({
      name: 'sticky',
      cookie: 'route',
      secret: 'sixteen bytes or more',
    });
    expect(load(text.replace(', sticky_secret_file: /etc/secret', '')).settings.pools[0]?.balance).toEqual({
      name: 'sticky',
      cookie: 'route',
    });
  });

  it("gives a route the parameters of its pool, and the route's own win", () => {
    const upstreams = ['/a'];
    const { routes } = settings({
      pools: { rt: { upstreams, params: { A: 'pool', B: 'pool' } } },
      routes: [{ pool: 'rt', params: { B: 'route', C: 'route' } }],
    });
    expect(routes).toMatchObject([
      {
        params: new Map([
          ['A', 'pool'],
          ['B', 'route'],
          ['C', 'route'],
        ]),
      },
    ]);
    expect(settings({ pools: { rt: { upstreams, params: { A: 'pool' } } } }).routes).toMatchObject([
      { params: new Map([['A', 'pool']]) },
    ]);
  });

  it('takes values as text, in whatever way YAML would read them', () => {
    const { settings: made } = load(
      'pools: { rt: { upstreams: [/a], params: { A: 1.10, B: 0x10, C: 2020-01-01, D: yes, E: "on", F: .5, G: 1_000, H: "" } } }\n',
    );
    expect(made.routes).toMatchObject([
      {
        params: new Map(Object.entries({ A: '1.10', B: '0x10', C: '2020-01-01', D: 'yes', E: 'on', F: '.5', G: '1_000', H: '' })),
      },
    ]);
  });

  it('may use a value twice by an alias', () => {
    const { settings: made } = load('pools:\n  rt:\n    upstreams: [/a]\n    timeouts: { connect: &t 7s, send: *t, read: *t }\n');
    expect(made.pools[0]?.timeouts).toMatchObject({ connect: 7000, send: 7000, read: 7000 });
  });

  it('takes a path that exists for what it is, even if it looks like a glob', () => {
    const text = 'pools: { rt: { upstreams: ["/run/rt[1].sock", "/run/rt[2].sock"] } }\n';
    expect(load(text, { '/run/rt[1].sock': '' }).settings.pools[0]?.upstreams).toMatchObject([
      { kind: 'address', address: parseAddress('/run/rt[1].sock') },
      { kind: 'glob', pattern: '/run/rt[2].sock' },
    ]);
  });

  it('takes HTTP servers as upstreams', () => {
    const upstreams = ['http://10.0.0.3:8000', 'http+unix:/run/*.sock'];
    expect(settings({ pools: { rt: { upstreams } } }).pools[0]?.upstreams).toEqual([
      { ...UPSTREAM_DEFAULTS, kind: 'address', address: parseUpstreamAddress('http://10.0.0.3:8000') },
      { ...UPSTREAM_DEFAULTS, kind: 'glob', pattern: '/run/*.sock', speaks: 'http' },
    ]);
  });

  it('reads paths from the directory that it is in', () => {
    const { pools, listen } = load('include: sub/g.yaml\nlisten: ./l.sock\n', {
      [`${process.cwd()}/sub/g.yaml`]: 'pools: { rt: { upstreams: [./a.sock, "./b*.sock", "unix:c.sock"] } }\n',
    }).settings;
    const here = process.cwd();
    expect(listen).toEqual([parseAddress(`${here}/l.sock`)]);
    expect(pools[0]?.upstreams).toMatchObject([
      { address: parseAddress(`${here}/sub/a.sock`) },
      { pattern: `${here}/sub/b*.sock` },
      { address: parseAddress(`${here}/sub/c.sock`) },
    ]);
  });
});
