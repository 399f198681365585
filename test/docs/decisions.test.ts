// Every decision has a status and a date, stands in the index, and refers only to decisions that
// exist.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const FOLDER = join(import.meta.dirname, '../../docs/decisions');
const INDEX = readFileSync(join(FOLDER, 'README.md'), 'utf8');
const FILES = readdirSync(FOLDER)
  .filter((name) => name !== 'README.md')
  .sort();
const DECISIONS = FILES.map((file) => ({ file, number: file.slice(0, 4), text: readFileSync(join(FOLDER, file), 'utf8') }));
const NUMBERS = new Set(DECISIONS.map(({ number }) => number));

const HEAD = /^# (\S.*)\n\nStatus: (accepted|(?:amended|superseded) by \d{4})\nDate: (\d{4}-\d{2}-\d{2})\n\n\S/;

/**
 * Numbers of the decisions that a text refers to: `decision 7`, `decisions 0007 and 9`, `(0007)`,
 * `0007-name.md`.
 */
function references(text: string): readonly string[] {
  const named = [...text.matchAll(/\bdecisions?\s+(\d+(?:(?:,| and)\s+\d+)*)/gi)].flatMap(
    ([, list = '']) => list.match(/\d+/g) ?? [],
  );
  const bare = [...text.matchAll(/\((0\d{3})\)|\bby (0\d{3})\b|\b(0\d{3})-[a-z-]+\.md/g)].flatMap((match) => match.slice(1));
  return [...named, ...bare].flatMap((number) => (number === undefined ? [] : [number.padStart(4, '0')]));
}

describe('docs/decisions', () => {
  it('numbers its files from 0001 on, without a gap', () => {
    expect(FILES.length).toBeGreaterThan(30);
    expect(DECISIONS.map(({ number }) => Number(number))).toEqual(DECISIONS.map((_, at) => at + 1));
  });

  it.each(DECISIONS)('$file begins with its title, status and date', ({ text }) => {
    expect(text).toMatch(HEAD);
  });

  it('has every decision in its index, with the title, status and date that the page has', () => {
    const rows = [...INDEX.matchAll(/^\| (\d{4}) \| \[(.*)\]\((.*)\) \| (.*) \| (.*) \|$/gm)].map((row) => row.slice(1));
    const expected = DECISIONS.map(({ file, number, text }) => {
      const [, title, status, date] = HEAD.exec(text) ?? [];
      return [number, title, file, status, date];
    });
    expect(rows).toEqual(expected);
  });

  it.each(DECISIONS)('$file refers to decisions that exist, and to no change by itself', ({ number, text }) => {
    expect(references(text).filter((other) => !NUMBERS.has(other))).toEqual([]);
    expect(text).not.toMatch(new RegExp(`^Status: \\w+ by ${number}$`, 'm'));
  });

  it('finds each form of a reference', () => {
    expect(references('decision 7, Decisions 0012 and 3 (0031), [x](0002-one-queue.md), amended by 0017')).toEqual([
      '0007',
      '0012',
      '0003',
      '0031',
      '0002',
      '0017',
    ]);
  });
});
