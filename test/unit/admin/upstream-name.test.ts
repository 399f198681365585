// Which upstream a word means, among the pools that the program has.

import { describe, expect, it } from 'vitest';
import { findUpstream } from '../../../src/admin/upstream-name.ts';

function pool(name: string, upstreams: readonly string[], leaving = false) {
  return { name, leaving, upstreams: upstreams.map((each) => ({ name: each, leaving: false })) };
}

const POOLS = [pool('rt', ['/run/rt1.sock', '/run/rt2.sock', '/tmp/a.sock']), pool('php', ['/run/php/a.sock', '127.0.0.1:9000'])];

describe('a word', () => {
  it.each([
    ['/run/rt1.sock', undefined, 'rt', '/run/rt1.sock'],
    ['unix:/run/rt1.sock', undefined, 'rt', '/run/rt1.sock'],
    ['rt2.sock', undefined, 'rt', '/run/rt2.sock'],
    ['127.0.0.1:9000', undefined, 'php', '127.0.0.1:9000'],
    ['a.sock', 'php', 'php', '/run/php/a.sock'],
  ])('%s with the pool %s means the upstream of pool %s at %s', (word, only, name, upstream) => {
    expect(findUpstream(POOLS, word, only)).toEqual({ kind: 'found', ref: { pool: name, upstream } });
  });

  it.each([
    ['rt9.sock', 'rt', "no upstream 'rt9.sock'; there are /run/rt1.sock, /run/rt2.sock, /tmp/a.sock"],
    ['', 'php', "no upstream ''; there are /run/php/a.sock, 127.0.0.1:9000"],
    ['rt1.sock', 'web', "no pool 'web'; there are rt, php"],
    [
      'a.sock',
      undefined,
      "'a.sock' may be /tmp/a.sock in pool rt or /run/php/a.sock in pool php: give the whole address, or --pool",
    ],
  ])("'%s' with the pool %s means none: %s", (word, only, reason) => {
    expect(findUpstream(POOLS, word, only)).toEqual({ kind: 'unknown', reason });
  });

  it('means the one with that very address rather than one whose path ends in it', () => {
    expect(findUpstream([pool('a', ['/x/w', 'w'])], 'w', undefined)).toMatchObject({ ref: { upstream: 'w' } });
  });

  it('means nothing that is leaving', () => {
    const pools = [
      pool('old', ['/run/w.sock'], true),
      { name: 'rt', leaving: false, upstreams: [{ name: '/run/w.sock', leaving: true }] },
    ];
    expect(findUpstream(pools, 'w.sock', undefined)).toEqual({
      kind: 'unknown',
      reason: "no upstream 'w.sock'; there are none",
    });
  });

  it('that means none is answered with ten names and how many more there are', () => {
    const many = [
      pool(
        'rt',
        Array.from({ length: 1000 }, (_, i) => `/run/rt${i}.sock`),
      ),
    ];
    const lookup = findUpstream(many, 'x', undefined);
    expect(lookup).toMatchObject({ reason: expect.stringMatching(/, \/run\/rt9\.sock and 990 more$/) });
  });
});
