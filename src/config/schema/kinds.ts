// The kinds of single values in the configuration file that are not of HTTP: what it is called,
// what an editor may check, how it is read.

import { isAbsolute, resolve } from 'node:path';
import { type ListenAddress, parseListenAddress, unixAddress } from '../../core/address.ts';
import { ConfigError } from '../../core/errors.ts';
import { Secret } from '../../core/secret.ts';
import { type AccessLogTarget, parseAccessLogTarget } from '../access-log.ts';
import { PLAIN_BALANCES, parseBalance } from '../balance.ts';
import { checkLogFormat, NAMED_FORMATS } from '../log-format.ts';
import { parseCount, parseDuration, parseShare, parseSize } from '../quantity.ts';
import { MAX_PAGE } from '../route.ts';
import type { UpstreamLocation } from '../settings.ts';
import { readTokenFile } from '../token.ts';
import { parseTrustedPeer, type TrustedPeer } from '../trusted-peer.ts';
import {
  oneOf,
  parseHeadSize,
  parseIndex,
  parseLimit,
  parseMaxConns,
  parseMaxHeader,
  parseRoot,
  parseUpstream,
  readSecretFile,
} from '../values.ts';
import { some } from '../words.ts';
import type { Kind } from './build.ts';

/** For patterns: editors see the file before variables are filled in. */
export const VARIABLE = '.*\\$\\{.*';

/** JSON Schema for text of which a number is one form. */
export function numeric(pattern: string): Record<string, unknown> {
  return { type: ['string', 'number'], pattern: `^(?:${pattern}|${VARIABLE})$`, minimum: 0 };
}

const DURATION_PATTERN = '\\d+(\\.\\d+)?(ms|s|m|h|d)?';
const SIZE_PATTERN = '\\d+[kKmMgG]?[bB]?';

export const DURATION: Kind<number> = {
  label: 'a duration, such as 30s',
  json: numeric(DURATION_PATTERN),
  read: parseDuration,
  option: { placeholder: 'TIME' },
};
/** A duration that is not nothing. */
export const LIMIT: Kind<number> = { ...DURATION, read: parseLimit };
export const SIZE: Kind<number> = {
  label: 'a size, such as 64k',
  json: numeric(SIZE_PATTERN),
  read: parseSize,
  option: { placeholder: 'SIZE' },
};
export const HEAD_SIZE: Kind<number> = { ...SIZE, read: parseHeadSize };
export const MAX_HEADER: Kind<number> = { ...SIZE, read: parseMaxHeader };
export const SHARE: Kind<number> = { label: 'a share, such as 20%', json: numeric('\\d+(\\.\\d+)?%?'), read: parseShare };

export const KEEPALIVE: Kind<{ readonly idle: number | undefined }> = {
  label: 'off, or a duration such as 30s',
  json: numeric(`off|${DURATION_PATTERN}`),
  read: (text) => ({ idle: text === 'off' ? undefined : parseDuration(text) }),
  option: { placeholder: 'TIME', takes: ['off'] },
};

export function count(least: number): Kind<number> {
  return {
    label: `a whole number of at least ${least}`,
    json: { ...numeric('\\d+'), minimum: least },
    read: (text) => parseCount(text, least),
    option: { placeholder: 'N' },
  };
}

export const MAX_CONNS: Kind<'auto' | number> = {
  label: 'auto, unlimited or a number',
  json: { ...numeric('auto|unlimited|\\d+'), minimum: 1 },
  read: parseMaxConns,
  option: { placeholder: 'N', takes: ['auto', 'unlimited'] },
};

export const BOOLEAN: Kind<boolean> = {
  label: 'true or false',
  json: { anyOf: [{ type: 'boolean' }, { type: 'string', pattern: `^(?:true|false|${VARIABLE})$` }] },
  read: (text) => oneOf(['true', 'false'])(text) === 'true',
  option: { placeholder: 'on|off', words: { on: 'true', off: 'false' } },
};

/**
 * One of a few words.
 * @param placeholder what stands for it in the help, when the words are too many to stand there
 */
export function word<const T extends string>(words: readonly T[], placeholder?: string): Kind<T> {
  return {
    label: some(words),
    option: placeholder === undefined ? { placeholder: words.join('|') } : { placeholder, takes: words },
    json: { anyOf: [{ enum: words }, { type: 'string', pattern: `^${VARIABLE}$` }] },
    read: oneOf(words),
  };
}

/** `off` where a map is the other form. */
export const OFF: Kind<'off'> = word(['off']);

export const TEXT: Kind<string> = {
  label: 'text',
  json: { type: ['string', 'number', 'boolean'] },
  read: (text) => text,
  option: { placeholder: 'TEXT' },
};

/** Text with nginx's variables. */
export const TEMPLATE: Kind<string> = { ...TEXT, label: "text, with nginx's variables", template: true };

export const BALANCE: Kind<ReturnType<typeof parseBalance>> = {
  label: "a balancer's name",
  json: { type: 'string' },
  read: parseBalance,
  option: { placeholder: 'NAME', takes: [...PLAIN_BALANCES, 'hash:', 'sticky:'] },
};

/** Where to listen. */
export const ADDRESS: Kind<ListenAddress> = {
  label: 'HOST:PORT, [IPV6]:PORT, /PATH, unix:/PATH, systemd or systemd:NAME',
  json: { type: 'string' },
  read: (text, { directory, keepsRelative }) => {
    const address = parseListenAddress(text);
    if (keepsRelative || address.kind !== 'unix' || isAbsolute(address.path)) return address;
    return unixAddress(resolve(directory, address.path));
  },
  option: { placeholder: 'ADDR', takes: 'address' },
};

/** Where to listen, or nowhere. */
export const ADMIN_ADDRESS: Kind<ListenAddress | 'off'> = {
  label: 'HOST:PORT, [IPV6]:PORT, /PATH, unix:/PATH, systemd:NAME or off',
  json: { type: 'string' },
  read: (text, context) => (text === 'off' ? 'off' : ADDRESS.read(text, context)),
  option: { placeholder: 'ADDR', takes: 'address' },
};

/** An upstream of which nothing else is said. */
export const UPSTREAM: Kind<UpstreamLocation> = {
  label: 'a glob of socket paths, a path or HOST:PORT',
  json: { type: 'string' },
  read: (text, { directory, host }) => parseUpstream(text, { directory, exists: host.exists }),
  option: { placeholder: 'WHAT', takes: 'file' },
};

/** A path on this machine. */
export const PATH: Kind<string> = {
  label: 'a path',
  json: { type: 'string', minLength: 1 },
  read: (text, { directory }) => {
    if (text === '' || text.includes('\0')) throw new ConfigError(`'${text}' is not a path`);
    return resolve(directory, text);
  },
  option: { placeholder: 'FILE', takes: 'file' },
};

export const WRITABLE_DIRECTORY: Kind<string> = {
  label: 'a directory that can be written to',
  json: PATH.json,
  read: (text, context) => {
    const path = PATH.read(text, context);
    const problem = context.host.directoryProblem(path);
    if (problem !== undefined) throw new ConfigError(`'${path}' ${problem}`);
    return path;
  },
  option: { placeholder: 'DIR', takes: 'directory' },
};

/** A file that holds a secret; read at once. */
export const SECRET_FILE: Kind<string> = {
  ...PATH,
  read: (text, context) => readSecretFile(PATH.read(text, context), context.host),
};

/** A file that holds the token of the admin listener; read at once. */
export const TOKEN_FILE: Kind<Secret> = {
  ...PATH,
  read: (text, context) => new Secret(readTokenFile(PATH.read(text, context), context.host)),
};

export const ACCESS_LOG: Kind<AccessLogTarget> = {
  label: '-, off, a path or syslog:SERVER',
  json: PATH.json,
  read: (text, context) => parseAccessLogTarget(text, (path) => (context.keepsRelative ? path : PATH.read(path, context))),
  option: { placeholder: '-|FILE|off' },
};

export const ACCESS_LOG_FORMAT: Kind<string> = {
  label: `${NAMED_FORMATS.join(', ')}, or text with nginx's variables`,
  json: { type: 'string' },
  template: true,
  read: checkLogFormat,
  option: { placeholder: 'FORMAT', takes: NAMED_FORMATS },
};

/** A client, or a network of clients, whose headers are believed. */
export const TRUSTED_PEER: Kind<TrustedPeer> = {
  label: 'unix, an address or a network such as 10.0.0.0/8',
  json: { type: 'string' },
  read: parseTrustedPeer,
  option: { placeholder: 'WHO' },
};

/** The same, or none. */
export const TRUSTED_PEERS: Kind<readonly TrustedPeer[]> = {
  ...TRUSTED_PEER,
  label: `off, ${TRUSTED_PEER.label}`,
  read: (text) => (text === 'off' ? [] : [parseTrustedPeer(text)]),
};

/** A file or a glob of files, not yet looked for. */
export const INCLUDE: Kind<string> = {
  label: 'a path or a glob of configuration files',
  json: PATH.json,
  read: (text, context) => {
    PATH.read(text, context);
    // As it is written: messages name a file by the way that led to it.
    return text;
  },
};

/** A file that is read at load. */
export const PAGE: Kind<string> = {
  ...PATH,
  label: 'a file',
  read: (text, context) => {
    const path = PATH.read(text, context);
    const problem = context.host.fileProblem(path, MAX_PAGE);
    if (problem !== undefined) throw new ConfigError(problem);
    return path;
  },
};

export const ROOT: Kind<string> = {
  label: 'an absolute path',
  json: { type: 'string', pattern: `^(?:/.*|${VARIABLE})$` },
  read: parseRoot,
  option: { placeholder: 'DIR', takes: 'directory' },
};

export const INDEX: Kind<string> = {
  label: 'a file name',
  json: { type: 'string', pattern: '^[^/]+$' },
  read: parseIndex,
  option: { placeholder: 'FILE' },
};
