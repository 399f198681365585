// When a queue is long and when too many requests fail: with two limits each, and evidence.

import { describe, expect, it } from 'vitest';
import { ErrorWindow, errorsAre, queueIs } from '../../../src/alerts/thresholds.ts';

describe('a queue', () => {
  const rule = { over: { kind: 'count', value: 100 } } as const;
  it.each([
    ['good', 100, 'good'],
    ['good', 101, 'bad'],
    ['bad', 100, 'bad'],
    ['bad', 51, 'bad'],
    ['bad', 50, 'good'],
  ] as const)('that was %s is, with %i waiting, %s', (was, waiting, is) => {
    expect(queueIs(was, rule, waiting, 1024)).toBe(is);
  });

  it('may be limited by a share of its places', () => {
    const share = { over: { kind: 'share', value: 0.5 } } as const;
    expect([queueIs('good', share, 5, 10), queueIs('good', share, 6, 10)]).toEqual(['good', 'bad']);
    expect(queueIs('good', share, 0, 0)).toBe('good');
  });
});

describe('requests', () => {
  const rule = { share: 0.1, window: 60_000, minRequests: 20 };
  const rate = (requests: number, errors: number) => ({ requests, errors, share: requests === 0 ? 0 : errors / requests });
  it.each([
    ['good', 20, 2, 'bad'],
    ['good', 19, 19, 'good'],
    ['good', 100, 9, 'good'],
    ['bad', 100, 9, 'bad'],
    ['bad', 100, 4, 'good'],
    ['bad', 3, 0, 'good'],
    // Nothing is known, and nothing is taken back.
    ['bad', 0, 0, 'bad'],
  ] as const)('that were %s are, with %i in the window and %i errors, %s', (was, requests, errors, is) => {
    expect(errorsAre(was, rule, rate(requests, errors))).toBe(is);
  });

  it('are those of the window and no others', () => {
    const window = new ErrorWindow();
    // What there was before anybody looked is not counted.
    window.add(0, { requests: 1000, errors: 1000 }, 60_000);
    expect(window.rate).toEqual({ requests: 0, errors: 0, share: 0 });
    for (let second = 1; second <= 120; second += 1)
      window.add(second * 1000, { requests: 1000 + second * 10, errors: 1000 + Math.max(0, second - 60) }, 60_000);
    expect(window.rate).toEqual({ requests: 600, errors: 60, share: 0.1 });
  });

  it('that are counted anew are not less than nothing', () => {
    const window = new ErrorWindow();
    window.add(0, { requests: 1000, errors: 10 }, 60_000);
    window.add(1000, { requests: 5, errors: 1 }, 60_000);
    window.add(2000, { requests: 9, errors: 2 }, 60_000);
    expect(window.rate).toMatchObject({ requests: 4, errors: 1 });
  });

  it('of a long window are remembered in a few readings', () => {
    const window = new ErrorWindow();
    for (let second = 0; second <= 86_400; second += 1) window.add(second * 1000, { requests: second, errors: 0 }, 3_600_000);
    expect(window.rate.requests).toBeGreaterThanOrEqual(3600);
    expect(window.rate.requests).toBeLessThanOrEqual(3660);
    expect(window.size).toBeLessThan(70);
  });
});
