// The kinds of single values that speak of HTTP: hosts, paths, regexes, statuses, headers.

import { ConfigError } from '../../core/errors.ts';
import type { TextPattern } from '../health.ts';
import { checkRegexCost } from '../regex/cost.ts';
import type { HostPattern, PathPattern } from '../route.ts';
import { groupsOf } from '../template.ts';
import { isParamName, parseHealthPath, parseUrlPath } from '../values.ts';
import type { Kind } from './build.ts';
import { numeric, TEXT, VARIABLE } from './kinds.ts';

const MAX_REGEX = 1000;
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

export const HOST: Kind<HostPattern> = {
  label: 'a host name, or *.NAME for all below it',
  json: { type: 'string' },
  read: (text) => {
    const match = /^(\*\.)?([a-z0-9_-]+(?:\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])$/i.exec(text);
    const name = match?.[2]?.toLowerCase();
    if (name === undefined) throw new ConfigError(`'${text}' is not a host name: expected a name without a port, or *.NAME`);
    return match?.[1] === undefined ? { kind: 'exact', name } : { kind: 'wildcard', suffix: `.${name}` };
  },
};

/** A prefix, or `= /path` for that path alone. `final` is said by a key of its own. */
export const ROUTE_PATH: Kind<Exclude<PathPattern, { kind: 'regex' }>> = {
  label: 'a path that begins with /, or = /PATH for that path alone',
  json: { type: 'string', pattern: `^(?:(=\\s*)?/.*|${VARIABLE})$` },
  read: (text) => {
    const exact = /^=\s*(.*)$/s.exec(text);
    const path = parseUrlPath(exact?.[1] ?? text);
    return exact === null ? { kind: 'prefix', path, final: false } : { kind: 'exact', path };
  },
};

export const URL_PATH: Kind<string> = {
  label: 'a path that begins with /',
  json: { type: 'string', pattern: `^(?:/.*|${VARIABLE})$` },
  read: parseUrlPath,
};

/** A path that is answered by the program itself, or none. */
export const HEALTH_PATH: Kind<{ readonly path: string | undefined }> = {
  label: 'off, or a path that begins with /',
  json: { type: 'string', pattern: `^(?:off|/.*|${VARIABLE})$` },
  read: (text) => ({ path: parseHealthPath(text) }),
  option: { placeholder: 'PATH|off' },
};

/** Without flags: letters are not folded, and what matches is looked at byte by byte. */
function parseRegex(text: string): RegExp {
  if (text === '') throw new ConfigError('an empty regular expression matches everything; leave the key out instead');
  if (text.length > MAX_REGEX) throw new ConfigError(`the regular expression is longer than ${MAX_REGEX} characters`);
  try {
    return new RegExp(text);
  } catch (error) {
    const reason = (error instanceof Error ? error.message : String(error)).replace(/^.*: /s, '');
    throw new ConfigError(`'${text}' is not a regular expression: ${reason}`);
  }
}

/** One that is asked about strangers' paths: a check at load bounds its time. */
export const PATH_REGEX: Kind<RegExp> = {
  label: 'a regular expression',
  json: { type: 'string', format: 'regex' },
  read: parsePathRegex,
};

function parsePathRegex(text: string): RegExp {
  const regex = parseRegex(text);
  checkRegexCost(text);
  return regex;
}

/** A regular expression with two groups, the script and what follows it. */
export const SPLIT_REGEX: Kind<RegExp> = {
  ...PATH_REGEX,
  label: 'a regular expression with two groups',
  read: (text) => {
    const regex = parsePathRegex(text);
    const { count } = groupsOf(regex);
    if (count !== 2) throw new ConfigError(`'${text}' has ${count} groups; expected two, the script and what follows it`);
    return regex;
  },
};

/** Text that must be there, or `/REGEX/`. */
export const TEXT_PATTERN: Kind<TextPattern> = {
  label: 'text that must be there, or /REGEX/',
  json: { type: ['string', 'number', 'boolean'] },
  read: (text) => {
    if (text === '') throw new ConfigError("'' is in every text; leave the key out instead");
    if (text.length < 3 || !text.startsWith('/') || !text.endsWith('/')) return { kind: 'substring', text };
    return { kind: 'regex', regex: parseRegex(text.slice(1, -1)) };
  },
};

export const METHOD: Kind<string> = {
  label: 'a method, such as GET',
  json: { type: 'string' },
  read: (text) => {
    if (!TOKEN.test(text)) throw new ConfigError(`'${text}' is not a method`);
    if (text !== text.toUpperCase())
      throw new ConfigError(`'${text}': methods are told apart by case; did you mean '${text.toUpperCase()}'?`);
    return text;
  },
};

export type StatusRange = readonly [least: number, most: number];

/** `200`, `200-299` or `2xx`. */
export const STATUS_RANGE: Kind<StatusRange> = {
  label: 'a status, such as 200, 200-299 or 2xx',
  json: { type: ['string', 'integer'], minimum: 100, maximum: 599 },
  read: parseStatusRange,
};

/** @throws ConfigError */
export function parseStatusRange(text: string): StatusRange {
  const match = /^([1-5])xx$|^([1-5]\d\d)(?:-([1-5]\d\d))?$/.exec(text);
  const [, hundred, first, last] = match ?? [];
  if (hundred !== undefined) return [Number(hundred) * 100, Number(hundred) * 100 + 99];
  const range = [Number(first), Number(last ?? first)] as const;
  if (match === null || range[0] > range[1]) {
    throw new ConfigError(`'${text}' is not a status: expected 100 to 599, a range such as 200-299, or 2xx`);
  }
  return range;
}

/** Path and query of a request of ours. */
export const REQUEST_URI: Kind<string> = {
  label: 'a path with or without a query, such as /ping',
  json: URL_PATH.json,
  read: (text) => {
    if (!/^\/[!-~]*$/.test(text) || text.includes('#')) {
      throw new ConfigError(`'${text}' cannot be asked for: expected a path that begins with /, other characters as %XX`);
    }
    return text;
  },
};

/** What a header of a fixed answer or of a probe says. */
export const HEADER_VALUE: Kind<string> = {
  ...TEXT,
  read: (text) => {
    if (hasControl(text)) throw new ConfigError('a header cannot hold line breaks or control characters');
    return text;
  },
};

/** What a header says, with nginx's variables. */
export const HEADER_TEMPLATE: Kind<string> = { ...HEADER_VALUE, label: "text, with nginx's variables", template: true };

export const REDIRECT_STATUS: Kind<301 | 302 | 303 | 307 | 308> = {
  label: '301, 302, 303, 307 or 308',
  json: { anyOf: [{ enum: [301, 302, 303, 307, 308] }, { type: 'string', pattern: `^${VARIABLE}$` }] },
  read: (text) => {
    const found = ([301, 302, 303, 307, 308] as const).find((status) => String(status) === text);
    if (found === undefined) throw new ConfigError(`'${text}' does not redirect; expected 301, 302, 303, 307 or 308`);
    return found;
  },
};

/** A status that ends a request. */
export const FINAL_STATUS: Kind<number> = {
  label: 'a status from 200 to 599',
  json: { ...numeric('\\d+'), minimum: 200, maximum: 599 },
  read: (text) => {
    const status = /^[2-5]\d\d$/.test(text) ? Number(text) : undefined;
    if (status === undefined) throw new ConfigError(`'${text}' is not a status from 200 to 599`);
    return status;
  },
};

/** Where a client is sent. */
export const LOCATION: Kind<string> = {
  label: "a URL or a path, with nginx's variables",
  template: true,
  json: { type: 'string', minLength: 1 },
  read: (text) => {
    if (text === '' || /\s/.test(text) || hasControl(text)) throw new ConfigError(`'${text}' is not a URL or a path`);
    return text;
  },
};

function hasControl(text: string): boolean {
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if ((code < 32 && code !== 9) || code === 127) return true;
  }
  return false;
}

/** Names of things, as keys of maps. */
export type KeyKind = Kind<unknown> & { readonly name: string };

function keyKind(name: string, label: string, test: (text: string) => boolean): KeyKind {
  return {
    name,
    label,
    json: {},
    read: (text) => {
      if (!test(text)) throw new ConfigError(`'${text}' is not ${label}`);
      return text;
    },
  };
}

const NAME = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$/;
const NAME_LABEL = "name: up to 64 letters, digits, '.', '_' and '-'";

/** Pools are named in URLs of the admin listener and in metrics. */
export const POOL_KEY = keyKind('NAME', `a pool's ${NAME_LABEL}`, (text) => NAME.test(text));
export const TARGET_KEY = keyKind('NAME', `a target's ${NAME_LABEL}`, (text) => NAME.test(text));
export const PARAM_KEY = keyKind('PARAM', "a parameter's name: letters, digits and '_'", isParamName);
export const HEADER_KEY = keyKind('HEADER', "a header's name", (text) => TOKEN.test(text));
export const STATUS_KEY: KeyKind = { ...STATUS_RANGE, name: 'STATUS' };

/** In a list of names. */
export const HEADER_NAME: Kind<string> = {
  label: "a header's name",
  json: { type: 'string' },
  read: (text) => {
    if (!TOKEN.test(text)) throw new ConfigError(`'${text}' is not a header's name`);
    return text;
  },
};
