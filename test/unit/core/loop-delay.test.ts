// The delay of the event loop: how late the timer comes, ten times a second, until it is stopped.

import { expect, it } from 'vitest';
import { LoopDelay } from '../../../src/core/loop-delay.ts';
import { FakeClock } from '../../support/fake-clock.ts';

it('measures by how much the loop is late', () => {
  const clock = new FakeClock();
  const delay = new LoopDelay(clock);
  delay.start();
  clock.advance(1000);
  expect(delay.times.all).toMatchObject({ count: 10, sum: 0 });
  clock.stall(350);
  expect(delay.times.all).toMatchObject({ count: 11, sum: 250 });
  clock.advance(100);
  expect(delay.times.all).toMatchObject({ count: 12, sum: 250 });
  expect(delay.times.percentiles(clock.now())?.p99).toBeGreaterThan(200);
});

it('leaves no timer behind when it stops', () => {
  const clock = new FakeClock();
  const delay = new LoopDelay(clock);
  delay.start();
  clock.advance(250);
  delay.stop();
  expect(clock.pending).toBe(0);
  clock.advance(1000);
  expect(delay.times.all.count).toBe(2);
});
