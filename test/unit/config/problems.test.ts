// What is said of a file with mistakes in it: where, which key, what was found, what is expected.

import { describe, expect, it } from 'vitest';
import { problemsOf } from '../support/config-file.ts';

/** A pool that is right, for files in which something else is wrong. */
const POOL = 'pools: { rt: { upstreams: [/a.sock] } }\n';

/** A text without the mark in it, and where the mark was: the place that a message must name. */
function marked(text: string): { readonly text: string; readonly at: string } {
  const before = text.slice(0, text.indexOf('→')).split('\n');
  return { text: text.replace('→', ''), at: `f.yaml:${before.length}:${(before.at(-1) ?? '').length + 1}` };
}

/** The problems of a file with a pool `rt` that says `text` besides its upstreams. */
function inPool(text: string): readonly string[] {
  return problemsOf(`pools:\n  rt:\n    upstreams: [/a.sock]\n    ${text}\n`);
}

/** The problems of a file whose one route says `text`. */
function inRoute(text: string): readonly string[] {
  return problemsOf(`${POOL}routes:\n  - ${text}\n`);
}

describe('an unknown key', () => {
  it('is taken for the one that was meant', () => {
    expect(inPool('queue: { sizee: 4 }')).toEqual(["f.yaml:4:14: pools.rt.queue.sizee: unknown key; did you mean 'size'?"]);
    expect(inPool('max-conns: 4')).toEqual(["f.yaml:4:5: pools.rt.max-conns: unknown key; did you mean 'max_conns'?"]);
  });

  it('is sent to where it belongs', () => {
    expect(problemsOf(`${POOL}balance: first\n`)).toEqual(['f.yaml:2:1: balance: unknown key; it belongs under pools.NAME']);
    expect(problemsOf(`${POOL}max_body: 1m\n`)).toEqual(['f.yaml:2:1: max_body: unknown key; it belongs under routes[]']);
    expect(inPool('listen: a:1')).toEqual(['f.yaml:4:5: pools.rt.listen: unknown key; it belongs under the top']);
    expect(inPool('weight: 3')).toEqual(['f.yaml:4:5: pools.rt.weight: unknown key; it belongs under pools.NAME.upstreams[]']);
  });

  it('is told which keys there are, when it resembles none', () => {
    expect(inPool('queue: { zzz: 4 }')).toEqual(['f.yaml:4:14: pools.rt.queue.zzz: unknown key; expected size or timeout']);
  });

  it('is quoted when it is no plain word, and shortened when it is long', () => {
    expect(inPool('queue: { "a b": 4 }')).toEqual(['f.yaml:4:14: pools.rt.queue["a b"]: unknown key; expected size or timeout']);
    expect(inPool(`queue: { ${'k'.repeat(100)}: 4 }`)).toEqual([
      `f.yaml:4:14: pools.rt.queue["${'k'.repeat(61)}..."]: unknown key; expected size or timeout`,
    ]);
  });

  it('is nothing that objects have anyway', () => {
    expect(problemsOf(`${POOL}__proto__: {}\nconstructor: 1\n`)).toEqual([
      expect.stringMatching(/^f\.yaml:2:1: __proto__: unknown key; expected include, /),
      expect.stringMatching(/^f\.yaml:3:1: constructor: unknown key; expected include, /),
    ]);
  });
});

describe('a key', () => {
  it('that is given twice is told where it was first', () => {
    expect(problemsOf(`${POOL}log_level: info\nlog_level: warn\n`)).toEqual([
      'f.yaml:3:1: log_level: the key is there already, at f.yaml:2:1',
    ]);
    expect(problemsOf('pools:\n  rt: { upstreams: [/a] }\n  rt: { upstreams: [/b] }\n')).toEqual([
      'f.yaml:3:3: pools.rt: the key is there already, at f.yaml:2:3',
    ]);
  });

  it('that is no name is refused', () => {
    expect(problemsOf(`${POOL}[a]: 1\n`)).toEqual(['f.yaml:2:1: found a list as a key, expected a name']);
    expect(inPool('queue: { ~: 1 }')).toEqual(['f.yaml:4:14: pools.rt.queue: found nothing as a key, expected a name']);
  });

  it('that would merge another map is refused', () => {
    expect(inPool('<<: { balance: first }')).toEqual([
      'f.yaml:4:5: pools.rt.<<: keys are not merged into a map; an alias can stand for a whole value'.replace('.<<', '["<<"]'),
    ]);
  });

  it('that names a pool, a parameter or a header is held against what such names may be', () => {
    expect(problemsOf(`${POOL.replace(' } }', ' }, "a b": { upstreams: [/a] } }')}`)).toEqual([
      `f.yaml:1:40: pools["a b"]: 'a b' is not a pool's name: up to 64 letters, digits, '.', '_' and '-'`,
    ]);
    expect(inPool('params: { A-B: 1 }')).toEqual([
      "f.yaml:4:15: pools.rt.params.A-B: 'A-B' is not a parameter's name: letters, digits and '_'",
    ]);
    expect(inPool('health: { probe: request, uri: /p, expect: { headers: { "a b": c } } }')).toEqual([
      `f.yaml:4:61: pools.rt.health.expect.headers["a b"]: 'a b' is not a header's name`,
    ]);
  });
});

describe('a value of the wrong form', () => {
  it.each([
    ['queue: 5', "f.yaml:4:12: pools.rt.queue: found '5', expected a map with size or timeout"],
    ['queue: [5]', 'f.yaml:4:12: pools.rt.queue: found a list, expected a map with size or timeout'],
    ['queue:', 'f.yaml:4:5: pools.rt.queue: found nothing, expected a map with size or timeout'],
    ['max_conns: ~', 'f.yaml:4:5: pools.rt.max_conns: found nothing, expected auto, unlimited or a number'],
    ['max_conns: {}', 'f.yaml:4:16: pools.rt.max_conns: found a map, expected auto, unlimited or a number'],
    ['retry: { on: connect }', "f.yaml:4:18: pools.rt.retry.on: found 'connect', expected a list of connect, busy, closed"],
    ['params: { A: [1] }', 'f.yaml:4:18: pools.rt.params.A: found a list, expected text'],
    ['passive: []', 'f.yaml:4:14: pools.rt.passive: found a list, expected off, or a map with max_fails'],
    ['health: { probe: exec, command: run }', "f.yaml:4:37: pools.rt.health.command: found 'run', expected a list of text"],
  ])('is told what is expected: %s', (text, expected) => {
    const problems = inPool(text);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(new RegExp(`^${expected.replace(/[[\]().*+?{}|]/g, '\\$&')}`));
  });

  it('is shown, but not at any length', () => {
    expect(inPool(`queue: ${'x'.repeat(200)}`)).toEqual([
      `f.yaml:4:12: pools.rt.queue: found '${'x'.repeat(57)}...', expected a map with size or timeout`,
    ]);
  });

  it('is quoted by those who read it, but not at any length either', () => {
    const [line] = problemsOf(`${POOL}log_level: ${'x'.repeat(10_000)}\n`);
    expect(line).toBe(`f.yaml:2:12: log_level: '${'x'.repeat(496)}...`);
  });

  it('is shown without what a terminal would obey', () => {
    expect(inPool('queue: "\\e[2Ja\\nb"')).toEqual([
      "f.yaml:4:12: pools.rt.queue: found '\\x1b[2Ja\\x0ab', expected a map with size or timeout",
    ]);
  });

  it('may be the whole file', () => {
    expect(problemsOf('- a\n')).toEqual([expect.stringMatching(/^f\.yaml:1:1: found a list, expected a map with include, /)]);
    expect(problemsOf('words')).toEqual([expect.stringMatching(/^f\.yaml:1:1: found 'words', expected a map with include, /)]);
  });
});

describe('a value that makes no sense', () => {
  const SOON = 'is not a duration: expected a number with ms, s, m, h or d, such as 500ms or 30s (at most 24d)';
  it.each([
    ['queue: { timeout: soon }', `4:23: pools.rt.queue.timeout: 'soon' ${SOON}`],
    ['queue: { timeout: -5s }', `4:23: pools.rt.queue.timeout: '-5s' ${SOON}`],
    ['queue: { size: 1.5 }', "4:20: pools.rt.queue.size: '1.5' is not a whole number of at least 0"],
    ['queue: { size: 0x10 }', "4:20: pools.rt.queue.size: '0x10' is not a whole number of at least 0"],
    ['timeouts: { read: 0 }', "4:23: pools.rt.timeouts.read: '0' is no limit: expected at least 1ms"],
    ['max_conns: many', "4:16: pools.rt.max_conns: 'many' is not a whole number of at least 1"],
    ['keepalive: on', `4:16: pools.rt.keepalive: 'on' ${SOON}`],
    ['retry: { attempts: 0 }', "4:24: pools.rt.retry.attempts: '0' is not a whole number of at least 1"],
    ['retry: { non_idempotent: yes }', "4:30: pools.rt.retry.non_idempotent: 'yes' is not known; expected true or false"],
    [
      'retry: { budget: 200% }',
      "4:22: pools.rt.retry.budget: '200%' is not a share: expected a percentage up to 100%, or a number from 0 to 1, such as 20% or 0.2",
    ],
    [
      'passive: { on: [refuse] }',
      "4:21: pools.rt.passive.on[0]: 'refuse' is not known; expected refused or closed or timeout or invalid_header or http_5xx; did you mean 'refused'?",
    ],
    ['passive: of', "4:14: pools.rt.passive: 'of' is not known; expected off; did you mean 'off'?"],
    [
      'health: { probe: http }',
      "4:22: pools.rt.health.probe: 'http' is not known; expected connect or values or request or exec",
    ],
    [
      'health: { probe: request, uri: ping }',
      "4:36: pools.rt.health.uri: 'ping' cannot be asked for: expected a path that begins with /, other characters as %XX",
    ],
    [
      'health: { probe: request, uri: /p, expect: { status: 99 } }',
      "4:58: pools.rt.health.expect.status: '99' is not a status: expected 100 to 599, a range such as 200-299, or 2xx",
    ],
    [
      'health: { probe: request, uri: /p, expect: { status: [200, 300-200] } }',
      "4:64: pools.rt.health.expect.status[1]: '300-200' is not a status: expected 100 to 599, a range such as 200-299, or 2xx",
    ],
    [
      'health: { probe: request, uri: /p, expect: { body: "/(/" } }',
      "4:56: pools.rt.health.expect.body: '(' is not a regular expression: Unterminated group",
    ],
    [
      'health: { probe: request, uri: /p, expect: { body: "" } }',
      "4:56: pools.rt.health.expect.body: '' is in every text; leave the key out instead",
    ],
  ])('is explained by those who read it: %s', (text, expected) => {
    expect(inPool(text)).toEqual([`f.yaml:${expected}`]);
  });

  it.each([
    ['listen: nowhere', "2:9: listen: address 'nowhere': expected HOST:PORT, [IPV6]:PORT, /PATH or unix:/PATH"],
    ['listen: [a:1, b]', "2:15: listen[1]: address 'b': expected HOST:PORT, [IPV6]:PORT, /PATH or unix:/PATH"],
    ['listen: []', '2:9: listen: found an empty list, expected at least 1'],
    [`listen: /${'x'.repeat(120)}`, `2:9: listen: socket path /${'x'.repeat(120)} is 121 bytes long; unix sockets allow 107`],
    ['admin: [off]', "2:9: admin[0]: address 'off': expected HOST:PORT, [IPV6]:PORT, /PATH or unix:/PATH"],
    ['log_level: trace', "2:12: log_level: 'trace' is not known; expected debug or info or warn or error"],
    ['log_format: jsn', "2:13: log_format: 'jsn' is not known; expected json or pretty; did you mean 'json'?"],
    ['temp_dir: /nowhere', "2:11: temp_dir: '/nowhere' is not a directory that can be written to"],
    ['access_log: ""', "2:13: access_log: '' is not a path"],
    ['client: { max_header: 100 }', "2:23: client.max_header: '100' is out of range: expected 1k to 65000 bytes"],
  ])('is explained by those who read it: %s', (text, expected) => {
    expect(problemsOf(`${POOL}${text}\n`)).toEqual([`f.yaml:${expected}`]);
  });
});

describe('an upstream', () => {
  it.each([
    ['[→nonsense]', "pools.rt.upstreams[0]: address 'nonsense': expected HOST:PORT, [IPV6]:PORT, /PATH or unix:/PATH"],
    ['[→"/run/**/a.sock"]', "pools.rt.upstreams[0]: glob '/run/**/a.sock': '**' is not supported; name the directory"],
    ['[{ address: /a, →wieght: 3 }]', "pools.rt.upstreams[0].wieght: unknown key; did you mean 'weight'?"],
    ['[{ address: /a, weight: →0 }]', "pools.rt.upstreams[0].weight: '0' is not a whole number of at least 1"],
    ['[→{ weight: 2 }]', "pools.rt.upstreams[0]: 'address' is missing; expected a glob of socket paths, a path or HOST:PORT"],
    ['[/a, /b, →unix:/a]', 'pools.rt.upstreams[2]: /a is in this pool already, at HERE'],
    ['[/a, →{ address: /a }]', 'pools.rt.upstreams[1]: /a is in this pool already, at HERE'],
    ['→/a', "pools.rt.upstreams: found '/a', expected a list"],
    ['→[]', 'pools.rt.upstreams: found an empty list, expected at least 1'],
    [
      '[→[/a]]',
      'pools.rt.upstreams[0]: found a list, expected a glob of socket paths, a path or HOST:PORT, or a map with address, weight, max_conns, backup, down or slow_start',
    ],
    [
      '[→~]',
      'pools.rt.upstreams[0]: found nothing, expected a glob of socket paths, a path or HOST:PORT, or a map with address, weight, max_conns, backup, down or slow_start',
    ],
  ])('must be one: %s', (text, expected) => {
    const { text: file, at } = marked(`pools:\n  rt: { upstreams: ${text} }\n`);
    expect(problemsOf(file)).toEqual([`${at}: ${expected.replaceAll('HERE', 'f.yaml:2:21')}`]);
  });

  it('must be there', () => {
    expect(problemsOf('pools:\n  rt: { balance: first }\n')).toEqual([
      "f.yaml:2:3: pools.rt: 'upstreams' is missing; expected a list",
    ]);
  });
});

describe('a probe', () => {
  it.each([
    ['{ probe: →request }', "pools.rt.health.probe: 'probe: request' needs 'uri', such as /ping"],
    ['{ probe: →exec }', "pools.rt.health.probe: 'probe: exec' needs 'command', a list: [PROGRAM, ARGUMENT...]"],
    ['{ probe: exec, command: →[] }', 'pools.rt.health.command: found an empty list, expected at least 1'],
    ['{ interval: 5s }', "pools.rt.health: 'probe' is missing; expected connect, values, request or exec"],
    ['{ probe: connect, uri: →/ping }', "pools.rt.health.uri: it is for 'probe: request'; this is 'probe: connect'"],
    ['{ probe: values, command: →[a] }', "pools.rt.health.command: it is for 'probe: exec'; this is 'probe: values'"],
    ['{ probe: exec, command: [a], method: →GET }', "pools.rt.health.method: it is for 'probe: request'; this is 'probe: exec'"],
    ['{ probe: request, uri: /p, params: { A: →$uri } }', "pools.rt.health.params.A: '$uri': a probe has no variables"],
  ])('has what it needs, and nothing for another kind: %s', (text, expected) => {
    // Where the key is, unless a part of the value is at fault.
    const whole = text.includes('→') ? '' : '→';
    const { text: file, at } = marked(`pools:\n  rt:\n    upstreams: [/a.sock]\n    ${whole}health: ${text}\n`);
    expect(problemsOf(file)).toEqual([`${at}: ${expected}`]);
  });
});

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
    ['{ pool: rt, error_pages: { 404: a.html, 4xx: b.html } }', 'error_pages.4xx: status 404 has a page already'],
    [
      '{ pool: rt, error_pages: { none: a.html } }',
      "error_pages.none: 'none' is not a status: expected 100 to 599, a range such as 200-299, or 2xx",
    ],
  ])('must make sense in what cannot be served yet as well: %s', (text, expected) => {
    expect(inRoute(text).map((line) => line.replace(/^f\.yaml:\d+:\d+: routes\[0\]\./, ''))).toContain(expected);
  });

  it.each([
    ['host: →a.example', 'routes[0].host: this is not supported yet'],
    ['path_regex: →a', 'routes[0].path_regex: this is not supported yet'],
    ['final: →false', 'routes[0].final: this is not supported yet'],
    ['method: →GET', 'routes[0].method: this is not supported yet'],
    ['strip_prefix: →/a', 'routes[0].strip_prefix: this is not supported yet'],
    ['request_headers: →{}', 'routes[0].request_headers: this is not supported yet'],
    ['response_headers: →{}', 'routes[0].response_headers: this is not supported yet'],
    ['error_pages: →{}', 'routes[0].error_pages: this is not supported yet'],
    ['path: →/a/', "routes[0].path: paths other than '/' are not supported yet"],
    ['path: →= /', "routes[0].path: paths other than '/' are not supported yet"],
    ['params: { A: →$uri }', "routes[0].params.A: '$uri': variables are not supported yet"],
  ])('is refused, not half obeyed, while the program cannot: %s', (text, expected) => {
    const { text: file, at } = marked(`${POOL}routes:\n  - { ${text}, pool: rt }\n`);
    expect(problemsOf(file)).toEqual([`${at}: ${expected}`]);
  });

  it.each([
    ['{ static: →/srv }', 'routes[0].static'],
    ['{ redirect: →/x }', 'routes[0].redirect'],
    ['{ respond: →204 }', 'routes[0].respond'],
  ])('is refused, not half obeyed, while the program cannot: %s', (text, path) => {
    const { text: file, at } = marked(`${POOL}routes:\n  - { pool: rt }\n  - ${text}\n`);
    expect(problemsOf(file)).toContain(`${at}: ${path.replace('0', '1')}: this is not supported yet`);
  });

  it('is refused when it takes the same requests as another', () => {
    expect(problemsOf(`${POOL}routes:\n  - { pool: rt }\n  - { path: /, pool: rt }\n`)).toEqual([
      'f.yaml:4:5: routes[1]: a route for the same requests is there already, at f.yaml:3:5',
      'f.yaml:4:5: routes[1]: more than one route is not supported yet',
    ]);
    const others = problemsOf(
      `${POOL}routes:\n  - { pool: rt }\n  - { method: GET, pool: rt }\n  - { host: a, pool: rt }\n  - { path_regex: "(", pool: rt }\n`,
    );
    expect(others.join('\n')).not.toContain('same requests');
  });
});

describe('a file as a whole', () => {
  it.each(['', '# nothing\n', '---\n', '{}', 'pools: {}\n', 'log_level: info\n'])('needs a pool: %j', (text) => {
    expect(problemsOf(text)).toEqual([
      "f.yaml:1:1: there are no pools; expected at least 'pools: { NAME: { upstreams: [...] } }'",
    ]);
  });

  it('needs routes when there are several pools', () => {
    expect(problemsOf('pools:\n  a: { upstreams: [/a] }\n  b: { upstreams: [/b] }\n')).toEqual([
      "f.yaml:1:1: there are 2 pools, but no 'routes' that say which requests go where",
    ]);
  });

  it('cannot have routes and then none', () => {
    expect(problemsOf('routes: []\n')).toEqual(['f.yaml:1:9: routes: found an empty list, expected at least 1']);
  });

  it('leads to every pool', () => {
    expect(problemsOf('pools:\n  a: { upstreams: [/a] }\n  b: { upstreams: [/b] }\nroutes: [{ pool: b }]\n')).toEqual([
      'f.yaml:2:3: pools.a: no route leads to this pool',
    ]);
  });

  it('is not blamed for what follows from another mistake', () => {
    expect(problemsOf('pools:\n  a: { upstream: [/a] }\nroutes: [{ pool: a }]\n')).toEqual([
      "f.yaml:2:3: pools.a: 'upstreams' is missing; expected a list",
      "f.yaml:2:8: pools.a.upstream: unknown key; did you mean 'upstreams'?",
    ]);
    expect(problemsOf('pools:\n  a: 5\nroutes: [{ pool: a }]\n')).toHaveLength(1);
    expect(problemsOf('pools:\n  a: { upstreams: [/a] }\nroutes: [{ pool: [a] }]\n')).toHaveLength(1);
    expect(problemsOf('pools: 5\n')).toHaveLength(1);
  });

  it('has all its mistakes named at once, from the top down', () => {
    const problems = problemsOf(
      ['listen: x', 'log_level: y', 'pools:', '  a: { upstreams: [], balance: z }', 'routes: [{ pool: b, max_body: q }]'].join(
        '\n',
      ),
    );
    expect(problems.map((line) => line.split(': ').slice(0, 2).join(' '))).toEqual([
      'f.yaml:1:9 listen',
      'f.yaml:2:12 log_level',
      'f.yaml:4:19 pools.a.upstreams',
      'f.yaml:4:32 pools.a.balance',
      'f.yaml:5:18 routes[0].pool',
      'f.yaml:5:31 routes[0].max_body',
    ]);
  });
});

describe('a variable', () => {
  it('that is not set is an error where it stands', () => {
    const message = 'environment variable NONE is not set; set it, or give a default with ${NONE:-...}';
    expect(problemsOf('pools:\n  rt: { upstreams: ["/run/${NONE}/a"] }')).toEqual([
      `f.yaml:2:27: pools.rt.upstreams[0]: ${message}`,
    ]);
    expect(problemsOf(`${POOL}temp_dir: \${NONE}\n`)).toEqual([`f.yaml:2:11: temp_dir: ${message}`]);
    expect(problemsOf(`${POOL}routes:\n  - pool: rt\n    params:\n      A: |\n        text\n        b \${NONE}\n`)).toEqual([
      `f.yaml:7:11: routes[0].params.A: ${message}`,
    ]);
  });

  it('is filled in before the value is read', () => {
    const text = 'pools: { rt: { upstreams: ["${DIR:-/run}/a.sock"], queue: { size: "${SIZE}" } } }';
    expect(problemsOf(text, {}, { SIZE: '7' })).toEqual([]);
    expect(problemsOf(text, {}, { SIZE: 'x' })).toEqual([
      "f.yaml:1:67: pools.rt.queue.size: 'x' is not a whole number of at least 0",
    ]);
  });

  it('brings in text, never keys', () => {
    expect(problemsOf(`${POOL}log_level: \${LEVEL}\n`, {}, { LEVEL: 'info\nadmin: off' })).toEqual([
      expect.stringMatching(/^f\.yaml:2:12: log_level: 'info\\x0aadmin: off' is not known/),
    ]);
  });
});
