// settingsFrom: every option arrives where it belongs, every default is what the help says, every
// bad value is named.

import { rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readCommandLine } from '../../../src/cli/options/read.ts';
import { SERVE_OPTIONS } from '../../../src/cli/options/table.ts';
import { settingsFrom } from '../../../src/cli/settings.ts';
import { ALERT_DEFAULTS } from '../../../src/config/defaults.ts';
import type { PoolRoute } from '../../../src/config/route.ts';
import type { PoolSettings, Settings, UpstreamSpec } from '../../../src/config/settings.ts';
import { parseAddress } from '../../../src/core/address.ts';
import { ConfigError } from '../../../src/core/errors.ts';

const SECRET = 'a secret of thirty-two bytes, ok';
const SECRET_FILE = join(tmpdir(), `fl-secret-${process.pid}`);
beforeAll(() => writeFileSync(SECRET_FILE, `${SECRET}\n`));
afterAll(() => rmSync(SECRET_FILE));

function settings(...words: readonly string[]): Settings {
  const all = words.includes('--upstream') ? words : ['--upstream', '/run/a.sock', ...words];
  return settingsFrom(readCommandLine(all).options, false);
}

const AS_USUAL = { weight: 1, maxConns: undefined, backup: false, down: false, slowStart: 0 } as const;

function upstream(text: string): UpstreamSpec {
  return { ...AS_USUAL, kind: 'address', address: parseAddress(text) };
}

/** The settings with something else said of their one pool. */
function inPool(before: Settings, change: (pool: PoolSettings) => Partial<PoolSettings>): Settings {
  return { ...before, pools: before.pools.map((pool) => ({ ...pool, ...change(pool) })) };
}

function inRoute(before: Settings, change: Partial<PoolRoute>): Settings {
  return { ...before, routes: before.routes.map((route) => (route.kind === 'pool' ? { ...route, ...change } : route)) };
}

const DEFAULTS: Settings = {
  alerts: ALERT_DEFAULTS,
  listen: [parseAddress('127.0.0.1:8080')],
  admin: { kind: 'default' },
  healthPath: undefined,
  adminToken: undefined,
  trustedProxies: [],
  pools: [
    {
      name: 'default',
      upstreams: [upstream('/run/a.sock')],
      balance: { name: 'least-conn' },
      maxConns: 'auto',
      queue: { size: 1024, timeout: 30_000 },
      timeouts: { connect: 5000, send: 60_000, read: 60_000, linger: 300_000 },
      keepAlive: undefined,
      handOver: true,
      retry: {
        on: new Set(['connect', 'busy', 'closed', 'timeout', 'invalid_header']),
        statuses: new Set(),
        attempts: 3,
        nonIdempotent: false,
        budget: 0.2,
      },
      passive: {
        maxFails: 3,
        failShare: 0.5,
        failTimeout: 10_000,
        maxEjection: 300_000,
        on: new Set(['refused', 'closed', 'timeout', 'invalid_header']),
        maxEjected: 0.5,
      },
      probe: undefined,
      failFastAfter: 10_000,
    },
  ],
  routes: [
    {
      kind: 'pool',
      match: { hosts: [], path: { kind: 'prefix', path: '/', final: false }, methods: new Set() },
      responseHeaders: { set: new Map(), hide: new Set() },
      errorPages: new Map(),
      pool: 'default',
      root: undefined,
      php: false,
      index: 'index.php',
      splitPath: undefined,
      params: new Map(),
      stripPrefix: '',
      requestHeaders: { set: new Map(), hide: new Set() },
      requestBuffering: true,
      responseBuffering: true,
      maxBody: 104_857_600,
      maxResponseHead: 65_536,
    },
  ],
  client: { maxHeader: 32_768, headerTimeout: 60_000, bodyTimeout: 60_000, sendTimeout: 60_000, keepAliveTimeout: 75_000 },
  tempDir: tmpdir(),
  accessLog: { kind: 'file', path: '-' },
  logLevel: 'info',
  logFormat: 'json',
  requestId: { header: 'X-Request-ID', trust: [] },
  shutdownTimeout: 30_000,
  upgradeTimeout: 60_000,
};

/** Words, and the one place of the settings they change. */
// biome-ignore format: one row an option
const EFFECTS: ReadonlyArray<readonly [words: readonly string[], change: (before: Settings) => Settings]> = [
  [['--listen', 'unix:/run/h.sock', '--listen', '[::1]:80'], (s) => ({ ...s, listen: [parseAddress('/run/h.sock'), parseAddress('[::1]:80')] })],
  [['--health-path', '/up'], (s) => ({ ...s, healthPath: '/up' })],
  [['--trusted-proxy', '10.0.0.0/8', '--trusted-proxy', 'unix'], (s) => ({ ...s, trustedProxies: [{ kind: 'network', family: 'ipv4', address: '10.0.0.0', prefix: 8 }, { kind: 'unix' }] })],
  [['--health-path', 'off'], (s) => s],
  [['--admin', 'off'], (s) => ({ ...s, admin: { kind: 'off' } })],
  [['--admin', '127.0.0.1:1', '--admin', '/run/a'], (s) => ({ ...s, admin: { kind: 'addresses', addresses: [parseAddress('127.0.0.1:1'), parseAddress('/run/a')] } })],
  [['--balance', 'round-robin'], (s) => inPool(s, () => ({ balance: { name: 'round-robin' } }))],
  [
    ['--balance', 'sticky:route', '--sticky-secret-file', SECRET_FILE],
    (s) => inPool(s, () => ({ balance: { name: 'sticky', cookie: 'route', secret: SECRET } })),
  ],
  [['--balance', 'hash:$cookie_sid'], (s) => inPool(s, () => ({ balance: { name: 'hash', key: { kind: 'cookie', name: 'sid' } } }))],
  [['--max-conns', '7'], (s) => inPool(s, () => ({ maxConns: 7 }))],
  [['--max-conns', 'unlimited'], (s) => inPool(s, () => ({ maxConns: Number.POSITIVE_INFINITY }))],
  [['--max-conns', 'auto'], (s) => s],
  [['--queue', '0'], (s) => inPool(s, (p) => ({ queue: { ...p.queue, size: 0 } }))],
  [['--queue-timeout', '5s'], (s) => inPool(s, (p) => ({ queue: { ...p.queue, timeout: 5000 } }))],
  [['--attempts', '1'], (s) => inPool(s, (p) => ({ retry: { ...p.retry, attempts: 1 } }))],
  [['--keepalive', '10s'], (s) => inPool(s, () => ({ keepAlive: 10_000 }))],
  [['--keepalive', 'off'], (s) => s],
  [['--hand-over', 'off'], (s) => inPool(s, () => ({ handOver: false }))],
  [['--connect-timeout', '1m'], (s) => inPool(s, (p) => ({ timeouts: { ...p.timeouts, connect: 60_000 } }))],
  [['--send-timeout', '1s'], (s) => inPool(s, (p) => ({ timeouts: { ...p.timeouts, send: 1000 } }))],
  [['--read-timeout', '250ms'], (s) => inPool(s, (p) => ({ timeouts: { ...p.timeouts, read: 250 } }))],
  [['--linger-timeout', '1h'], (s) => inPool(s, (p) => ({ timeouts: { ...p.timeouts, linger: 3_600_000 } }))],
  [['--root', '/srv/www'], (s) => inRoute(s, { root: '/srv/www' })],
  [['--root', '/srv/www', '--php'], (s) => inRoute(s, { root: '/srv/www', php: true })],
  [['--index', 'app.php'], (s) => inRoute(s, { index: 'app.php' })],
  [['--param', 'A=b=c', '--param', '_X1='], (s) => inRoute(s, { params: new Map([['A', 'b=c'], ['_X1', '']]) })],
  [['--max-body', '1g'], (s) => inRoute(s, { maxBody: 1_073_741_824 })],
  [['--max-response-head', '8k'], (s) => inRoute(s, { maxResponseHead: 8192 })],
  [['--request-buffering', 'off'], (s) => inRoute(s, { requestBuffering: false })],
  [['--response-buffering', 'off'], (s) => inRoute(s, { responseBuffering: false })],
  [['--response-buffering', 'on'], (s) => s],
  [['--max-header', '1k'], (s) => ({ ...s, client: { ...s.client, maxHeader: 1024 } })],
  [['--header-timeout', '1s'], (s) => ({ ...s, client: { ...s.client, headerTimeout: 1000 } })],
  [['--body-timeout', '2s'], (s) => ({ ...s, client: { ...s.client, bodyTimeout: 2000 } })],
  [['--client-send-timeout', '3s'], (s) => ({ ...s, client: { ...s.client, sendTimeout: 3000 } })],
  [['--client-keepalive', '4s'], (s) => ({ ...s, client: { ...s.client, keepAliveTimeout: 4000 } })],
  [['--temp-dir', '/var/tmp'], (s) => ({ ...s, tempDir: '/var/tmp' })],
  [['--access-log', 'off'], (s) => ({ ...s, accessLog: { kind: 'off' } })],
  [
    ['--access-log', 'syslog:log.example:5514,facility=daemon,severity=notice,tag=rt,nohostname'],
    (s) => ({ ...s, accessLog: { kind: 'syslog', server: { kind: 'udp', host: 'log.example', port: 5514 }, facility: 'daemon', severity: 'notice', priority: 29, tag: 'rt', hostname: false } }),
  ],
  [['--access-log-format', '$remote_addr $status'], (s) => ({ ...s, accessLogFormat: '$remote_addr $status' })],
  [['--access-log', '/var/log/a'], (s) => ({ ...s, accessLog: { kind: 'file', path: '/var/log/a' } })],
  [['--log-level', 'debug'], (s) => ({ ...s, logLevel: 'debug' })],
  [['--log-format', 'pretty'], (s) => ({ ...s, logFormat: 'pretty' })],
  [['--shutdown-timeout', '90'], (s) => ({ ...s, shutdownTimeout: 90_000 })],
  [['--upgrade-timeout', '5m'], (s) => ({ ...s, upgradeTimeout: 300_000 })],
];

describe('settingsFrom', () => {
  it('fills in every default', () => {
    expect(settings()).toEqual(DEFAULTS);
  });

  it.each(EFFECTS)('makes of %j one change and no other', (words, change) => {
    expect(settings(...words)).toEqual(change(DEFAULTS));
  });

  it('has been tried with every option', () => {
    const tried = new Set(EFFECTS.flatMap(([words]) => words.filter((word) => word.startsWith('--'))));
    const others = ['--config', '--upstream', '--admin-token-file', '--version', '--help'];
    expect(SERVE_OPTIONS.map(({ name }) => `--${name}`).filter((name) => !tried.has(name) && !others.includes(name))).toEqual([]);
  });

  it('writes for eyes only when eyes are there', () => {
    const { options } = readCommandLine(['--upstream', '/a']);
    expect([settingsFrom(options, true).logFormat, settingsFrom(options, false).logFormat]).toEqual(['pretty', 'json']);
  });

  it.each([
    ['/run/a.sock', { ...AS_USUAL, kind: 'address', address: parseAddress('/run/a.sock') }],
    ['unix:/run/a.sock', { ...AS_USUAL, kind: 'address', address: parseAddress('/run/a.sock') }],
    ['./a.sock', { ...AS_USUAL, kind: 'address', address: parseAddress(join(process.cwd(), 'a.sock')) }],
    ['unix:a.sock', { ...AS_USUAL, kind: 'address', address: parseAddress(join(process.cwd(), 'a.sock')) }],
    ['127.0.0.1:9000', { ...AS_USUAL, kind: 'address', address: parseAddress('127.0.0.1:9000') }],
    ['[::1]:9000', { ...AS_USUAL, kind: 'address', address: parseAddress('[::1]:9000') }],
    ['/run/rt*.sock', { ...AS_USUAL, kind: 'glob', pattern: '/run/rt*.sock' }],
    ['unix:/run/rt[12].sock', { ...AS_USUAL, kind: 'glob', pattern: '/run/rt[12].sock' }],
    ['http+unix:/run/app*.sock', { ...AS_USUAL, kind: 'glob', pattern: '/run/app*.sock', speaks: 'http' }],
    ['/run/../tmp/*.sock', { ...AS_USUAL, kind: 'glob', pattern: '/tmp/*.sock' }],
    ['./rt*.sock', { ...AS_USUAL, kind: 'glob', pattern: join(process.cwd(), 'rt*.sock') }],
  ])('reads --upstream %s', (text, expected) => {
    expect(settings('--upstream', text).pools[0]?.upstreams).toEqual([expected]);
  });

  it('needs an upstream', () => {
    expect(() => settingsFrom(new Map(), false)).toThrow(
      /^no upstream: give at least one, such as --upstream '\/run\/rt\*\.sock'/,
    );
  });

  it.each([
    [['--upstream', 'nonsense'], 'nonsense'],
    [['--upstream', '/a', ''], "address ''"],
    [['--upstream', 'ftp://h:80'], 'expected http://HOST:PORT'],
    [['--upstream', 'http://h:80/app'], 'nothing after it'],
    [['--listen', 'http://h:80'], 'URLs are not supported'],
    [['--upstream', '/run/**/a.sock'], "'**' is not supported"],
    [['--upstream', `/${'x'.repeat(120)}`], 'unix sockets allow 107'],
    [['--listen', '8080'], 'HOST:PORT'],
    [['--trusted-proxy', '10.0.0.0/33'], 'expected unix, an address, or a network'],
    [['--trusted-proxy', '300.0.0.1'], 'expected unix, an address, or a network'],
    [['--trusted-proxy', 'proxy.example'], 'expected unix, an address, or a network'],
    [['--health-path', 'healthz'], 'does not begin with /'],
    [['--admin', 'nonsense'], 'HOST:PORT'],
    [['--admin', 'off', '--admin', 'a:1'], 'exclude each other'],
    [['--admin', '0.0.0.0:80', '--listen', '127.0.0.1:80'], "'0.0.0.0:80' overlaps '127.0.0.1:80', which is asked for"],
    [['--balance', 'fastest'], 'expected round-robin, least-conn, first, random-two, least-time, hash:KEY or sticky:COOKIE'],
    [['--balance', 'sticky:'], "cookie name '': expected letters"],
    [['--sticky-secret-file', '/nonexistent/secret'], 'there is no such file; expected the path of a file that holds the secret'],
    [['--sticky-secret-file', '/dev/null'], "'/dev/null': a secret of 0 bytes is too short: expected at least 16"],
    [['--balance', 'hash:cookie_sid'], 'expected $remote_addr, $request_uri, $http_NAME or $cookie_NAME'],
    [['--max-conns', '0'], 'at least 1'],
    [['--max-conns', '-1'], 'at least 1'],
    [['--max-conns', 'many'], 'at least 1'],
    [['--queue', '1.5'], 'at least 0'],
    [['--queue-timeout', 'soon'], 'is not a duration'],
    [['--attempts', '0'], 'at least 1'],
    [['--keepalive', 'on'], 'is not a duration'],
    [['--connect-timeout', '5x'], 'is not a duration'],
    [['--send-timeout', ''], 'is not a duration'],
    [['--read-timeout', '30d'], 'at most 24d'],
    [['--linger-timeout', '-5s'], 'is not a duration'],
    [['--root', 'www'], 'must be an absolute path'],
    [['--index', 'a/b.php'], 'is not a file name'],
    [['--index='], 'is not a file name'],
    [['--param', 'A'], 'expected NAME=VALUE'],
    [['--param', '=b'], 'expected NAME=VALUE'],
    [['--param', 'A-B=c'], 'expected NAME=VALUE'],
    [['--param', '1A=c'], 'expected NAME=VALUE'],
    [['--param', 'A=$urri'], "there is no variable $urri; did you mean '$uri'?"],
    [['--param', 'A=$'], "no variable follows the '$'"],
    [['--max-body', '1x'], 'is not a size'],
    [['--max-header', '100'], 'out of range'],
    [['--max-header', '64k'], 'out of range'],
    [['--max-response-head', 'big'], 'is not a size'],
    [['--request-buffering', 'yes'], 'expected on or off'],
    [['--response-buffering', 'true'], 'expected on or off'],
    [['--temp-dir', '/nonexistent/dir'], 'is not a directory that can be written to'],
    [['--temp-dir', '/dev/null'], 'is not a directory'],
    [['--header-timeout', 'x'], 'is not a duration'],
    [['--body-timeout', 'x'], 'is not a duration'],
    [['--client-send-timeout', 'x'], 'is not a duration'],
    [['--client-keepalive', 'x'], 'is not a duration'],
    [['--log-level', 'trace'], 'expected debug or info or warn or error'],
    [['--log-format', 'xml'], 'expected json or pretty'],
    [['--shutdown-timeout', 'x'], 'is not a duration'],
    [['--upgrade-timeout', '0'], 'is no limit'],
    [['--listen', 'systemd:'], "the name of a socket (FileDescriptorName=) is expected after 'systemd:'"],
  ])('refuses %j, names the option and says why', (words, why) => {
    const name = words[0]?.replace(/=.*/, '') ?? '';
    const make = (): unknown => settings(...words);
    expect(make).toThrow(ConfigError);
    expect(make).toThrow(`option ${name}: `);
    expect(make).toThrow(why);
  });

  it('needs sticky cookies for a secret', () => {
    const expected = new ConfigError('option --sticky-secret-file needs --balance sticky:COOKIE');
    expect(() => settings('--sticky-secret-file', SECRET_FILE)).toThrow(expected);
    expect(() => settings('--sticky-secret-file', SECRET_FILE, '--balance', 'first')).toThrow(expected);
  });

  it('needs a root for PHP', () => {
    expect(() => settings('--php')).toThrow(new ConfigError('option --php needs --root DIR, the directory of the PHP files'));
  });
});
