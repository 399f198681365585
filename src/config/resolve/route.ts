// Makes a route's settings of what its part of the file says.

import { MATCH_DEFAULTS, ROUTE_DEFAULTS } from '../defaults.ts';
import { nearest } from '../nearest.ts';
import type { Report } from '../report.ts';
import type { HeaderChanges, HostPattern, PathPattern, PoolRoute, RouteMatch, RouteSettings } from '../route.ts';
import type { RawPool, RawRoute } from '../schema/file.ts';
import { parseStatusRange } from '../schema/http-kinds.ts';
import { presetOf } from '../schema/preset.ts';
import { REDIRECT, RESPOND, ROUTE, STATIC_INDEX } from '../schema/route.ts';
import { some } from '../words.ts';
import { protocolOf } from './pool.ts';
import { checkSize } from './probe.ts';
import { checkRouteTemplates } from './template.ts';

const ACTIONS = ['pool', 'static', 'redirect', 'respond'] as const;
type Action = (typeof ACTIONS)[number];

const MATCH_KEYS = ['host', 'path', 'path_regex', 'method'] as const;

/** What each of these keys is for; those that are not here are for every route. */
const FOR: Readonly<Record<string, readonly Action[]>> = {
  root: ['pool'],
  php: ['pool'],
  index: ['pool', 'static'],
  split_path: ['pool'],
  params: ['pool'],
  strip_prefix: ['pool', 'static'],
  request_headers: ['pool'],
  max_body: ['pool'],
  max_response_head: ['pool'],
  request_buffering: ['pool'],
  response_buffering: ['pool'],
};

/** Keys that make parameters of a FastCGI request. */
const FASTCGI_KEYS = ['root', 'php', 'index', 'split_path', 'params'] as const;

/** What a route must know of the pools. */
export interface KnownPools {
  readonly byName: ReadonlyMap<string, RawPool>;
  /** Also those of which nothing could be read. */
  readonly names: ReadonlySet<string>;
  /** Whether there may be more in a file that could not be read. */
  readonly all: boolean;
}

/** @returns undefined when the route leads nowhere; why is in the report */
export function routeSettings(raw: RawRoute, pools: KnownPools, report: Report): RouteSettings | undefined {
  const match = matchOf(raw, report);
  checkRouteTemplates(raw, match.path, report);
  checkHeaders(raw.request_headers, 'request', report);
  checkHeaders(raw.response_headers, 'response', report);
  const base = { match, responseHeaders: headerChanges(raw.response_headers), errorPages: errorPages(raw, report) };
  const given = ACTIONS.filter((action) => report.has(raw, action));
  const [action] = given;
  if (action === undefined) {
    report.at(raw, undefined, `the route leads nowhere; expected one of ${some(ACTIONS)}`);
    return undefined;
  }
  for (const other of given.slice(1))
    report.at(raw, other, `'${action}' and '${other}' exclude each other: a route does one thing`);
  for (const [key, actions] of Object.entries(FOR)) {
    if (!actions.includes(action) && report.has(raw, key))
      report.at(raw, key, `it is for a route with ${some(actions.map((name) => `'${name}'`))}`);
  }
  switch (action) {
    case 'pool': {
      const { pool } = raw;
      checkPoolRoute(raw, pools, report);
      return pool === undefined ? undefined : poolRoute(raw, pool, base, pools.byName.get(pool)?.params);
    }
    case 'static': {
      if (raw.static === undefined) return undefined;
      return {
        ...base,
        kind: 'static',
        directory: raw.static,
        index: raw.index ?? STATIC_INDEX,
        stripPrefix: raw.strip_prefix ?? '',
      };
    }
    case 'redirect': {
      const { redirect } = raw;
      const { to, status } = typeof redirect === 'string' ? { to: redirect, status: undefined } : (redirect ?? {});
      return to === undefined
        ? undefined
        : { ...base, kind: 'redirect', to, status: status ?? presetOf(REDIRECT.properties.status) };
    }
    case 'respond': {
      const respond = typeof raw.respond === 'number' ? { status: raw.respond } : (raw.respond ?? {});
      return {
        ...base,
        kind: 'respond',
        status: respond.status ?? presetOf(RESPOND.properties.status),
        headers: respond.headers ?? new Map(),
        body: respond.body ?? presetOf(RESPOND.properties.body),
      };
    }
  }
}

/** Says what is wrong with where a route leads, and what its pool has no use for. */
function checkPoolRoute(raw: RawRoute, pools: KnownPools, report: Report): void {
  const { pool } = raw;
  if (pool === undefined) return;
  if (pools.all && !pools.names.has(pool)) {
    const near = nearest(pool, pools.names);
    const help = near === undefined ? `expected ${some([...pools.names])}` : `did you mean '${near}'?`;
    report.at(
      raw,
      'pool',
      pools.names.size === 0 ? `there is no pool '${pool}', nor any other` : `there is no pool '${pool}'; ${help}`,
    );
  }
  for (const key of ['php', 'split_path'] as const) {
    if (raw[key] && !report.has(raw, 'root')) report.at(raw, key, "it needs 'root', the directory of the scripts");
  }
  const target = pools.byName.get(pool);
  for (const key of FASTCGI_KEYS) {
    if (target !== undefined && protocolOf(target) === 'HTTP' && report.has(raw, key)) {
      report.at(raw, key, `it is for FastCGI workers; pool '${pool}' has HTTP upstreams`);
    }
  }
  for (const [name, value] of raw.params ?? []) checkSize(raw.params ?? new Map(), name, value, report);
}

/** What routes of all kinds have. */
type RouteBase = Pick<RouteSettings, 'match' | 'responseHeaders' | 'errorPages'>;

/**
 * @param pool the name of the pool
 * @param poolParams the parameters of all routes to it
 */
export function poolRoute(raw: RawRoute, pool: string, base: RouteBase, poolParams: RawPool['params']): PoolRoute {
  const preset = ROUTE_DEFAULTS;
  return {
    ...base,
    kind: 'pool',
    pool,
    root: raw.root,
    php: raw.php ?? preset.php,
    index: raw.index ?? preset.index,
    splitPath: raw.split_path,
    params: new Map([...(poolParams ?? []), ...(raw.params ?? [])]),
    stripPrefix: raw.strip_prefix ?? preset.stripPrefix,
    requestHeaders: headerChanges(raw.request_headers),
    requestBuffering: raw.request_buffering ?? preset.requestBuffering,
    responseBuffering: raw.response_buffering ?? preset.responseBuffering,
    maxBody: raw.max_body ?? preset.maxBody,
    maxResponseHead: raw.max_response_head ?? preset.maxResponseHead,
  };
}

function matchOf(raw: RawRoute, report: Report): RouteMatch {
  if (report.has(raw, 'path') && report.has(raw, 'path_regex'))
    report.at(raw, 'path_regex', "'path' and 'path_regex' exclude each other");
  const path = pathPattern(raw);
  if (raw.final === true && path.kind !== 'prefix') report.at(raw, 'final', "it is for a 'path' that is a prefix");
  const { host = [], method = [] } = raw;
  return {
    hosts: isList(host) ? host : [host],
    path,
    methods: new Set(typeof method === 'string' ? [method] : method),
  };
}

function isList(host: HostPattern | readonly HostPattern[]): host is readonly HostPattern[] {
  return Array.isArray(host);
}

function pathPattern(raw: RawRoute): PathPattern {
  if (raw.path_regex !== undefined) return { kind: 'regex', regex: raw.path_regex };
  const { path = MATCH_DEFAULTS.path } = raw;
  return path.kind === 'prefix' ? { ...path, final: raw.final ?? presetOf(ROUTE.properties.final) } : path;
}

function headerChanges(raw: RawRoute['request_headers'] = {}): HeaderChanges {
  return { set: raw.set ?? new Map(), hide: new Set(raw.hide?.map((name) => name.toLowerCase())) };
}

/** Headers that frame a message or belong to a connection: a change would break the message. */
const FRAMING = new Set([
  ...['connection', 'content-length', 'date', 'expect', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding'],
  'upgrade',
]);

function checkHeaders(raw: RawRoute['request_headers'], way: 'request' | 'response', report: Report): void {
  const { set = new Map<string, string>(), hide = [] } = raw ?? {};
  const names = [
    ...[...set.keys()].map((name) => [set, name, name] as const),
    ...hide.map((name, at) => [hide, at, name] as const),
  ];
  const seen = new Set<string>();
  for (const [holder, key, name] of names) {
    const lower = name.toLowerCase();
    if (FRAMING.has(lower)) report.at(holder, key, `'${name}' belongs to the connection and cannot be changed`);
    else if (way === 'request' && lower === 'proxy') report.at(holder, key, "'Proxy' never reaches a worker (httpoxy)");
    else if (way === 'request' && !/^[a-z0-9-]+$/.test(lower)) {
      report.at(holder, key, `'${name}' cannot be told from another header as a parameter: expected letters, digits and '-'`);
    } else if (holder === set && seen.has(lower)) report.at(holder, key, `'${name}' is set already, in other letters`);
    else if (way === 'request' && lower === 'host' && holder === hide)
      report.at(holder, key, "'Host' can be set, but a request has one");
    if (holder === set) seen.add(lower);
  }
}

function errorPages(raw: RawRoute, report: Report): ReadonlyMap<number, string> {
  const pages = new Map<number, string>();
  const written = raw.error_pages;
  for (const [key, file] of written ?? []) {
    const [least, most] = parseStatusRange(key);
    for (let status = least; status <= most; status += 1) {
      if (pages.has(status) && written !== undefined) {
        report.at(written, key, `status ${status} has a page already`);
        break;
      }
      pages.set(status, file);
    }
  }
  return pages;
}

/**
 * What a route takes, as text that is the same for two routes that take the same requests;
 * undefined when a mistake leaves that open.
 */
export function matchText(raw: RawRoute, { hosts, path, methods }: RouteMatch, report: Report): string | undefined {
  if (MATCH_KEYS.some((key) => report.has(raw, key) && raw[key] === undefined)) return undefined;
  const host = hosts.map((pattern) => (pattern.kind === 'exact' ? pattern.name : `*${pattern.suffix}`));
  const where = path.kind === 'regex' ? String(path.regex) : `${path.kind} ${path.path}`;
  return JSON.stringify([host.sort(), where, [...methods].sort()]);
}
