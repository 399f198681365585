// What a route's part of a file makes.

import { describe, expect, it } from 'vitest';
import { ROUTE_DEFAULTS } from '../../../src/config/defaults.ts';
import { Report } from '../../../src/config/report.ts';
import { routeSettings } from '../../../src/config/resolve/route.ts';
import type { RouteSettings } from '../../../src/config/route.ts';
import { gather } from '../../../src/config/yaml/gather.ts';
import { hostOf } from '../../support/parts/config-file.ts';

/** The settings of a route that is written without mistakes. */
function routeOf(text: string): RouteSettings | undefined {
  const report = new Report();
  const file = `pools: { rt: { upstreams: [/a] } }\nroutes:\n  - ${text}\n`;
  const { pools, routes } = gather(
    '/etc/f.yaml',
    hostOf({ '/etc/f.yaml': file, '/etc/404.html': '', '/srv/sorry.html': '' }),
    report,
  );
  const [raw] = routes;
  const made =
    raw === undefined ? undefined : routeSettings(raw, { byName: pools, names: new Set(pools.keys()), all: true }, report);
  expect(report.problems([])).toEqual([]);
  return made;
}

const POOL = { ...ROUTE_DEFAULTS, pool: 'rt' };
const { match } = ROUTE_DEFAULTS;
const BASE = { match, responseHeaders: POOL.responseHeaders, errorPages: POOL.errorPages };

describe('a route', () => {
  it.each([
    ['host: Tickets.Example.org', { hosts: [{ kind: 'exact', name: 'tickets.example.org' }] }],
    [
      'host: ["*.Example.org", localhost]',
      {
        hosts: [
          { kind: 'wildcard', suffix: '.example.org' },
          { kind: 'exact', name: 'localhost' },
        ],
      },
    ],
    ['path: /static/', { path: { kind: 'prefix', path: '/static/', final: false } }],
    ['path: /static/, final: true', { path: { kind: 'prefix', path: '/static/', final: true } }],
    ['path: = /favicon.ico', { path: { kind: 'exact', path: '/favicon.ico' } }],
    ['path: "=/favicon.ico"', { path: { kind: 'exact', path: '/favicon.ico' } }],
    ["path_regex: '\\.php(/|$)'", { path: { kind: 'regex', regex: /\.php(\/|$)/ } }],
    ['method: GET', { methods: new Set(['GET']) }],
    ['method: [GET, PROPFIND]', { methods: new Set(['GET', 'PROPFIND']) }],
  ])('takes the requests it asks for: %s', (text, expected) => {
    expect(routeOf(`{ ${text}, pool: rt }`)).toEqual({ ...POOL, match: { ...match, ...expected } });
  });

  it.each([
    ["root: /srv, split_path: '^(.+?\\.php)(/.*)$'", { root: '/srv', splitPath: /^(.+?\.php)(\/.*)$/ }],
    [
      "params: { PATH_INFO: $uri, X: 'a${Y:-b}$host', Z: '${Y:-$5}' }",
      {
        params: new Map([
          ['PATH_INFO', '$uri'],
          ['X', 'ab$host'],
          // What is filled in is plain text.
          ['Z', '$$5'],
        ]),
      },
    ],
    ['strip_prefix: /app', { stripPrefix: '/app' }],
    [
      'request_headers: { set: { X-A: "1" }, hide: [Cookie] }',
      { requestHeaders: { set: new Map([['X-A', '1']]), hide: new Set(['cookie']) } },
    ],
    ['response_headers: { set: { X-A: "" } }', { responseHeaders: { set: new Map([['X-A', '']]), hide: new Set() } }],
    [
      'error_pages: { 404: 404.html, 502-503: /srv/sorry.html }',
      {
        errorPages: new Map([
          [404, '/etc/404.html'],
          [502, '/srv/sorry.html'],
          [503, '/srv/sorry.html'],
        ]),
      },
    ],
  ])('to a pool says what is to be done there: %s', (text, expected) => {
    expect(routeOf(`{ ${text}, pool: rt }`)).toEqual({ ...POOL, ...expected });
  });

  it.each([
    ['{ static: www }', { ...BASE, kind: 'static', directory: '/etc/www', index: 'index.html', stripPrefix: '' }],
    [
      '{ static: /srv, index: a.html, strip_prefix: /s }',
      { ...BASE, kind: 'static', directory: '/srv', index: 'a.html', stripPrefix: '/s' },
    ],
    [
      '{ redirect: "https://a.example$request_uri" }',
      { ...BASE, kind: 'redirect', status: 302, to: 'https://a.example$request_uri' },
    ],
    ['{ redirect: { to: /b, status: 308 } }', { ...BASE, kind: 'redirect', status: 308, to: '/b' }],
    ['{ respond: 404 }', { ...BASE, kind: 'respond', status: 404, headers: new Map(), body: '' }],
    [
      '{ respond: { status: 503, headers: { Retry-After: 60 }, body: "later\\n" } }',
      { ...BASE, kind: 'respond', status: 503, headers: new Map([['Retry-After', '60']]), body: 'later\n' },
    ],
  ])('to something else says what: %s', (text, expected) => {
    expect(routeOf(text)).toEqual(expected);
  });
});
