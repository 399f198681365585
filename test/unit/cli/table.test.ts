// tableLines: a table in any width, and the short texts of numbers in it.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bytesText, countText, msText, rateText, spanText } from '../../../src/cli/view/quantities.ts';
import { type Column, shortened, tableLines } from '../../../src/cli/view/table.ts';

interface Row {
  readonly name: string;
  readonly count: string;
  readonly why: string;
}
const ROWS: readonly Row[] = [
  { name: '/run/rt1.sock', count: '7', why: 'a long reason for it' },
  { name: '/run/rt10.sock', count: '1234', why: '' },
];
const COLUMNS: readonly Column<Row>[] = [
  { title: 'NAME', cell: ({ name }) => name, shrinks: { to: 6, keeps: 'end' } },
  { title: 'COUNT', right: true, rank: 2, cell: ({ count }) => count, paint: ({ count }) => (count === '7' ? 31 : undefined) },
  { title: 'WHY', rank: 1, cell: ({ why }) => why, shrinks: { to: 8, keeps: 'start' } },
];
const inWidth = (width: number, colours = false) => tableLines(COLUMNS, ROWS, width, colours);

describe('a table', () => {
  it('is as wide as what is in it, numbers to the right, without spaces at the end', () => {
    expect(inWidth(Number.POSITIVE_INFINITY)).toEqual([
      'NAME            COUNT  WHY',
      '/run/rt1.sock       7  a long reason for it',
      '/run/rt10.sock   1234',
    ]);
  });

  it('shrinks the last column that may first, then the others, then leaves out the least important', () => {
    expect(inWidth(35)).toEqual(['NAME            COUNT  WHY', '/run/rt1.sock       7  a long reas…', '/run/rt10.sock   1234']);
    expect(inWidth(26)).toEqual(['NAME       COUNT  WHY', '…rt1.sock      7  a long …', '…t10.sock   1234']);
    expect(inWidth(22)).toEqual(['NAME            COUNT', '/run/rt1.sock       7', '/run/rt10.sock   1234']);
    expect(inWidth(14)).toEqual(['NAME     COUNT', '…1.sock      7', '…0.sock   1234']);
    expect(inWidth(8)).toEqual(['NAME', '…t1.sock', '…10.sock']);
    expect(inWidth(3)).toEqual(['…ME', '…ck', '…ck']);
  });

  it('paints a text and not the spaces around it, and only where colours are shown', () => {
    expect(inWidth(22, true)[1]).toBe('/run/rt1.sock       \x1b[31m7\x1b[0m');
    expect(inWidth(22)[1]).not.toContain('\x1b');
  });

  it('is never wider than it may be, and always has a line for each row', () => {
    const cell = fc.string({ maxLength: 40, unit: 'grapheme-ascii' });
    fc.assert(
      fc.property(
        fc.array(fc.record({ name: cell, count: cell, why: cell }), { maxLength: 8 }),
        fc.integer({ min: 1, max: 120 }),
        (rows, width) => {
          const lines = tableLines(COLUMNS, rows, width, false);
          expect(lines.length).toBe(rows.length + 1);
          for (const line of lines) expect([...line].length).toBeLessThanOrEqual(width);
        },
      ),
    );
  });
});

describe('a text that is too long', () => {
  it.each([
    ['abcdef', 6, 'start', 'abcdef'],
    ['abcdef', 4, 'start', 'abc…'],
    ['abcdef', 4, 'end', '…def'],
    ['abcdef', 1, 'end', '…'],
    ['abcdef', 0, 'start', ''],
    ['äöüß', 3, 'start', 'äö…'],
  ] as const)('%s in %d, keeping its %s, is %j', (text, width, keeps, expected) => {
    expect(shortened(text, width, keeps)).toBe(expected);
  });
});

describe('a number in a column', () => {
  it.each([
    [undefined, '-'],
    [0, '0'],
    [99_999, '99999'],
    [100_000, '100k'],
    [999_499, '999k'],
    [999_600, '1.00M'],
    [12_345_678, '12.3M'],
    [7.2e9, '7.20G'],
    [3.4e12, '3.40T'],
  ])('%s is %s as a count', (count, text) => expect(countText(count)).toBe(text));
  it.each([
    [undefined, '-'],
    [0, '0'],
    [0.26, '0.3'],
    [99.94, '99.9'],
    [340.4, '340'],
    [250_000, '250k'],
  ])('%s is %s as a rate', (rate, text) => expect(rateText(rate)).toBe(text));
  it.each([
    [undefined, '-'],
    [0.42, '0.4ms'],
    [45.3, '45ms'],
    [999.4, '999ms'],
    [999.6, '1.0s'],
    [59_900, '59.9s'],
    [59_999, '59s'],
    [200_000, '3m 20s'],
  ])('%s ms is %s', (ms, text) => expect(msText(ms)).toBe(text));
  it.each([
    [-1, '0s'],
    [59.9, '59s'],
    [200, '3m 20s'],
    [18_120, '5h 2m'],
    [1_047_600, '12d 3h'],
  ])('%s s is %s', (seconds, text) => expect(spanText(seconds)).toBe(text));
  it('says megabytes', () => expect([bytesText(83_400_000), bytesText(undefined)]).toEqual(['83 MB', '-']));
});
