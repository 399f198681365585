// Good configuration files with random damage: checking them never crashes, and never refuses one
// without saying where and why.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { formOf, type Shape, shapeOf } from '../../src/config/schema/build.ts';
import { FILE } from '../../src/config/schema/file.ts';
import { examine, FULL, SEEDS } from '../support/fuzz/config.ts';

/** As a file, and as one that another includes. */
function outcomeOf(text: string): 'good' | 'bad' {
  const found = [...examine(text), ...examine('include: d/1.yaml\n', text)];
  return found.length === 0 ? 'good' : 'bad';
}

/** Pieces that mean something to YAML, to variables, or to one of the values. */
const PIECE = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      ...':,[]{}&*!|>\'"%@`#-?~<\n\t $\0\u2028'.split(''),
      '<<',
      '${',
      '}',
      '\r\n',
      '---\n',
      '...',
      '&t',
      '*t',
      '*pool',
      '!!binary ',
      '? ',
    ),
  },
  fc.constantFrom(
    '0',
    '-1',
    '9999999999',
    '1e999',
    '.nan',
    '0x',
    '30s',
    '200%',
    'null',
    'off',
    'true',
    '__proto__: ',
    'constructor',
    '/',
    '//',
    '(',
    '**',
    'unix:',
  ),
  fc.constantFrom(
    'pools:\n',
    '  rt:\n',
    'upstreams: ',
    'routes: ',
    'include: f.yaml\n',
    'include: [d/1.yaml]\n',
    '${HOME}',
    '${NONE}',
    '${A:-b}',
  ),
  fc.string({ unit: 'binary', maxLength: 4 }),
);

type Damage =
  | { readonly kind: 'insert'; readonly at: number; readonly piece: string }
  | { readonly kind: 'delete'; readonly at: number; readonly length: number }
  | { readonly kind: 'replace'; readonly at: number; readonly piece: string }
  | { readonly kind: 'copy'; readonly from: number; readonly length: number; readonly at: number }
  | { readonly kind: 'swap lines'; readonly a: number; readonly b: number };

const place = fc.nat({ max: 4000 });
const DAMAGE: fc.Arbitrary<Damage> = fc.oneof(
  fc.record({ kind: fc.constant('insert' as const), at: place, piece: PIECE }),
  fc.record({ kind: fc.constant('delete' as const), at: place, length: fc.integer({ min: 1, max: 40 }) }),
  fc.record({ kind: fc.constant('replace' as const), at: place, piece: PIECE }),
  fc.record({ kind: fc.constant('copy' as const), from: place, length: fc.integer({ min: 1, max: 80 }), at: place }),
  fc.record({ kind: fc.constant('swap lines' as const), a: place, b: place }),
);

function damaged(text: string, damage: Damage): string {
  const at = (position: number): number => position % (text.length + 1);
  switch (damage.kind) {
    case 'insert':
      return text.slice(0, at(damage.at)) + damage.piece + text.slice(at(damage.at));
    case 'delete':
      return text.slice(0, at(damage.at)) + text.slice(at(damage.at) + damage.length);
    case 'replace':
      return text.slice(0, at(damage.at)) + damage.piece + text.slice(at(damage.at) + damage.piece.length);
    case 'copy': {
      const copied = text.slice(at(damage.from), at(damage.from) + damage.length);
      return text.slice(0, at(damage.at)) + copied + text.slice(at(damage.at));
    }
    case 'swap lines': {
      const lines = text.split('\n');
      const [a, b] = [damage.a % lines.length, damage.b % lines.length];
      return lines.map((line, index) => (index === a ? (lines[b] ?? '') : index === b ? (lines[a] ?? '') : line)).join('\n');
    }
  }
}

/** Values that somebody might write, or would not. */
const VALUE = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      '',
      ' ',
      '0',
      '-1',
      'off',
      'auto',
      '/',
      '//a',
      '$',
      '$uri',
      '${HOME}',
      '${',
      '1e9',
      '99999999999999999999',
    ),
  },
  fc.constantFrom<unknown>(
    null,
    true,
    false,
    0,
    -1,
    1.5,
    1e300,
    [],
    {},
    [[]],
    [null],
    { a: { b: [] } },
    { '': '' },
    { constructor: 1 },
  ),
  fc.string({ unit: 'binary', maxLength: 12 }),
  fc.constantFrom(
    'x'.repeat(5000),
    '/'.repeat(5000),
    '*'.repeat(300),
    `(${'a*'.repeat(50)})*`,
    '[',
    '\\',
    '(?<n>a)\\k<n>',
    '^(a|b)(c)$',
  ),
);

/** Without a `$`, which is another thing in what is written out. */
const TEXT = fc
  .oneof(
    fc.constantFrom(
      '30s',
      '/run/a.sock',
      'a: b',
      '"',
      "'",
      '}, {',
      '# no',
      '- x',
      '\n',
      'off',
      '!!int 3',
      '&a',
      '*t',
      '1.10',
      'null',
      '[a, b]',
    ),
    fc.string({ unit: 'binary', maxLength: 8 }),
  )
  .filter((text) => !text.includes('$'));

describe('a configuration file with damage', { timeout: 60_000 }, () => {
  it('was a good one before', () => {
    for (const seed of SEEDS) expect(examine(seed)).toEqual([]);
  });

  it('has every key of the schema, so that none is left out', () => {
    const keys = new Set(keysIn(parse(FULL, { maxAliasCount: -1 })));
    expect(keysOf(shapeOf(FILE)).filter((key) => !keys.has(key))).toEqual([]);
  });

  it('is served or refused, and a refusal says where and why', () => {
    const outcomes = { good: 0, bad: 0 };
    fc.assert(
      fc.property(fc.constantFrom(...SEEDS), fc.array(DAMAGE, { minLength: 1, maxLength: 6 }), (seed, damages) => {
        outcomes[outcomeOf(damages.reduce(damaged, seed))] += 1;
      }),
      { numRuns: 300 },
    );
    // Damage that is too small or too great would show nothing.
    expect(outcomes.good).toBeGreaterThan(0);
    expect(outcomes.bad).toBeGreaterThan(100);
  });

  it('may be any text at all', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary' }),
          fc.array(PIECE, { maxLength: 30 }).map((pieces) => pieces.join('')),
        ),
        (text) => {
          outcomeOf(text);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('may be any JSON, at any of the keys', () => {
    const key = fc.constantFrom(
      'pools',
      'rt',
      'routes',
      'upstreams',
      'queue',
      'retry',
      'on',
      'health',
      'expect',
      'status',
      'params',
      'include',
      'listen',
      'path',
      'x',
    );
    const { tree } = fc.letrec((tie) => ({
      leaf: fc.oneof(
        fc.constant(null),
        fc.boolean(),
        fc.double(),
        fc.string(),
        fc.constantFrom('/a.sock', 'rt', '30s', '${A', 'off'),
      ),
      tree: fc.oneof(
        { maxDepth: 5, withCrossShrink: true },
        tie('leaf'),
        fc.array(tie('tree'), { maxLength: 3 }),
        fc.dictionary(key, tie('tree'), { maxKeys: 4 }),
      ),
    }));
    fc.assert(
      fc.property(fc.dictionary(key, tree, { minKeys: 1 }), (file) => {
        outcomeOf(JSON.stringify(file));
      }),
      { numRuns: 300 },
    );
  });

  it('may have any value in the place of any of its values', () => {
    const tree: unknown = parse(FULL, { maxAliasCount: -1 });
    const places = pathsIn(tree);
    const outcomes = { good: 0, bad: 0 };
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom(...places), VALUE), { minLength: 1, maxLength: 3 }), (changes) => {
        const file = changes.reduce((so, [path, value]) => withValue(so, path, value), tree);
        outcomes[outcomeOf(JSON.stringify(file, undefined, 1))] += 1;
      }),
      { numRuns: 300 },
    );
    expect(outcomes.bad).toBeGreaterThan(100);
  });

  it('may be two, one including the other, with damage to both', () => {
    const [pools, rest] = [FULL.slice(FULL.indexOf('pools:'), FULL.indexOf('routes:')), FULL.slice(FULL.indexOf('routes:'))];
    const head = FULL.slice(0, FULL.indexOf('pools:'));
    expect(examine(head + rest, pools)).toEqual([]);
    const damages = fc.array(DAMAGE, { maxLength: 3 });
    fc.assert(
      fc.property(damages, damages, (one, other) => {
        examine(one.reduce(damaged, head + rest), other.reduce(damaged, pools));
      }),
      { numRuns: 200 },
    );
  });
});

describe('a variable of the environment', { timeout: 60_000 }, () => {
  it('means the same as what it brings, written out in its place, whatever that is', () => {
    const tree: unknown = parse(FULL, { maxAliasCount: -1 });
    const texts = pathsIn(tree).filter((path) => typeof valueAt(tree, path) === 'string' && path[0] !== 'include');
    fc.assert(
      fc.property(fc.constantFrom(...texts), TEXT, (path, text) => {
        const by = (value: string): string => JSON.stringify(withValue(tree, path, value), undefined, 1);
        const filled = examine(by('${V}'), '{}', { HOME: '/root', V: text });
        const written = examine(by(text), '{}', { HOME: '/root' });
        expect(filled.map(({ message }) => message)).toEqual(written.map(({ message }) => message));
      }),
      { numRuns: 400 },
    );
  });
});

type Path = readonly (string | number)[];

/** The way to every value of a tree. */
function pathsIn(tree: unknown, path: Path = []): Path[] {
  if (tree === null || typeof tree !== 'object') return [path];
  const entries = Array.isArray(tree) ? [...tree.entries()] : Object.entries(tree);
  return [...(path.length === 0 ? [] : [path]), ...entries.flatMap(([key, value]) => pathsIn(value, [...path, key]))];
}

function valueAt(tree: unknown, path: Path): unknown {
  return path.reduce((at, key) => (at as Record<string | number, unknown>)[key], tree);
}

/** A copy of a tree with a value put in. */
function withValue(tree: unknown, [key, ...rest]: Path, value: unknown): unknown {
  if (key === undefined) return value;
  if (Array.isArray(tree)) return tree.map((item: unknown, index) => (index === key ? withValue(item, rest, value) : item));
  const object = tree !== null && typeof tree === 'object' ? (tree as Record<string, unknown>) : {};
  return { ...object, [key]: withValue(object[key], rest, value) };
}

function keysIn(tree: unknown): string[] {
  if (Array.isArray(tree)) return tree.flatMap(keysIn);
  if (tree === null || typeof tree !== 'object') return [];
  return Object.entries(tree).flatMap(([key, value]) => [key, ...keysIn(value)]);
}

/** The keys that the schema knows, at whichever level. */
function keysOf(shape: Shape): string[] {
  if (formOf(shape) === 'value') return [];
  const { properties = {}, additionalProperties: named, items, anyOf = [] } = shape;
  const below = [...Object.values(properties), ...anyOf, ...(named ? [named] : []), ...(items === undefined ? [] : [items])];
  return [...Object.keys(properties), ...below.flatMap(keysOf)];
}
