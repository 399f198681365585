// What is said of mistakes in a pool that only show when its keys are seen together: upstreams,
// probes, secrets.

import { describe, expect, it } from 'vitest';
import { marked, problemsOf } from '../../support/parts/config-file.ts';

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

describe('a pool of HTTP upstreams', () => {
  it.each([
    ['upstreams: [/a, →"http://b"]', 'upstreams[1]: it speaks HTTP, those before it FastCGI; a pool has one kind'],
    [
      'upstreams: ["http+unix:/*", →{ address: a:1 }]',
      'upstreams[1]: it speaks FastCGI, those before it HTTP; a pool has one kind',
    ],
    ['upstreams: ["http://a"], params: →{ A: 1 }', 'params: they are for FastCGI workers; these are HTTP upstreams'],
    [
      'upstreams: ["http://a"], health: { probe: →values }',
      "health.probe: 'values' is for FastCGI workers; these are HTTP upstreams",
    ],
    [
      'upstreams: ["http://a"], health: { probe: request, uri: /p, params: →{ A: b } }',
      'health.params: they are for FastCGI workers; these are HTTP upstreams',
    ],
    [
      'upstreams: [→"http://a/path"]',
      "upstreams[0]: address 'http://a/path': expected http://HOST:PORT and nothing after it; requests keep their own path",
    ],
  ])('is asked for nothing that only FastCGI has: %s', (text, expected) => {
    const { text: file, at } = marked(`pools: { rt: { ${text} } }\n`);
    expect(problemsOf(file)).toEqual([`${at}: pools.rt.${expected}`]);
  });

  it.each(['connect', 'exec, command: [a]', 'request, uri: /p'])('may be probed by %s', (probe) => {
    expect(problemsOf(`pools: { rt: { upstreams: ["http://a", "https://b:1"], health: { probe: ${probe} } } }\n`)).toEqual([]);
  });

  it.each(['root: →/srv', 'index: →a.php', 'params: →{ A: 1 }'])('gets nothing of the kind from a route either: %s', (text) => {
    const { text: file, at } = marked(`pools: { rt: { upstreams: ["http://a"] } }\nroutes: [{ pool: rt, ${text} }]\n`);
    expect(problemsOf(file)).toEqual([
      `${at}: routes[0].${text.split(':')[0]}: it is for FastCGI workers; pool 'rt' has HTTP upstreams`,
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

describe('the secret of sticky cookies', () => {
  const FILES = { '/etc/secret': 'sixteen bytes or more\n', '/etc/short': 'short\n' };
  it.each([
    ['balance: first, sticky_secret_file: →/etc/secret', "it is for 'balance: sticky:COOKIE'"],
    ['sticky_secret_file: →/etc/secret', "it is for 'balance: sticky:COOKIE'"],
    [
      'balance: "sticky:a", sticky_secret_file: →/etc/none',
      'there is no such file; expected the path of a file that holds the secret',
    ],
    [
      'balance: "sticky:a", sticky_secret_file: →/etc/short',
      "'/etc/short': a secret of 5 bytes is too short: expected at least 16 random ones",
    ],
  ])('is in a file, and for them alone: %s', (text, expected) => {
    const { text: file, at } = marked(`pools: { rt: { upstreams: [/a], ${text} } }\n`);
    expect(problemsOf(file, FILES)).toEqual([`${at}: pools.rt.sticky_secret_file: ${expected}`]);
  });

  it('is not blamed when the balancer is misspelt', () => {
    expect(
      problemsOf('pools: { rt: { upstreams: [/a], balance: "stick:a", sticky_secret_file: /etc/secret } }\n', FILES),
    ).toEqual([expect.stringContaining("pools.rt.balance: 'stick:a' is not known")]);
  });
});
