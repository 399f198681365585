// Backoff: how long an upstream is left alone after a failure, and what counts as its latest word.

import { describe, expect, it } from 'vitest';
import { Backoff } from '../../../src/upstream/backoff.ts';
import { FakeClock } from '../../support/fake-clock.ts';

function parts() {
  const clock = new FakeClock();
  let over = 0;
  const backoff = new Backoff(clock, () => {
    over += 1;
  });
  /** ms until the pause is over; it must be running. */
  const pause = (): number => {
    const began = clock.now();
    expect(backoff.active).toBe(true);
    while (backoff.active) clock.advance(1);
    return clock.now() - began;
  };
  return { clock, backoff, pause, over: () => over };
}

describe('backing off', () => {
  it('lasts 25 ms after a lost worker, twice as long each time, and a second at most', () => {
    const { backoff, pause, over } = parts();
    const pauses = Array.from({ length: 8 }, () => {
      backoff.failed('lost');
      return pause();
    });
    expect(pauses).toEqual([25, 50, 100, 200, 400, 800, 1000, 1000]);
    expect(over()).toBe(8);
  });

  it('lasts 5 ms where a worker is busy, twice as long each time, and 200 ms at most', () => {
    const { backoff, pause } = parts();
    const pauses = Array.from({ length: 8 }, () => {
      backoff.failed('busy');
      return pause();
    });
    expect(pauses).toEqual([5, 10, 20, 40, 80, 160, 200, 200]);
  });

  it('takes many failures at once for one', () => {
    const { backoff, pause } = parts();
    for (let i = 0; i < 50; i += 1) backoff.failed('lost');
    expect([backoff.failures, pause()]).toEqual([1, 25]);
  });

  it('starts again from the shortest pause after an answer; a pause that runs goes on', () => {
    const { clock, backoff, pause } = parts();
    backoff.failed('lost');
    pause();
    backoff.failed('lost');
    clock.advance(20);
    backoff.succeeded();
    expect([backoff.active, backoff.failures, pause()]).toEqual([true, 0, 30]);
    backoff.failed('lost');
    expect(pause()).toBe(25);
  });

  it('ends at once when another worker is there', () => {
    const { clock, backoff, over } = parts();
    backoff.failed('lost');
    backoff.reset();
    expect([backoff.active, backoff.failures, backoff.failing, clock.pending]).toEqual([false, 0, false, 0]);
    clock.advance(1000);
    expect(over()).toBe(0);
  });

  it('knows whether the latest word was that of a lost worker: a busy one lives', () => {
    const { backoff, pause } = parts();
    backoff.failed('lost');
    expect(backoff.failing).toBe(true);
    pause();
    expect(backoff.failing).toBe(true);
    backoff.failed('busy');
    expect(backoff.failing).toBe(false);
    pause();
    backoff.failed('lost');
    backoff.succeeded();
    expect(backoff.failing).toBe(false);
  });
});
