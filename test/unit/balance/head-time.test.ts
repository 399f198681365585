// HeadTime: the average that least-time goes by.

import { describe, expect, it } from 'vitest';
import { HeadTime } from '../../../src/balance/head-time.ts';

describe('the head time', () => {
  it('is unknown at first, then the first measurement, then the mean of the first ones', () => {
    const time = new HeadTime();
    expect(time.ms).toBeUndefined();
    time.add(10);
    expect(time.ms).toBe(10);
    time.add(20);
    time.add(30);
    expect(time.ms).toBeCloseTo(20);
  });

  it('is moved little by one slow request, and wholly by many', () => {
    const time = new HeadTime();
    for (let i = 0; i < 100; i += 1) time.add(10);
    time.add(510);
    expect(time.ms).toBeCloseTo(20);
    for (let i = 0; i < 1000; i += 1) time.add(200);
    expect(time.ms).toBeCloseTo(200);
  });
});
