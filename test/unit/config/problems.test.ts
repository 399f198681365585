// What is said of a file with mistakes in it: where, which key, what was found, what is expected.

import { describe, expect, it } from 'vitest';
import { problemsOf } from '../../support/parts/config-file.ts';

/** A pool that is right, for files in which something else is wrong. */
const POOL = 'pools: { rt: { upstreams: [/a.sock] } }\n';

/** The problems of a file with a pool `rt` that says `text` besides its upstreams. */
function inPool(text: string): readonly string[] {
  return problemsOf(`pools:\n  rt:\n    upstreams: [/a.sock]\n    ${text}\n`);
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
    [
      'listen: [127.0.0.1:80, 0.0.0.0:80]',
      "2:24: listen[1]: '0.0.0.0:80' overlaps '127.0.0.1:80', which is asked for at f.yaml:2:10; one of the two is enough",
    ],
    [
      'listen: 127.0.0.1:80\nadmin: ["[::]:80"]',
      "3:9: admin[0]: '[::]:80' overlaps '127.0.0.1:80', which is asked for at f.yaml:2:9; one of the two is enough",
    ],
    ['listen: [/a, unix:/a]', "2:14: listen[1]: '/a' is asked for already at f.yaml:2:10; one of the two is enough"],
    ['log_level: trace', "2:12: log_level: 'trace' is not known; expected debug or info or warn or error"],
    ['log_format: jsn', "2:13: log_format: 'jsn' is not known; expected json or pretty; did you mean 'json'?"],
    ['temp_dir: /nowhere', "2:11: temp_dir: '/nowhere' is not a directory that can be written to"],
    ['access_log: ""', "2:13: access_log: '' is not a path"],
    ['client: { max_header: 100 }', "2:23: client.max_header: '100' is out of range: expected 1k to 65000 bytes"],
  ])('is explained by those who read it: %s', (text, expected) => {
    expect(problemsOf(`${POOL}${text}\n`)).toEqual([`f.yaml:${expected}`]);
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
