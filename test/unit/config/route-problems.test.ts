// What is said of mistakes in a route, and of all that the program cannot serve yet.

import { describe, expect, it } from 'vitest';
import { marked, problemsOf } from '../../support/parts/config-file.ts';

/** A pool that is right, for files in which something else is wrong. */
const POOL = 'pools: { rt: { upstreams: [/a.sock] } }\n';

/** The problems of a file whose one route says `text`. */
function inRoute(text: string): readonly string[] {
  return problemsOf(`${POOL}routes:\n  - ${text}\n`);
}

describe('a route', () => {
  it.each([
    ['{ pool: →rtt }', "routes[0].pool: there is no pool 'rtt'; did you mean 'rt'?"],
    ['{ pool: →php }', "routes[0].pool: there is no pool 'php'; expected rt"],
    ['{ pool: rt, path: →static }', "routes[0].path: 'static' does not begin with /"],
    ['{ pool: rt, path: →/a?b }', "routes[0].path: '/a?b': a path has no query; '?' and '#' match nothing"],
    [
      '{ pool: rt, path: →/a/../b }',
      "routes[0].path: '/a/../b': paths are compared without '//', '/./' and '/../'; this one would match nothing",
    ],
    ['{ pool: rt, php: →true }', "routes[0].php: it needs 'root', the directory of the scripts"],
    ['{ pool: rt, root: →www }', "routes[0].root: 'www' must be an absolute path, as the workers see it"],
    ['{ pool: rt, index: →a/b }', "routes[0].index: 'a/b' is not a file name"],
    [
      '{ pool: rt, max_body: →big }',
      "routes[0].max_body: 'big' is not a size: expected bytes, or a number with k, m or g, such as 64k or 100m",
    ],
    ['{ pool: rt, max_response_head: →1 }', "routes[0].max_response_head: '1' is too small: expected at least 1k"],
    ['{ pool: rt, request_buffering: →on }', "routes[0].request_buffering: 'on' is not known; expected true or false"],
    ['→{ path: / }', 'routes[0]: the route leads nowhere; expected one of pool, static, redirect or respond'],
  ])('must make sense: %s', (text, expected) => {
    const { text: file, at } = marked(`${POOL}routes:\n  - ${text}\n`);
    expect(problemsOf(file)).toEqual([`${at}: ${expected}`]);
  });

  it('must not say what parameters no worker could take', () => {
    expect(inRoute(`{ pool: rt, params: { A: ${'x'.repeat(65_527)} } }`)).toEqual([
      'f.yaml:3:30: routes[0].params.A: A takes 65528 bytes; a FastCGI record holds 65527',
    ]);
  });

  it.each([
    ['{ pool: rt, path_regex: "(" }', "path_regex: '(' is not a regular expression: Unterminated group"],
    ['{ pool: rt, path_regex: "" }', 'path_regex: an empty regular expression matches everything; leave the key out instead'],
    [`{ pool: rt, path_regex: ${'a'.repeat(1001)} }`, 'path_regex: the regular expression is longer than 1000 characters'],
    ['{ pool: rt, path: /, path_regex: a }', "path_regex: 'path' and 'path_regex' exclude each other"],
    ['{ pool: rt, path: = /a, final: true }', "final: it is for a 'path' that is a prefix"],
    [
      '{ pool: rt, root: /srv, split_path: "^(.+)$" }',
      "split_path: '^(.+)$' has 1 groups; expected two, the script and what follows it",
    ],
    ['{ pool: rt, split_path: "(.)(.)" }', "split_path: it needs 'root', the directory of the scripts"],
    ['{ pool: rt, host: "a:80" }', "host: 'a:80' is not a host name: expected a name without a port, or *.NAME"],
    ['{ pool: rt, host: "a.*.b" }', "host: 'a.*.b' is not a host name: expected a name without a port, or *.NAME"],
    ['{ pool: rt, method: get }', "method: 'get': methods are told apart by case; did you mean 'GET'?"],
    ['{ pool: rt, method: "A B" }', "method: 'A B' is not a method"],
    ['{ pool: rt, redirect: /x }', "redirect: 'pool' and 'redirect' exclude each other: a route does one thing"],
    ['{ redirect: /x, php: true }', "php: it is for a route with 'pool'"],
    ['{ redirect: /x, index: a }', "index: it is for a route with 'pool' or 'static'"],
    ['{ redirect: { to: /x, status: 200 } }', "redirect.status: '200' does not redirect; expected 301, 302, 303, 307 or 308"],
    ['{ redirect: "a b" }', "redirect: 'a b' is not a URL or a path"],
    ['{ respond: 100 }', "respond: '100' is not a status from 200 to 599"],
    ['{ respond: { headers: { A: "b\\nC: d" } } }', 'respond.headers.A: a header cannot hold line breaks or control characters'],
    ['{ pool: rt, response_headers: { hide: ["a b"] } }', `response_headers.hide[0]: 'a b' is not a header's name`],
    ['{ pool: rt, error_pages: { 404: f.yaml, 4xx: f.yaml } }', 'error_pages.4xx: status 404 has a page already'],
    [
      '{ pool: rt, error_pages: { none: a.html } }',
      "error_pages.none: 'none' is not a status: expected 100 to 599, a range such as 200-299, or 2xx",
    ],
  ])('must make sense in all that it says: %s', (text, expected) => {
    expect(inRoute(text).map((line) => line.replace(/^f\.yaml:\d+:\d+: routes\[0\]\./, ''))).toContain(expected);
  });

  it.each([
    ['params: { A: →$urri }', "params.A: there is no variable $urri; did you mean '$uri'?"],
    ['params: { A: →$1 }', "params.A: there is no group $1 in this route: it has no 'path_regex' with groups"],
    ["path_regex: '^/(a)', params: { A: →$2 }", "params.A: there is no group $2 in this route: its 'path_regex' has 1"],
    ['params: { A: →costs 5$ }', "params.A: 'costs 5$': no variable follows the '$'; write '$$' for a dollar sign"],
    ["path_regex: →'^/(?<uri>a)'", "path_regex: its group 'uri' has the name of a variable"],
    ['response_headers: { set: { A: →$ur } }', "response_headers.set.A: there is no variable $ur; did you mean '$uri'?"],
    [
      'request_headers: { set: { A_B: →x } }',
      "request_headers.set.A_B: 'A_B' cannot be told from another header as a parameter: expected letters, digits and '-'",
    ],
    ['request_headers: { set: { Proxy: →x } }', "request_headers.set.Proxy: 'Proxy' never reaches a worker (httpoxy)"],
    [
      'response_headers: { hide: [→Content-Length] }',
      "response_headers.hide[0]: 'Content-Length' belongs to the connection and cannot be changed",
    ],
    ['response_headers: { set: { A: x, a: →y } }', "response_headers.set.a: 'a' is set already, in other letters"],
    ['error_pages: { 404: →none.html }', `error_pages.404: there is no file '${process.cwd()}/none.html'`],
    [
      "path_regex: →'(a+)+$'",
      "path_regex: the regular expression '(a+)+$' is refused: what it repeats can be read in several ways",
    ],
    [
      "root: /srv, split_path: →'^(.*)(.*)(.*)$'",
      "split_path: the regular expression '^(.*)(.*)(.*)$' is refused: its time can grow with the length of the path to the power of 3",
    ],
    ["path_regex: →'^/(é)'", "path_regex: the regular expression '^/(é)' is refused: 'é': expected ASCII"],
  ])('must say what can be done: %s', (text, expected) => {
    const { text: file, at } = marked(`${POOL}routes:\n  - { ${text}, pool: rt }\n`);
    const [problem, ...others] = problemsOf(file);
    expect(problem?.slice(0, `${at}: routes[0].${expected}`.length)).toBe(`${at}: routes[0].${expected}`);
    expect(others).toEqual([]);
  });

  it('must redirect to what can be filled in', () => {
    const problems = problemsOf(
      `${POOL}routes:\n  - { pool: rt }\n  - { path: /a, redirect: $urri }\n  - { path: /b, redirect: { to: /$1 } }\n`,
    );
    expect(problems).toEqual([
      "f.yaml:4:27: routes[1].redirect: there is no variable $urri; did you mean '$uri'?",
      "f.yaml:5:33: routes[2].redirect.to: there is no group $1 in this route: it has no 'path_regex' with groups",
    ]);
  });

  it('says of the parameters of a pool what is wrong with them as well', () => {
    expect(problemsOf('pools: { rt: { upstreams: [/a], params: { A: $1 } } }\n')).toEqual([
      "f.yaml:1:46: pools.rt.params.A: there is no group $1 in this route: it has no 'path_regex' with groups",
    ]);
  });

  it('is refused when it takes the same requests as another', () => {
    expect(problemsOf(`${POOL}routes:\n  - { pool: rt }\n  - { path: /, pool: rt }\n`)).toEqual([
      'f.yaml:4:5: routes[1]: a route for the same requests is there already, at f.yaml:3:5',
    ]);
    const others = problemsOf(
      `${POOL}routes:\n  - { pool: rt }\n  - { method: GET, pool: rt }\n  - { host: a, pool: rt }\n  - { path_regex: "(", pool: rt }\n`,
    );
    expect(others.join('\n')).not.toContain('same requests');
  });
});
