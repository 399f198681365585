// overview: from status documents to what is shown, with rates from the differences of counters.

import { describe, expect, it } from 'vitest';
import { overview } from '../../../src/cli/view/overview.ts';
import { document, NOW, pool, upstream, withoutCounts } from '../../support/admin/status-documents.ts';

describe('what is shown of a program', () => {
  it('is what its document says, errors of all kinds together', () => {
    const rt1 = upstream('/run/rt1.sock', 'down', { capacity: null, in_flight: 1, errors: { FCGI_LB_A: 2, FCGI_LB_B: 3 } }, 125);
    const rt2 = upstream('/run/rt2.sock', 'draining', { leaving: true, capacity: 'unlimited' });
    const seen = overview(document([pool('rt', [rt1, rt2], { queue: { waiting: 3, size: 9, oldest_ms: 1500 } })]), NOW);
    expect(seen).toMatchObject({ active: 2, waiting: 3, rate: undefined, cpu: undefined, resident: 80_000_000 });
    expect(seen.pools).toEqual([
      {
        name: 'rt',
        leaving: false,
        waiting: 3,
        size: 9,
        oldest_ms: 1500,
        wait_p99: null,
        rejected: 0,
        requests: 5000,
        rate: undefined,
        statuses: '2xx 4990, 5xx 10',
        failed: 10,
        head_p50: 10,
        head_p99: 50,
        states: new Map([
          ['down', 1],
          ['leaving', 1],
        ]),
      },
    ]);
    expect(seen.upstreams).toMatchObject([
      { pool: 'rt', name: '/run/rt1.sock', state: 'down', in_flight: 1, capacity: null, errors: 5, head_p99: 45.3, age: 125_000 },
      { state: 'leaving', capacity: 'unlimited', errors: 0 },
    ]);
  });

  it('leaves out what an older program does not tell', () => {
    const seen = overview(withoutCounts(document([pool('rt', [upstream('/run/rt1.sock')])])), NOW, withoutCounts(document([])));
    expect(seen).toMatchObject({ active: undefined, rate: undefined, cpu: undefined, resident: undefined });
    expect(seen.pools[0]).toMatchObject({ requests: undefined, failed: undefined, head_p99: undefined, oldest_ms: null });
    expect(seen.upstreams[0]).toMatchObject({ requests: undefined, rate: undefined, errors: undefined, head_p99: undefined });
  });
});

describe('a rate', () => {
  const at = (requests: number, uptime: number, more = {}) =>
    document([pool('rt', [upstream('/run/rt1.sock', 'up', { requests })], { requests: requests * 2 })], {
      uptime_seconds: uptime,
      process: { cpu_seconds: uptime / 2 },
      ...more,
    });

  it('is the difference of two counts by the time that the program says has passed', () => {
    const seen = overview(at(150, 102.5), NOW, at(100, 100));
    expect([seen.upstreams[0]?.rate, seen.pools[0]?.rate, seen.rate, seen.cpu]).toEqual([20, 40, 40, 0.5]);
  });

  it.each([
    ['the program has been started anew', at(50, 102, { pid: 43 })],
    ['no time has passed', at(150, 100)],
    ['time goes backwards', at(150, 90)],
  ])('is not told when %s', (_why, after) => {
    const seen = overview(after, NOW, at(100, 100));
    expect([seen.upstreams[0]?.rate, seen.rate, seen.cpu]).toEqual([undefined, undefined, undefined]);
  });

  it('is not told of an upstream that is new at its address, nor while two go by one name', () => {
    expect(overview(at(3, 101), NOW, at(100, 100)).upstreams[0]?.rate).toBeUndefined();
    const twice = document(
      [pool('rt', [upstream('/a', 'up', { requests: 5 }), upstream('/a', 'up', { requests: 900, leaving: true })])],
      {
        uptime_seconds: 101,
      },
    );
    const before = { ...twice, uptime_seconds: 100 };
    expect(overview(twice, NOW, before).upstreams.map(({ rate }) => rate)).toEqual([undefined, undefined]);
  });
});
