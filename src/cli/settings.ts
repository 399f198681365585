// From the words of the command line to settings, with every value checked.

import { resolve } from 'node:path';
import { configHost } from '../app/config-host.ts';
import { parseAccessLogTarget } from '../config/access-log.ts';
import { type Balance, parseBalance } from '../config/balance.ts';
import type { ConfigHost } from '../config/config-host.ts';
import { POOL_DEFAULTS, ROUTE_DEFAULTS, serverDefaults } from '../config/defaults.ts';
import { checkLogFormat } from '../config/log-format.ts';
import { overlaps } from '../config/overlaps.ts';
import { parseCount, parseDuration, parseSize } from '../config/quantity.ts';
import type { PoolRoute } from '../config/route.ts';
import {
  type AdminSettings,
  LOG_FORMATS,
  LOG_LEVELS,
  type PoolSettings,
  type ServerSettings,
  type Settings,
} from '../config/settings.ts';
import { parseTemplate } from '../config/template.ts';
import { readTokenFile } from '../config/token.ts';
import { parseTrustedPeer } from '../config/trusted-peer.ts';
import {
  checkParamSize,
  isParamName,
  oneOf,
  parseHeadSize,
  parseHealthPath,
  parseIndex,
  parseLimit,
  parseMaxConns,
  parseMaxHeader,
  parseRoot,
  parseUpstream,
  readSecretFile,
} from '../config/values.ts';
import { type ListenAddress, parseListenAddress } from '../core/address.ts';
import { ConfigError } from '../core/errors.ts';
import { Secret } from '../core/secret.ts';
import type { OptionName } from './options.ts';

/** The one pool of a program that is told of its upstreams by options. */
const POOL_NAME = 'default';

export type Options = ReadonlyMap<OptionName, readonly string[]>;

/**
 * The settings that the options make, when no `--config` is among them.
 * @param terminal whether the log is read by eyes
 * @throws ConfigError with one message that names the option, what was found and what is expected
 */
export function settingsFrom(options: Options, terminal: boolean): Settings {
  const world = configHost(terminal);
  const upstreams = each(options, 'upstream', (text) => parseUpstream(text, { directory: process.cwd(), exists: world.exists }));
  if (upstreams.length === 0) {
    throw new ConfigError("no upstream: give at least one, such as --upstream '/run/rt*.sock'; see fcgi-lb --help");
  }
  return {
    ...serverSettings(options, serverDefaults(world), world),
    pools: [{ ...poolSettings(options, world), name: POOL_NAME, upstreams }],
    routes: [{ ...routeSettings(options), pool: POOL_NAME }],
  };
}

/**
 * What `base` says, unless an option says something else.
 * @throws ConfigError
 */
export function serverSettings(options: Options, base: ServerSettings, world: ConfigHost): ServerSettings {
  const { read, duration, limit } = readers(options);
  const given = each(options, 'listen', parseListenAddress);
  const listen = given.length > 0 ? given : base.listen;
  const admin = adminSettings(options.get('admin') ?? [], base.admin, (text) => named('admin', () => parseListenAddress(text)));
  const [conflict] = overlaps([...listen, ...(admin.kind === 'addresses' ? admin.addresses : [])]);
  if (conflict !== undefined) {
    const name = conflict.at < listen.length ? 'listen' : 'admin';
    throw new ConfigError(`option --${name}: ${conflict.what}; one of the two is enough`);
  }
  const trusted = each(options, 'trusted-proxy', parseTrustedPeer);
  const { client } = base;
  return {
    listen,
    admin,
    trustedProxies: trusted.length > 0 ? trusted : base.trustedProxies,
    healthPath: read('health-path', base.healthPath, parseHealthPath),
    adminToken: read('admin-token-file', base.adminToken, (text) => new Secret(readTokenFile(resolve(text), world))),
    client: {
      maxHeader: read('max-header', client.maxHeader, parseMaxHeader),
      headerTimeout: limit('header-timeout', client.headerTimeout),
      bodyTimeout: limit('body-timeout', client.bodyTimeout),
      sendTimeout: limit('client-send-timeout', client.sendTimeout),
      keepAliveTimeout: duration('client-keepalive', client.keepAliveTimeout),
    },
    tempDir: read('temp-dir', base.tempDir, (text) => parseTempDir(text, world)),
    accessLog: read('access-log', base.accessLog, (text) => parseAccessLogTarget(text, (path) => path)),
    accessLogFormat: read('access-log-format', base.accessLogFormat, checkLogFormat),
    logLevel: read('log-level', base.logLevel, oneOf(LOG_LEVELS)),
    logFormat: read('log-format', base.logFormat, oneOf(LOG_FORMATS)),
    requestId: base.requestId,
    shutdownTimeout: duration('shutdown-timeout', base.shutdownTimeout),
    upgradeTimeout: limit('upgrade-timeout', base.upgradeTimeout),
    alerts: base.alerts,
  };
}

function poolSettings(options: Options, world: ConfigHost): Omit<PoolSettings, 'name' | 'upstreams'> {
  const { read, duration, limit, toggle } = readers(options);
  const preset = POOL_DEFAULTS;
  const { queue, timeouts, retry } = preset;
  return {
    ...preset,
    balance: withSecret(
      read('balance', preset.balance, parseBalance),
      read<string | undefined>('sticky-secret-file', undefined, (text) => readSecretFile(resolve(text), world)),
    ),
    maxConns: read('max-conns', preset.maxConns, parseMaxConns),
    queue: {
      size: read('queue', queue.size, (text) => parseCount(text, 0)),
      timeout: duration('queue-timeout', queue.timeout),
    },
    timeouts: {
      connect: limit('connect-timeout', timeouts.connect),
      send: limit('send-timeout', timeouts.send),
      read: limit('read-timeout', timeouts.read),
      linger: duration('linger-timeout', timeouts.linger),
    },
    keepAlive: read('keepalive', preset.keepAlive, (text) => (text === 'off' ? undefined : parseDuration(text))),
    handOver: toggle('hand-over'),
    retry: { ...retry, attempts: read('attempts', retry.attempts, (text) => parseCount(text, 1)) },
  };
}

function routeSettings(options: Options): Omit<PoolRoute, 'pool'> {
  const { read, toggle } = readers(options);
  const root = read<string | undefined>('root', undefined, parseRoot);
  const php = options.has('php');
  if (php && root === undefined) throw new ConfigError('option --php needs --root DIR, the directory of the PHP files');
  return {
    ...ROUTE_DEFAULTS,
    root,
    php,
    index: read('index', ROUTE_DEFAULTS.index, parseIndex),
    params: new Map(each(options, 'param', parseParam)),
    requestBuffering: toggle('request-buffering'),
    responseBuffering: toggle('response-buffering'),
    maxBody: read('max-body', ROUTE_DEFAULTS.maxBody, parseSize),
    maxResponseHead: read('max-response-head', ROUTE_DEFAULTS.maxResponseHead, parseHeadSize),
  };
}

function each<T>(options: Options, name: OptionName, parse: (text: string) => T): readonly T[] {
  return (options.get(name) ?? []).map((text) => named(name, () => parse(text)));
}

/** Functions that read one option, or take the second argument when it is not given. */
function readers(options: Options) {
  const read = <T>(name: OptionName, preset: T, parse: (text: string) => T): T => {
    const text = options.get(name)?.[0];
    return text === undefined ? preset : named(name, () => parse(text));
  };
  return {
    read,
    duration: (name: OptionName, preset: number): number => read(name, preset, parseDuration),
    limit: (name: OptionName, preset: number): number => read(name, preset, parseLimit),
    toggle: (name: OptionName): boolean => read(name, true, (text) => oneOf(['on', 'off'])(text) === 'on'),
  };
}

/** Runs `parse` and puts the option's name in front of what it complains of. */
function named<T>(name: OptionName, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof ConfigError) throw new ConfigError(`option --${name}: ${error.message}`);
    throw error;
  }
}

function withSecret(balance: Balance, secret: string | undefined): Balance {
  if (secret === undefined) return balance;
  if (balance.name !== 'sticky') throw new ConfigError('option --sticky-secret-file needs --balance sticky:COOKIE');
  return { ...balance, secret };
}

function parseParam(text: string): [name: string, value: string] {
  const equals = text.indexOf('=');
  const name = equals === -1 ? text : text.slice(0, equals);
  if (equals === -1 || !isParamName(name)) throw new ConfigError(`'${text}': expected NAME=VALUE`);
  const value = text.slice(equals + 1);
  parseTemplate(value);
  checkParamSize(name, value);
  return [name, value];
}

function parseTempDir(text: string, world: ConfigHost): string {
  const path = resolve(text);
  const problem = world.directoryProblem(path);
  if (problem !== undefined) throw new ConfigError(`'${path}' ${problem}`);
  return path;
}

function adminSettings(texts: readonly string[], base: AdminSettings, parse: (text: string) => ListenAddress): AdminSettings {
  if (texts.length === 0) return base;
  if (!texts.includes('off')) return { kind: 'addresses', addresses: texts.map(parse) };
  if (texts.length > 1) throw new ConfigError("option --admin: 'off' and an address exclude each other");
  return { kind: 'off' };
}
