// Single values as the operator writes them, on the command line and in the file alike, and what is
// wrong with bad ones.

import { isAbsolute, resolve } from 'node:path';
import { HTTP_UNIX, parseAddress, parseUpstreamAddress } from '../core/address.ts';
import { asError, ConfigError, systemCode } from '../core/errors.ts';
import { isGlob, parseGlob } from '../core/glob-pattern.ts';
import { parseStickySecret } from './balance.ts';
import type { ConfigHost } from './config-host.ts';
import { suggestion } from './nearest.ts';
import { parseCount, parseDuration, parseSize } from './quantity.ts';
import type { UpstreamLocation } from './settings.ts';

/** A record's content without the two lengths of a pair. */
const MAX_PARAM = 65_527;
/** The permission bits of those who are neither the owner nor of the group. */
const OTHERS = 0o007;
/** PATH_MAX of Linux. */
const MAX_PATH = 4096;
/** Environment variable names; what FastCGI libraries put in front of a program takes no others. */
const PARAM_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** @returns a function that takes one of the allowed words and throws ConfigError for any other */
export function oneOf<const T extends string>(allowed: readonly T[]): (text: string) => T {
  return (text) => {
    const found = allowed.find((value) => value === text);
    if (found !== undefined) return found;
    throw new ConfigError(`'${text}' is not known; expected ${allowed.join(' or ')}${suggestion(text, allowed)}`);
  };
}

/**
 * Paths are relative to `directory`; what a shell made of a glob may look like one, so a path that
 * exists is no glob.
 */
export interface UpstreamContext {
  readonly directory: string;
  readonly exists: (path: string) => boolean;
}

/** @throws ConfigError */
export function parseUpstream(text: string, context: UpstreamContext): UpstreamLocation {
  const http = text.startsWith(HTTP_UNIX);
  const path = http ? text.slice(HTTP_UNIX.length) : text.startsWith('unix:') ? text.slice('unix:'.length) : text;
  if (path.includes('/') && !path.includes('://') && isGlob(path) && !context.exists(resolve(context.directory, path))) {
    const pattern = resolve(context.directory, path);
    parseGlob(pattern);
    return { kind: 'glob', pattern, ...(http ? { speaks: 'http' } : {}) };
  }
  const address = parseUpstreamAddress(text);
  if (address.kind !== 'unix' || isAbsolute(address.path)) return { kind: 'address', address };
  return { kind: 'address', address: parseAddress(resolve(context.directory, address.path)) };
}

/** @throws ConfigError */
export function parseMaxConns(text: string): 'auto' | number {
  if (text === 'auto') return 'auto';
  return text === 'unlimited' ? Number.POSITIVE_INFINITY : parseCount(text, 1);
}

/**
 * A time limit in ms. One of nothing would fail every request.
 * @throws ConfigError
 */
export function parseLimit(text: string): number {
  const ms = parseDuration(text);
  if (ms === 0) throw new ConfigError(`'${text}' is no limit: expected at least 1ms`);
  return ms;
}

/** @throws ConfigError */
export function parseHeadSize(text: string): number {
  const size = parseSize(text);
  if (size < 1024) throw new ConfigError(`'${text}' is too small: expected at least 1k`);
  return size;
}

/** @throws ConfigError */
export function parseMaxHeader(text: string): number {
  const size = parseSize(text);
  // One parameter must fit in one FastCGI record (65,535 bytes), name and lengths included.
  if (size < 1024 || size > 65_000) throw new ConfigError(`'${text}' is out of range: expected 1k to 65000 bytes`);
  return size;
}

/** @throws ConfigError */
export function parseIndex(text: string): string {
  if (text === '' || text.includes('/')) throw new ConfigError(`'${text}' is not a file name`);
  return text;
}

/** The directory of an application's files. @throws ConfigError */
export function parseRoot(text: string): string {
  // The workers, not we, open the files: the directory may exist only for them.
  if (!isAbsolute(text)) throw new ConfigError(`'${text}' must be an absolute path, as the workers see it`);
  if (Buffer.byteLength(text) > MAX_PATH) throw new ConfigError(`the path is longer than ${MAX_PATH} bytes`);
  return text;
}

/**
 * Requests are compared in the one form their paths have (docs/decisions/0008): a path in another
 * form would match none.
 * @throws ConfigError
 */
export function parseUrlPath(text: string): string {
  if (!text.startsWith('/')) throw new ConfigError(`'${text}' does not begin with /`);
  if (/[?#]/.test(text)) throw new ConfigError(`'${text}': a path has no query; '?' and '#' match nothing`);
  if (/\/\/|\/\.\.?(?:\/|$)/.test(text)) {
    throw new ConfigError(`'${text}': paths are compared without '//', '/./' and '/../'; this one would match nothing`);
  }
  return text;
}

/** @returns undefined for `off` @throws ConfigError */
export function parseHealthPath(text: string): string | undefined {
  return text === 'off' ? undefined : parseUrlPath(text);
}

/** Whether a FastCGI parameter may have this name. */
export function isParamName(name: string): boolean {
  return PARAM_NAME.test(name);
}

/** @throws ConfigError when a parameter does not fit in one record */
export function checkParamSize(name: string, value: string): void {
  const size = Buffer.byteLength(name) + Buffer.byteLength(value);
  if (size > MAX_PARAM) throw new ConfigError(`${name} takes ${size} bytes; a FastCGI record holds ${MAX_PARAM}`);
}

/**
 * One line that is a secret, from a file of its own. Messages quote neither it nor the path: an
 * operator may have written the secret itself in the place of the path, and no log may have it.
 * @throws ConfigError
 */
export function readPrivateLine(path: string, host: Pick<ConfigHost, 'readPrivate'>): string {
  const { text, mode } = privateText(path, host);
  if ((mode & OTHERS) !== 0) throw new ConfigError("every user of this machine can read or change the file: 'chmod o=' helps");
  const line = text.trim();
  if (/^[\x21-\x7e](?:[\x20-\x7e]{0,4094}[\x21-\x7e])?$/.test(line)) return line;
  throw new ConfigError(
    `the file ${line === '' ? 'is empty' : 'holds more than one line of plain characters'}: expected a secret`,
  );
}

function privateText(path: string, host: Pick<ConfigHost, 'readPrivate'>): ReturnType<ConfigHost['readPrivate']> {
  try {
    return host.readPrivate(path);
  } catch (error) {
    const why = systemCode(error) ?? 'no reason given';
    throw new ConfigError(`the file cannot be read: ${why}; expected a path of a file with the secret`);
  }
}

/**
 * The secret of sticky cookies, from a file of its own, so that the configuration may be read by
 * others.
 * @throws ConfigError
 */
export function readSecretFile(path: string, host: Pick<ConfigHost, 'readText'>): string {
  let content: string;
  try {
    content = host.readText(path);
  } catch (error) {
    // An operator may have written the secret itself in the place of the path: no log may have it.
    if (systemCode(error) === 'ENOENT')
      throw new ConfigError('there is no such file; expected the path of a file that holds the secret');
    throw new ConfigError(`cannot read '${path}': ${asError(error).message}`);
  }
  try {
    return parseStickySecret(content);
  } catch (error) {
    throw new ConfigError(`'${path}': ${asError(error).message}`);
  }
}
