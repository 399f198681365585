// From the words of the command line to settings, with every value checked.

import { accessSync, constants, existsSync, readFileSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { isAbsolute, resolve } from 'node:path';
import { type Balance, parseBalance, parseStickySecret } from '../config/balance.ts';
import { CLIENT_DEFAULTS, POOL_DEFAULTS, ROUTE_DEFAULTS, SHUTDOWN_TIMEOUT, UPSTREAM_DEFAULTS } from '../config/defaults.ts';
import { parseCount, parseDuration, parseSize } from '../config/quantity.ts';
import type { AdminSettings, LogLevel, Settings, UpstreamSpec } from '../config/settings.ts';
import { type Address, ConfigError, parseAddress } from '../core/address.ts';
import { asError } from '../core/errors.ts';
import { isGlob, parseGlob } from '../discovery/glob-pattern.ts';
import type { OptionName } from './options.ts';

/** The one pool of a program that is told of its upstreams by options. */
const POOL_NAME = 'default';
const LOG_LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];
/** A record's content without the two lengths of a pair. */
const MAX_PARAM = 65_527;
/** PATH_MAX of Linux. */
const MAX_PATH = 4096;
/** Environment variable names; what FastCGI libraries put in front of a program takes no others. */
const PARAM_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/**
 * @param terminal whether the log is read by eyes
 * @throws ConfigError with one message that names the option, what was found and what is expected
 */
export function settingsFrom(options: ReadonlyMap<OptionName, readonly string[]>, terminal: boolean): Settings {
  const read = <T>(name: OptionName, preset: T, parse: (text: string) => T): T => {
    const text = options.get(name)?.[0];
    return text === undefined ? preset : named(name, () => parse(text));
  };
  const each = <T>(name: OptionName, parse: (text: string) => T): readonly T[] =>
    (options.get(name) ?? []).map((text) => named(name, () => parse(text)));
  const duration = (name: OptionName, preset: number): number => read(name, preset, parseDuration);
  const limit = (name: OptionName, preset: number): number => read(name, preset, parseLimit);
  const toggle = (name: OptionName): boolean => read(name, true, parseToggle);

  const upstreams = each('upstream', parseUpstream);
  if (upstreams.length === 0) {
    throw new ConfigError("no upstream: give at least one, such as --upstream '/run/rt*.sock'; see fcgi-lb --help");
  }
  const listen = each('listen', parseAddress);
  const root = read<string | undefined>('root', undefined, parseRoot);
  const php = options.has('php');
  if (php && root === undefined) throw new ConfigError('option --php needs --root DIR, the directory of the PHP files');
  const preset = POOL_DEFAULTS;
  const { queue, timeouts, retry } = preset;
  return {
    listen: listen.length > 0 ? listen : [parseAddress('127.0.0.1:8080')],
    admin: adminSettings(options.get('admin') ?? [], (text) => named('admin', () => parseAddress(text))),
    pools: [
      {
        ...preset,
        name: POOL_NAME,
        upstreams,
        balance: withSecret(
          read('balance', preset.balance, parseBalance),
          read<string | undefined>('sticky-secret-file', undefined, parseSecretFile),
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
      },
    ],
    routes: [
      {
        pool: POOL_NAME,
        root,
        php,
        index: read('index', ROUTE_DEFAULTS.index, parseIndex),
        params: new Map(each('param', parseParam)),
        requestBuffering: toggle('request-buffering'),
        responseBuffering: toggle('response-buffering'),
        maxBody: read('max-body', ROUTE_DEFAULTS.maxBody, parseSize),
        maxResponseHead: read('max-response-head', ROUTE_DEFAULTS.maxResponseHead, parseHeadSize),
      },
    ],
    client: {
      maxHeader: read('max-header', CLIENT_DEFAULTS.maxHeader, parseMaxHeader),
      headerTimeout: limit('header-timeout', CLIENT_DEFAULTS.headerTimeout),
      bodyTimeout: limit('body-timeout', CLIENT_DEFAULTS.bodyTimeout),
      sendTimeout: limit('client-send-timeout', CLIENT_DEFAULTS.sendTimeout),
      keepAliveTimeout: duration('client-keepalive', CLIENT_DEFAULTS.keepAliveTimeout),
    },
    tempDir: read('temp-dir', tmpdir(), parseTempDir),
    accessLog: read<Settings['accessLog']>('access-log', { kind: 'file', path: '-' }, (path) =>
      path === 'off' ? { kind: 'off' } : { kind: 'file', path },
    ),
    logLevel: read('log-level', 'info', oneOf(LOG_LEVELS)),
    logFormat: read('log-format', terminal ? 'pretty' : 'json', oneOf(['json', 'pretty'] as const)),
    shutdownTimeout: duration('shutdown-timeout', SHUTDOWN_TIMEOUT),
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

function oneOf<T extends string>(allowed: readonly T[]): (text: string) => T {
  return (text) => {
    const found = allowed.find((value) => value === text);
    if (found === undefined) throw new ConfigError(`'${text}' is not known; expected ${allowed.join(' or ')}`);
    return found;
  };
}

function parseToggle(text: string): boolean {
  return oneOf(['on', 'off'] as const)(text) === 'on';
}

function parseUpstream(text: string): UpstreamSpec {
  const path = text.startsWith('unix:') ? text.slice('unix:'.length) : text;
  // A shell may have expanded the glob to a path that looks like one.
  if (path.includes('/') && !path.includes('://') && isGlob(path) && !existsSync(path)) {
    const pattern = resolve(path);
    parseGlob(pattern);
    return { ...UPSTREAM_DEFAULTS, kind: 'glob', pattern };
  }
  const address = parseAddress(text);
  if (address.kind === 'tcp' || isAbsolute(address.path)) return { ...UPSTREAM_DEFAULTS, kind: 'address', address };
  return { ...UPSTREAM_DEFAULTS, kind: 'address', address: parseAddress(resolve(address.path)) };
}

function parseSecretFile(text: string): string {
  const path = resolve(text);
  let content: string;
  try {
    content = readFileSync(path, 'utf8');
  } catch (error) {
    throw new ConfigError(`cannot read '${path}': ${asError(error).message}`);
  }
  try {
    return parseStickySecret(content);
  } catch (error) {
    throw new ConfigError(`'${path}': ${asError(error).message}`);
  }
}

function withSecret(balance: Balance, secret: string | undefined): Balance {
  if (secret === undefined) return balance;
  if (balance.name !== 'sticky') throw new ConfigError('option --sticky-secret-file needs --balance sticky:COOKIE');
  return { ...balance, secret };
}

function parseMaxConns(text: string): 'auto' | number {
  if (text === 'auto') return 'auto';
  return text === 'unlimited' ? Number.POSITIVE_INFINITY : parseCount(text, 1);
}

/** A time limit of nothing would fail every request. */
function parseLimit(text: string): number {
  const ms = parseDuration(text);
  if (ms === 0) throw new ConfigError(`'${text}' is no limit: expected at least 1ms`);
  return ms;
}

function parseHeadSize(text: string): number {
  const size = parseSize(text);
  if (size < 1024) throw new ConfigError(`'${text}' is too small: expected at least 1k`);
  return size;
}

function parseMaxHeader(text: string): number {
  const size = parseSize(text);
  // One parameter must fit in one FastCGI record (65,535 bytes), name and lengths included.
  if (size < 1024 || size > 65_000) throw new ConfigError(`'${text}' is out of range: expected 1k to 65000 bytes`);
  return size;
}

function parseIndex(text: string): string {
  if (text === '' || text.includes('/')) throw new ConfigError(`'${text}' is not a file name`);
  return text;
}

function parseParam(text: string): [name: string, value: string] {
  const equals = text.indexOf('=');
  const name = equals === -1 ? text : text.slice(0, equals);
  if (equals === -1 || !PARAM_NAME.test(name)) throw new ConfigError(`'${text}': expected NAME=VALUE`);
  const value = text.slice(equals + 1);
  if (value.includes('$')) throw new ConfigError(`'${text}': '$' is reserved for variables, which options do not have`);
  const size = Buffer.byteLength(name) + Buffer.byteLength(value);
  if (size > MAX_PARAM) throw new ConfigError(`${name} takes ${size} bytes; a FastCGI record holds ${MAX_PARAM}`);
  return [name, value];
}

function parseRoot(text: string): string {
  // The workers, not we, open the files: the directory may exist only for them.
  if (!isAbsolute(text)) throw new ConfigError(`'${text}' must be an absolute path, as the workers see it`);
  if (Buffer.byteLength(text) > MAX_PATH) throw new ConfigError(`the path is longer than ${MAX_PATH} bytes`);
  return text;
}

function parseTempDir(text: string): string {
  const path = resolve(text);
  try {
    if (!statSync(path).isDirectory()) throw new ConfigError(`'${path}' is not a directory`);
    accessSync(path, constants.W_OK | constants.X_OK);
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw new ConfigError(`'${path}' is not a directory that can be written to`);
  }
  return path;
}

function adminSettings(texts: readonly string[], parse: (text: string) => Address): AdminSettings {
  if (texts.length === 0) return { kind: 'default' };
  if (!texts.includes('off')) return { kind: 'addresses', addresses: texts.map(parse) };
  if (texts.length > 1) throw new ConfigError("option --admin: 'off' and an address exclude each other");
  return { kind: 'off' };
}
