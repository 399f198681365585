// Durations, sizes and counts as operators write them.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseCount, parseDuration, parseSize } from '../../../src/config/quantity.ts';
import { ConfigError } from '../../../src/core/errors.ts';

describe('parseDuration', () => {
  it.each([
    ['0', 0],
    ['1', 1000],
    ['30', 30_000],
    ['500ms', 500],
    ['30s', 30_000],
    ['1.5s', 1500],
    ['0.25', 250],
    ['5m', 300_000],
    ['1h', 3_600_000],
    ['1d', 86_400_000],
    ['24d', 2_073_600_000],
    ['2147483647ms', 2_147_483_647],
  ])('reads %s as %i ms', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  it.each([
    '',
    ' ',
    's',
    '-1',
    '+1',
    '1e3',
    '0x10',
    '.5',
    '1.',
    '1 s',
    ' 1s',
    '1s ',
    '1S',
    '1w',
    '1sm',
    '1,5s',
    '25d',
    '2147483648ms',
    'NaN',
    'Infinity',
    '1\n',
    '٣s',
  ])('refuses %j and says what it expects', (text) => {
    expect(() => parseDuration(text)).toThrow(ConfigError);
    expect(() => parseDuration(text)).toThrow(`'${text}' is not a duration: expected`);
  });
});

describe('parseSize', () => {
  it.each([
    ['0', 0],
    ['65536', 65_536],
    ['1k', 1024],
    ['64K', 65_536],
    ['64kb', 65_536],
    ['100m', 104_857_600],
    ['1G', 1_073_741_824],
    ['5b', 5],
  ])('reads %s as %i bytes', (text, size) => {
    expect(parseSize(text)).toBe(size);
  });

  it.each(['', 'k', '-1', '1.5m', '1t', '1 k', '1kk', '1ki', '0x10', '1e3', '9999999999999999', '1k\n'])(
    'refuses %j and says what it expects',
    (text) => {
      expect(() => parseSize(text)).toThrow(ConfigError);
      expect(() => parseSize(text)).toThrow(`'${text}' is not a size: expected`);
    },
  );
});

describe('parseCount', () => {
  it('reads whole numbers from the least on', () => {
    expect([parseCount('0', 0), parseCount('1', 1), parseCount('1024', 0), parseCount('999999999', 1)]).toEqual([
      0, 1, 1024, 999_999_999,
    ]);
  });

  it.each(['', '-1', '1.0', '1e3', ' 1', '1 ', '0x1', '1000000000', 'one', '0'])('refuses %j where 1 is the least', (text) => {
    expect(() => parseCount(text, 1)).toThrow(new ConfigError(`'${text}' is not a whole number of at least 1`));
  });
});

describe('every parser', () => {
  it('gives a number that is not negative or throws ConfigError, for any text', () => {
    const text = fc.oneof(
      fc.string(),
      fc.array(fc.constantFrom(...'0123456789.-+ekmgbhds '), { maxLength: 12 }).map((list) => list.join('')),
    );
    fc.assert(
      fc.property(text, (written) => {
        for (const parse of [parseDuration, parseSize, (text: string) => parseCount(text, 0)]) {
          try {
            expect(parse(written)).toBeGreaterThanOrEqual(0);
          } catch (error) {
            expect(error).toBeInstanceOf(ConfigError);
          }
        }
      }),
      { numRuns: 1000 },
    );
  });
});
