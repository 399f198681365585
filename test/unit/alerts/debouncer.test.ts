// What flaps is told once, and once more when it has settled: by example, and for any sequence of
// changes.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AlertState } from '../../../src/alerts/alert.ts';
import { Debouncer, type DebounceTimes } from '../../../src/alerts/debouncer.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const PATIENCE: DebounceTimes = { after: 10_000, quiet: 300_000 };

interface Told {
  readonly at: number;
  readonly is: 'bad' | 'good';
  readonly untold: number;
  readonly reason: string;
}

function debounced(patience: DebounceTimes = PATIENCE) {
  const clock = new FakeClock();
  const start = clock.now();
  const told: Told[] = [];
  const debouncer = new Debouncer(
    clock,
    () => patience,
    ({ is, reason }, untold) => told.push({ at: clock.now() - start, is, untold, reason }),
  );
  const observe = (is: 'bad' | 'good', reason = ''): void => {
    const condition: AlertState = { is, state: is, reason, since: clock.date() };
    debouncer.observe(condition);
  };
  /** A change at each time (seconds), bad first. */
  const changesAt = (...times: readonly number[]): void => {
    for (const [index, time] of times.entries()) {
      clock.advance(time * 1000 - (clock.now() - start));
      observe(index % 2 === 0 ? 'bad' : 'good');
    }
  };
  const story = (): readonly string[] =>
    told.map(({ at, is, untold }) => `${at / 1000} ${is}${untold === 0 ? '' : ` after ${untold}`}`);
  return { clock, debouncer, told, observe, changesAt, story };
}

describe('a change', () => {
  it('is told when it has held, and so is the way back', () => {
    const { changesAt, clock, story } = debounced();
    changesAt(0, 60);
    clock.advance(1_000_000);
    expect(story()).toEqual(['10 bad', '70 good']);
  });

  it('that does not hold is not told', () => {
    const { changesAt, clock, story, debouncer } = debounced();
    changesAt(0, 9);
    clock.advance(1_000_000);
    expect(story()).toEqual([]);
    expect(debouncer.forgotten).toBe(true);
  });

  it('is told with the latest reason', () => {
    const { observe, clock, told } = debounced();
    observe('bad', 'first');
    clock.advance(5000);
    observe('bad', 'second');
    clock.advance(5000);
    expect(told).toMatchObject([{ at: 10_000, reason: 'second' }]);
  });

  it('after a long quiet time is another story', () => {
    const { changesAt, clock, story } = debounced();
    changesAt(0, 60, 1000, 1060);
    clock.advance(1_000_000);
    expect(story()).toEqual(['10 bad', '70 good', '1010 bad', '1070 good']);
  });

  it('is told at once where nothing has to hold', () => {
    const { changesAt, story, clock } = debounced({ after: 0, quiet: 300_000 });
    changesAt(1, 2, 3, 4);
    expect(story()).toEqual(['1 bad', '2 good', '3 bad', '4 good']);
    expect(clock.pending).toBe(0);
  });
});

describe('what flaps', () => {
  it('faster than a change must hold is told once, and once more when it has settled', () => {
    const { changesAt, clock, story } = debounced();
    // Five seconds each way, for ten minutes.
    changesAt(...Array.from({ length: 120 }, (_, index) => index * 5));
    clock.advance(1_000_000);
    expect(story()).toEqual(['10 bad after 2', '895 good after 116']);
  });

  it('slower is believed to be well half as easily each time', () => {
    const { changesAt, clock, story } = debounced();
    changesAt(...Array.from({ length: 40 }, (_, index) => index * 15));
    clock.advance(1_000_000);
    expect(story()).toEqual(['10 bad', '25 good', '40 bad', '885 good after 36']);
  });

  it('and goes down for good is told within the time that a change must hold', () => {
    const { changesAt, clock, story } = debounced();
    changesAt(0, 15, 30, 60, 90);
    clock.advance(1_000_000);
    expect(story()).toEqual(['10 bad', '25 good', '40 bad', '80 good', '100 bad']);
  });
});

describe('what another process has told as bad', () => {
  it('is not told again, and is well when nothing was seen against it for the whole quiet time', () => {
    const { debouncer, clock, story } = debounced();
    debouncer.resume({ is: 'good', state: 'unknown', reason: '', since: clock.date() });
    expect(debouncer.open).toBe(true);
    clock.advance(299_000);
    expect(story()).toEqual([]);
    clock.advance(1000);
    expect(story()).toEqual(['300 good']);
  });

  it('stays so when it turns out to be', () => {
    const { debouncer, clock, observe, story } = debounced();
    debouncer.resume({ is: 'good', state: 'unknown', reason: '', since: clock.date() });
    clock.advance(20_000);
    observe('bad');
    clock.advance(1_000_000);
    expect([story(), clock.pending, debouncer.open]).toEqual([[], 0, true]);
    observe('good');
    clock.advance(10_000);
    expect(story()).toEqual(['1030 good']);
  });
});

describe('any sequence of changes', () => {
  const patience = fc.constantFrom<DebounceTimes>(
    PATIENCE,
    { after: 1000, quiet: 60_000 },
    { after: 10_000, quiet: 10_000 },
    { after: 30_000, quiet: 10_000 },
  );
  const steps = fc.array(
    fc.record({
      wait: fc.oneof(fc.integer({ min: 0, max: 15_000 }), fc.integer({ min: 0, max: 120_000 }), fc.constantFrom(10_000, 300_000)),
      is: fc.constantFrom<'bad' | 'good'>('bad', 'good'),
    }),
    { maxLength: 80 },
  );

  it('is told in turns, ends with how it is, and in few words', () => {
    fc.assert(
      fc.property(patience, steps, (chosen, sequence) => {
        const { clock, debouncer, told, observe } = debounced(chosen);
        const begin = clock.now();
        let now: 'bad' | 'good' = 'good';
        let since = begin;
        let seen = 0;
        const check = (): void => {
          const held = clock.now() - since;
          // Trouble that lasts is never kept back, nor peace that lasts.
          if (now === 'bad' && held >= chosen.after) expect(told.at(-1)?.is).toBe('bad');
          if (now === 'good' && held >= Math.max(chosen.quiet, chosen.after)) expect(told.at(-1)?.is ?? 'good').toBe('good');
          // What is told is so at that moment, and peace has held.
          for (const each of told.slice(seen)) {
            expect(each.is).toBe(now);
            if (each.is === 'good') expect(begin + each.at - since).toBeGreaterThanOrEqual(chosen.after);
          }
          seen = told.length;
        };
        for (const { wait, is } of sequence) {
          clock.advance(wait);
          check();
          observe(is);
          if (is !== now) {
            now = is;
            since = clock.now();
          }
          check();
        }
        clock.advance(chosen.quiet + chosen.after);
        check();
        expect(told.map(({ is }) => is)).toEqual(told.map((_, index) => (index % 2 === 0 ? 'bad' : 'good')));
        expect(told.at(-1)?.is ?? 'good').toBe(now);
        expect(debouncer.open).toBe(now === 'bad');
        expect(clock.pending).toBe(0);
        if (now === 'good') expect(debouncer.forgotten).toBe(true);
        // Each way back takes twice as long as the one before, until nothing short of quiet is
        // believed.
        const doublings = Math.max(0, Math.ceil(Math.log2(chosen.quiet / chosen.after)));
        const most = (doublings + 2) * (1 + (clock.now() - begin) / Math.max(chosen.quiet, chosen.after));
        expect(told.length / 2).toBeLessThanOrEqual(most);
      }),
      { numRuns: 500 },
    );
  });
});
