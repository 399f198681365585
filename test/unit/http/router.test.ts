// The choice of a route by host, path and method, as nginx makes it for servers and locations.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { HostPattern, PathPattern } from '../../../src/config/route.ts';
import { hostName, MAX_REGEX_PATH, type RouteEntry, Router } from '../../../src/http/request/router.ts';
import { parseTarget } from '../../../src/http/request/target.ts';

/**
 * `host path` or `path`, as in a file: `= /a` exact, `~ re` regex, `! /a` a final prefix, else a
 * prefix; `GET|PUT:` before it.
 */
function entry(text: string): RouteEntry<string> {
  const [, hosts = '', methods = '', kind = '', path = ''] = /^(?:([^ /~=!]+) )?(?:([A-Z|]+):)?([=~!] )?(.*)$/.exec(text) ?? [];
  const pattern: PathPattern =
    kind === '= '
      ? { kind: 'exact', path }
      : kind === '~ '
        ? { kind: 'regex', regex: new RegExp(path) }
        : { kind: 'prefix', path, final: kind === '! ' };
  const host = (name: string): HostPattern =>
    name.startsWith('*') ? { kind: 'wildcard', suffix: name.slice(1) } : { kind: 'exact', name };
  const match = {
    hosts: hosts === '' ? [] : hosts.split(',').map(host),
    path: pattern,
    methods: new Set(methods === '' ? [] : methods.split('|')),
  };
  return { match, route: text };
}

function router(...texts: readonly string[]): Router<string> {
  return new Router(texts.map(entry));
}

describe('within one host', () => {
  const routes = router('= /', '/', '/manual/', '! /pictures/', '~ \\.(gif|jpg)$', '~ ^/manual/.*\\.jpg$');

  it.each([
    ['/', '= /', 'the exact path before all else'],
    ['/index.html', '/', 'the only prefix'],
    ['/manual/page.html', '/manual/', 'the longest prefix where no regex matches'],
    ['/manual/1.jpg', '~ \\.(gif|jpg)$', 'the first regex in order, though another matches and a prefix is long'],
    ['/pictures/1.gif', '! /pictures/', 'a final prefix before every regex'],
    ['/pictures', '/', 'a prefix only as it is written'],
    ['/1.gif', '~ \\.(gif|jpg)$', 'a regex before a prefix'],
    ['/1.GIF', '/', 'a regex in the case it is written in'],
  ])('%s goes to %s: %s', (path, route) => {
    expect(routes.choose(undefined, path, 'GET')).toBe(route);
  });

  it('a final prefix does not stop regexes when a longer one is not final', () => {
    const nested = router('! /a/', '/a/b/', '~ x$');
    expect(nested.choose(undefined, '/a/x', 'GET')).toBe('! /a/');
    expect(nested.choose(undefined, '/a/b/x', 'GET')).toBe('~ x$');
    expect(nested.choose(undefined, '/a/b/y', 'GET')).toBe('/a/b/');
  });

  it('there may be no route for a path', () => {
    expect(router('/a/', '= /b', '~ c$').choose(undefined, '/', 'GET')).toBeUndefined();
  });

  it('paths are compared as bytes', () => {
    expect(router('/caf\u00e9/').choose(undefined, parseTarget('/caf%C3%A9/x').path, 'GET')).toBe('/caf\u00e9/');
    expect(router('/caf\u00e9/').choose(undefined, parseTarget('/caf%E9/x').path, 'GET')).toBeUndefined();
  });

  it('letters are not folded, in any alphabet', () => {
    const admin = router('/admin/', '~ ^/kk/');
    for (const path of ['/ADMIN/x', '/admi\u0130n/', '/\u212Ak/', '/KK/'])
      expect(admin.choose(undefined, path, 'GET')).toBeUndefined();
  });

  it('the longest of many prefixes is found as by looking at each', () => {
    const path = fc.array(fc.constantFrom('a', 'b', '/', '\xff'), { maxLength: 8 }).map((parts) => `/${parts.join('')}`);
    fc.assert(
      fc.property(fc.uniqueArray(path, { maxLength: 30 }), path, (prefixes, asked) => {
        const longest = prefixes.filter((prefix) => asked.startsWith(prefix)).sort((a, b) => b.length - a.length)[0];
        const table = new Router(
          prefixes.map((prefix) => ({
            match: {
              hosts: [],
              path: { kind: 'prefix', path: Buffer.from(prefix, 'latin1').toString('latin1'), final: false } as const,
              methods: new Set<string>(),
            },
            route: prefix,
          })),
        );
        const bytes = Buffer.from(asked, 'utf8').toString('latin1');
        expect(table.choose(undefined, bytes, 'GET')).toBe(longest);
      }),
    );
  });
});

describe('among hosts', () => {
  const routes = router(
    'a.example.org /',
    '*.example.org /',
    '*.b.example.org /',
    'a.example.org,c.example.net /only/',
    '/',
    '/every/',
    '[::1] /',
    '= /exact',
  );

  it.each([
    ['a.example.org', '/', 'a.example.org /', 'exactly that host first'],
    ['a.example.org', '/every/x', 'a.example.org /', 'whatever longer path another host has'],
    ['a.example.org', '/exact', 'a.example.org /', 'even an exact one'],
    ['x.example.org', '/', '*.example.org /', 'then a wildcard'],
    ['x.b.example.org', '/', '*.b.example.org /', 'the longest'],
    ['b.example.org', '/', '*.example.org /', 'which stands for at least one label'],
    ['example.org', '/', '/', 'so that the name itself is not below it'],
    ['.example.org', '/', '/', 'nor is an empty label'],
    ['xexample.org', '/', '/', 'nor what merely ends in the same letters'],
    ['c.example.net', '/only/x', 'a.example.org,c.example.net /only/', 'a route may have several hosts'],
    ['c.example.net', '/every/x', '/every/', 'and where those of the host do not match, the routes of every host are asked'],
    ['A.Example.ORG', '/', 'a.example.org /', 'in any case'],
    ['a.example.org:8080', '/', 'a.example.org /', 'whatever the port'],
    ['a.example.org.', '/', 'a.example.org /', 'with a final dot'],
    ['a.example.org.:80', '/', 'a.example.org /', 'and a port behind it'],
    ['[::1]:80', '/', '[::1] /', 'addresses too'],
    [undefined, '/', '/', 'without a Host those of every host'],
    ['', '/', '/', 'or with an empty one'],
    [`${'a.'.repeat(20_000)}example.org`, '/', '/', 'or with one that is longer than names are'],
  ])('%s %s goes to %s: %s', (...[host, path, route]) => {
    expect(routes.choose(host, path, 'GET')).toBe(route);
  });

  it('a name is known without its port and final dot, in lower case', () => {
    expect(['A.b:80', 'a.b.:', '[::1]:8', '', undefined].map(hostName)).toEqual(['a.b', 'a.b', '[::1]', '', '']);
  });
});

describe('by method', () => {
  const routes = router('POST|PUT:/', '/', 'GET:/get/', 'DELETE:= /get/it', 'PUT:~ ^/re');

  it.each([
    ['POST', '/', 'POST|PUT:/'],
    ['GET', '/', '/'],
    ['GET', '/get/x', 'GET:/get/'],
    ['HEAD', '/get/x', 'GET:/get/'],
    ['DELETE', '/get/x', '/'],
    ['DELETE', '/get/it', 'DELETE:= /get/it'],
    ['GET', '/get/it', 'GET:/get/'],
    ['PUT', '/re', 'PUT:~ ^/re'],
    ['PATCH', '/re', '/'],
    ['get', '/get/x', '/'],
  ])('%s %s goes to %s, as if the routes of other methods were not there', (method, path, route) => {
    expect(routes.choose(undefined, path, method)).toBe(route);
  });

  it('a route of some methods goes before one of all for the same path, in whatever order they are', () => {
    expect(router('/', 'POST:/').choose(undefined, '/', 'POST')).toBe('POST:/');
    expect(router('= /', 'POST:= /').choose(undefined, '/', 'POST')).toBe('POST:= /');
  });

  it('it can be told which methods would have been taken', () => {
    const some = router('GET:/a/', 'PUT:/a/b/', 'DELETE:= /a/b/c', 'PATCH:~ c$', 'x.example POST:/a/');
    expect(some.choose('y.example', '/a/b/c', 'POST')).toBeUndefined();
    expect([...some.methodsFor('y.example', '/a/b/c')].sort()).toEqual(['DELETE', 'GET', 'HEAD', 'PATCH', 'PUT']);
    expect([...some.methodsFor('x.example', '/a/x')].sort()).toEqual(['GET', 'HEAD', 'POST']);
    expect(some.methodsFor('y.example', '/').size).toBe(0);
  });
});

describe('a very long path', () => {
  const long = `/a/${'x'.repeat(MAX_REGEX_PATH)}`;
  it('is refused where a regex would have to be asked, rather than led past it', () => {
    expect(() => router('/', '~ secret').choose(undefined, long, 'GET')).toThrow(
      expect.objectContaining({ code: 'FCGI_LB_REQUEST_PATH_TOO_LONG' }),
    );
  });

  it('is like any other where none would be', () => {
    expect(router('/', '! /a/', '~ secret').choose(undefined, long, 'GET')).toBe('! /a/');
    expect(router('/').choose(undefined, long, 'GET')).toBe('/');
  });
});
