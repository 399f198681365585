// Globs of socket paths: what is one, how it is taken apart, and what it matches.

import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../../src/core/errors.ts';
import { isGlob, parseGlob } from '../../../src/core/glob-pattern.ts';

/** Whether a path would be found: level by level. */
function finds(pattern: string, path: string): boolean {
  const levels = parseGlob(pattern);
  const names = path.split('/').slice(1);
  if (names.length !== levels.length) return false;
  return levels.every((level, index) => {
    const name = names[index] ?? '';
    return level.kind === 'name' ? level.name === name : level.matches(name);
  });
}

describe('isGlob', () => {
  it.each(['/run/*.sock', '/run/rt?.sock', '/run/rt[0-9].sock', '/run/{a,b}.sock', '/run/!(x).sock'])(
    'takes %s for a glob',
    (text) => {
      expect(isGlob(text)).toBe(true);
    },
  );

  it.each(['/run/rt1.sock', '/run/rt@1,2.sock', '/run/rt-fastcgi@1.socket', '/run/a b+c=d~e%f:g.sock'])(
    'takes %s for a plain path',
    (text) => {
      expect(isGlob(text)).toBe(false);
    },
  );
});

describe('parseGlob', () => {
  it('takes a pattern apart into fixed names and matchers', () => {
    expect(parseGlob('/run/rt*/w.sock').map((level) => (level.kind === 'name' ? level.name : level.kind))).toEqual([
      'run',
      'match',
      'w.sock',
    ]);
    expect(parseGlob('//run///*.sock')).toHaveLength(2);
  });

  it.each([
    ['/run/rt*.sock', '/run/rt1.sock', true],
    ['/run/rt*.sock', '/run/rt.sock', true],
    ['/run/rt*.sock', '/run/xrt1.sock', false],
    ['/run/rt*.sock', '/run/rt1.sock.new', false],
    ['/run/rt*.sock', '/run/RT1.sock', false],
    ['/run/rt*.sock', '/run/rt1xsock', false],
    ['/run/*', '/run/a', true],
    ['/run/*', '/run/.hidden', false],
    ['/run/.*', '/run/.hidden', true],
    ['/run/rt?.sock', '/run/rt1.sock', true],
    ['/run/rt?.sock', '/run/rt12.sock', false],
    ['/run/rt[0-3].sock', '/run/rt3.sock', true],
    ['/run/rt[0-3].sock', '/run/rt4.sock', false],
    ['/run/rt[!0-3].sock', '/run/rt4.sock', true],
    ['/run/rt[!0-3].sock', '/run/rt3.sock', false],
    ['/run/rt[[:digit:]].sock', '/run/rt7.sock', true],
    ['/run/rt[[:digit:]].sock', '/run/rtx.sock', false],
    ['/run/{rt,php}*.sock', '/run/php1.sock', true],
    ['/run/{rt,php}*.sock', '/run/x1.sock', false],
    ['/run/{1..3}.sock', '/run/2.sock', true],
    ['/run/a*/b*.sock', '/run/a1/b2.sock', true],
    ['/run/a*/b*.sock', '/run/a1/c2.sock', false],
    ['/run/*.sock', '/run/x/y.sock', false],
  ])('%s finds %s: %s', (pattern, path, expected) => {
    expect(finds(pattern, path)).toBe(expected);
  });

  it('refuses a pattern that is not absolute, and one that would watch a whole tree', () => {
    expect(() => parseGlob('rt*.sock')).toThrow(new ConfigError("glob 'rt*.sock' must be an absolute path"));
    expect(() => parseGlob('/run/**/w.sock')).toThrow(
      new ConfigError("glob '/run/**/w.sock': '**' is not supported; name the directory"),
    );
  });

  it('refuses braces around a slash, which would match nothing, level by level', () => {
    expect(() => parseGlob('/run/{a/1,b/2}.sock')).toThrow(
      new ConfigError("glob '/run/{a/1,b/2}.sock': braces must open and close within one name"),
    );
  });
});
