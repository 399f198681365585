// Histograms: every duration lands in the bucket that has room for it, and percentiles are near
// what sorting would give.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BUCKETS, bucketOf, Histogram, lowerBound, middle } from '../../../src/core/histogram.ts';
import { SlidingHistogram } from '../../../src/core/sliding-histogram.ts';

const LONGEST = lowerBound(BUCKETS);
/** Durations of every size, not mostly long ones. */
const duration = fc.double({ min: -10, max: Math.log2(LONGEST) - 1e-9, noNaN: true }).map((power) => 2 ** power);

describe('buckets', () => {
  it('begin where the one before ends, none more than a quarter wider than what it begins with', () => {
    for (let bucket = 0; bucket < BUCKETS; bucket += 1) {
      const [from, to] = [lowerBound(bucket), lowerBound(bucket + 1)];
      expect(bucketOf(from)).toBe(bucket);
      expect(bucketOf(to - 1e-9)).toBe(bucket);
      if (bucket >= 4) expect((to - from) / from).toBeLessThanOrEqual(0.25);
      else expect(to - from).toBe(1 / 64);
    }
  });

  it('take every duration, the impossible ones too', () => {
    expect([0, -1, 1e-9].map(bucketOf)).toEqual([0, 0, 0]);
    expect([LONGEST, 1e12, Number.POSITIVE_INFINITY, Number.NaN].map(bucketOf)).toEqual(Array(4).fill(BUCKETS - 1));
  });

  it('have a middle that is off by at most an eighth, or 1/128 ms', () => {
    fc.assert(
      fc.property(duration, (ms) => {
        expect(Math.abs(middle(bucketOf(ms)) - ms)).toBeLessThanOrEqual(Math.max(ms / 8, 1 / 128));
      }),
    );
  });
});

describe('the histogram of all durations', () => {
  it('tells how many were shorter than each bound, and their count and sum', () => {
    const bounds = new Histogram().below().map(({ ms }) => ms);
    expect(bounds).toEqual(Array.from({ length: 18 }, (_, power) => 0.5 * 2 ** power));
    fc.assert(
      fc.property(fc.array(duration), (all) => {
        const histogram = new Histogram();
        for (const ms of all) histogram.add(ms);
        expect(histogram.count).toBe(all.length);
        expect(histogram.sum).toBeCloseTo(
          all.reduce((sum, ms) => sum + ms, 0),
          3,
        );
        expect(histogram.below()).toEqual(bounds.map((ms) => ({ ms, count: all.filter((each) => each < ms).length })));
      }),
    );
  });
});

describe('the histogram of the last minute', () => {
  it('has nothing to tell before the first duration', () => {
    expect(new SlidingHistogram().percentiles(1e6)).toBeUndefined();
  });

  it('has percentiles within an eighth of those that sorting gives', () => {
    fc.assert(
      fc.property(fc.array(duration, { minLength: 1, maxLength: 300 }), (all) => {
        const histogram = new SlidingHistogram();
        for (const ms of all) histogram.add(ms, 5000);
        const sorted = all.toSorted((a, b) => a - b);
        const exact = (share: number): number => sorted[Math.ceil(share * sorted.length) - 1] ?? Number.NaN;
        const found = histogram.percentiles(5000);
        for (const [share, value] of [
          [0.5, found?.p50],
          [0.9, found?.p90],
          [0.99, found?.p99],
        ] as const) {
          expect(Math.abs((value ?? Number.NaN) - exact(share))).toBeLessThanOrEqual(Math.max(exact(share) / 8, 1 / 128));
        }
      }),
    );
  });

  it('forgets what is older than 60 to 90 seconds, at whatever moments durations come and somebody asks', () => {
    const step = fc.record({ wait: fc.oneof(fc.nat(5000), fc.nat(200_000)), ms: fc.option(duration) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const histogram = new SlidingHistogram();
        const kept: { ms: number; window: number }[] = [];
        let now = 0;
        for (const { wait, ms } of steps) {
          now += wait;
          const window = Math.floor(now / 30_000);
          if (ms !== null) {
            histogram.add(ms, now);
            kept.push({ ms, window });
          }
          const expected = new SlidingHistogram();
          for (const each of kept) if (each.window > window - 3) expected.add(each.ms, now);
          expect(histogram.percentiles(now)).toEqual(expected.percentiles(now));
        }
      }),
    );
  });

  it('still has a duration after 60 seconds, and no longer after 90', () => {
    const histogram = new SlidingHistogram();
    histogram.add(3, 29_999);
    expect(histogram.percentiles(89_998)).toBeDefined();
    histogram.add(3, 30_000 * 4);
    expect(histogram.percentiles(30_000 * 4 + 60_000)).toBeDefined();
    expect(histogram.percentiles(30_000 * 4 + 90_000)).toBeUndefined();
  });
});
