// Text that is no YAML, or YAML meant to harm: a place and a reason, in bounded time and memory.

import { describe, expect, it } from 'vitest';
import { load, problemsOf } from '../../support/parts/config-file.ts';

const POOL = 'pools: { rt: { upstreams: [/a] } }\n';

describe('text that is no YAML', () => {
  it.each([
    ['a: b: c\n', 'f.yaml:1:4: Nested mappings are not allowed in compact mappings'],
    ['pools: [1, 2\nb: 3\n', 'f.yaml:2:1: Flow sequence in block collection must be sufficiently indented and end with a ]'],
    ['pools:\n\trt: 1\n', 'f.yaml:2:1: Tabs are not allowed as indentation'],
    ['a: "b\n', 'f.yaml:2:1: Missing closing "quote'],
    ['a: @b\n', 'f.yaml:1:4: Plain value cannot start with reserved character @'],
    [`${POOL}---\n${POOL}`, 'f.yaml:2:1: a second document begins here; a file holds one'],
    [`${POOL}log_level: !level info\n`, 'f.yaml:2:12: Unresolved tag: !level'],
  ])('%j is refused where it breaks', (text, expected) => {
    expect(problemsOf(text)).toEqual([expected]);
  });

  it('has its lines counted where it cannot be understood', () => {
    expect(problemsOf(': }b\n l:')).toContain('f.yaml:2:3: Unexpected map-value-ind token in YAML stream: ":"');
  });

  it('has every break named', () => {
    expect(problemsOf('a: b: c\nd: @e\n')).toHaveLength(2);
  });
});

describe('YAML of other worlds', () => {
  it('begins with a byte order mark, or has other line ends', () => {
    expect(problemsOf(`\uFEFF${POOL}log_level: x\n`)).toEqual([expect.stringMatching(/^f\.yaml:2:12: log_level/)]);
    expect(problemsOf(`${POOL.trim()}\r\n\r\nlog_level: x\r\n`)).toEqual([expect.stringMatching(/^f\.yaml:3:12: log_level/)]);
  });

  it('has tags that YAML knows', () => {
    expect(load(`${POOL}log_level: !!str info\n`).settings.logLevel).toBe('info');
    expect(problemsOf(`${POOL}log_level: !!binary aW5mbw==\n`)).toHaveLength(1);
  });
});

describe('an alias', () => {
  it('needs an anchor before it', () => {
    expect(problemsOf(`${POOL}log_level: *l\n`)).toEqual(['f.yaml:2:12: log_level: there is no anchor &l before this alias']);
  });

  it('of what it stands in ends', () => {
    expect(problemsOf('pools: &p\n  rt: { upstreams: [/a], queue: *p }\n')).toEqual([
      expect.stringMatching(/^f\.yaml:2:3: pools\.rt\.queue\.rt: unknown key/),
    ]);
    expect(problemsOf('pools: { rt: { upstreams: &u [*u] } }\n')).toEqual([
      expect.stringMatching(/found a list, expected a glob/),
    ]);
  });

  it('brings a mistake once, where it is written', () => {
    expect(problemsOf('pools:\n  rt:\n    upstreams: [/a]\n    timeouts: { connect: &t 7x, send: *t, read: *t }\n')).toEqual([
      expect.stringMatching(/^f\.yaml:4:29: pools\.rt\.timeouts\.connect: '7x' is not a duration/),
    ]);
  });

  it('of aliases of aliases does not stand for billions', () => {
    const upstreams = Array.from({ length: 3000 }, (_, at) => `/run/${at}.sock`).join(', ');
    const pools = Array.from({ length: 3000 }, (_, at) => `  p${at}: *p`).join('\n');
    const began = process.hrtime.bigint();
    expect(problemsOf(`pools:\n  p: &p { upstreams: [${upstreams}] }\n${pools}\n`).join('\n')).toContain(
      'aliases stand for more than 50000 values',
    );
    expect(Number(process.hrtime.bigint() - began) / 1e9).toBeLessThan(20);
  });
});

describe('nesting', () => {
  it.each([
    ['lists', '['.repeat(100_000)],
    ['maps', '{a: '.repeat(50_000)],
    ['dashes', '- '.repeat(50_000)],
    ['question marks', '? '.repeat(50_000)],
    ['indents', Array.from({ length: 200 }, (_, at) => `${' '.repeat(at)}a:`).join('\n')],
  ])('of %s beyond all reason is refused, not run into', (_, text) => {
    expect(problemsOf(text).join('\n')).toMatch(/^f\.yaml:\d+:\d+: more than 32 lists or maps within each other$/);
  });

  it('is taken up to a depth that no configuration has', () => {
    // One level is the map that the key stands in.
    const nested = (depth: number): string => `x: ${'['.repeat(depth - 1)}${']'.repeat(depth - 1)}\n`;
    expect(problemsOf(nested(32)).join('\n')).not.toContain('within each other');
    expect(problemsOf(nested(34)).join('\n')).toContain('more than 32 lists or maps within each other');
  });

  it('is not looked into beyond the size of any configuration', () => {
    expect(problemsOf('#'.repeat(5 * 1024 ** 2))).toEqual([
      'f.yaml:1:1: the file has 5242880 characters; at most 4194304 are read',
    ]);
  });
});
