// The strict reader of metrics that other tests rely on: it takes what is right, and nothing else.

import { describe, expect, it } from 'vitest';
import { parseExposition } from '../../support/admin/exposition.ts';

const gauge = (...lines: readonly string[]): string => ['# HELP g what it is', '# TYPE g gauge', ...lines, ''].join('\n');
const histogram = (...lines: readonly string[]): string => ['# HELP h what', '# TYPE h histogram', ...lines, ''].join('\n');

describe('the reader of metrics', () => {
  it('reads names, labels with whatever is escaped in them, and numbers', () => {
    const families = parseExposition(gauge('g 1', 'g{a="x",b="\\"\\\\\\n, } {"} 2.5e-3', 'g{a="y"} +Inf', 'g{a="z"} NaN'));
    const { type, help, series } = families.get('g') ?? { type: '', help: '', series: [] };
    expect([type, help]).toEqual(['gauge', 'what it is']);
    expect(series.map(({ labels, value }) => [Object.fromEntries(labels), value])).toEqual([
      [{}, 1],
      [{ a: 'x', b: '"\\\n, } {' }, 0.0025],
      [{ a: 'y' }, Number.POSITIVE_INFINITY],
      [{ a: 'z' }, Number.NaN],
    ]);
  });

  it('reads a histogram whose parts fit each other', () => {
    const text = histogram('h_bucket{le="0.5"} 1', 'h_bucket{le="+Inf"} 3', 'h_sum 7', 'h_count 3');
    expect(parseExposition(text).get('h')?.series).toHaveLength(4);
  });

  it.each<[string, string]>([
    ['a last line without an end', '# HELP g x\n# TYPE g gauge\ng 1'],
    ['a series of another family', gauge('other 1')],
    ['a series before any family', 'g 1\n'],
    ['a TYPE without a HELP', '# TYPE g gauge\ng 1\n'],
    ['a HELP without a TYPE', '# HELP g x\n'],
    ['a family twice', `${gauge('g 1')}${gauge('g 2')}`],
    ['a series twice', gauge('g{a="x",b="y"} 1', 'g{b="y",a="x"} 2')],
    ['a label twice', gauge('g{a="x",a="y"} 1')],
    ['a label that is reserved', gauge('g{__a="x"} 1')],
    ['a label without quotes', gauge('g{a=x} 1')],
    ['an escape that does not exist', gauge('g{a="\\t"} 1')],
    ['a comma behind the last label', gauge('g{a="x",} 1')],
    ['a name with a dash', gauge('g-h 1')],
    ['no number', gauge('g one')],
    ['two spaces', gauge('g  1')],
    ['a counter without _total', '# HELP c x\n# TYPE c counter\nc 1\n'],
    ['a counter below zero', '# HELP c_total x\n# TYPE c_total counter\nc_total -1\n'],
    ['a histogram without a bucket for all', histogram('h_bucket{le="0.5"} 1', 'h_sum 7', 'h_count 1')],
    [
      'a histogram whose bounds fall',
      histogram('h_bucket{le="2"} 1', 'h_bucket{le="1"} 1', 'h_bucket{le="+Inf"} 1', 'h_sum 1', 'h_count 1'),
    ],
    ['a histogram whose counts fall', histogram('h_bucket{le="1"} 2', 'h_bucket{le="+Inf"} 1', 'h_sum 1', 'h_count 1')],
    ['a histogram whose count is another', histogram('h_bucket{le="+Inf"} 1', 'h_sum 1', 'h_count 2')],
    ['a histogram without a sum', histogram('h_bucket{le="+Inf"} 1', 'h_count 1')],
  ])('refuses %s', (_, text) => {
    expect(() => parseExposition(text)).toThrow();
  });
});
