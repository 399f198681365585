// maxConnsOf: what a worker's answer to FCGI_GET_VALUES says about its capacity.

import { describe, expect, it } from 'vitest';
import { maxConnsOf } from '../../../src/fcgi/values.ts';

describe('maxConnsOf', () => {
  it.each([
    ['1', 1],
    ['10', 10],
    ['007', 7],
    ['999999999', 999_999_999],
  ])('reads %s', (text, expected) => {
    expect(maxConnsOf(new Map([['FCGI_MAX_CONNS', text]]))).toBe(expected);
  });

  it.each(['0', '000', '', ' 1', '1 ', '-1', '+1', '1.5', '1e3', '0x10', '1234567890', 'many', '1\0', '١'])(
    'takes %j for no answer',
    (text) => {
      expect(maxConnsOf(new Map([['FCGI_MAX_CONNS', text]]))).toBeUndefined();
    },
  );

  it('looks at no other variable', () => {
    expect(maxConnsOf(new Map())).toBeUndefined();
    expect(
      maxConnsOf(
        new Map([
          ['FCGI_MAX_REQS', '5'],
          ['fcgi_max_conns', '5'],
          ['FCGI_MPXS_CONNS', '1'],
        ]),
      ),
    ).toBeUndefined();
  });
});
