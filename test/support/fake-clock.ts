// A clock that stands still until the test moves it.

import type { Clock, Timer } from '../../src/core/clock.ts';

interface Alarm {
  at: number;
  readonly order: number;
  readonly fn: () => void;
}

export class FakeClock implements Clock {
  #now = 1000;
  #order = 0;
  readonly #alarms = new Set<Alarm>();

  /** Timers that are set and have neither fired nor been cancelled. */
  get pending(): number {
    return this.#alarms.size;
  }

  now(): number {
    return this.#now;
  }

  date(): Date {
    return new Date(this.#now);
  }

  after(ms: number, fn: () => void): Timer {
    this.#order += 1;
    const alarm: Alarm = { at: this.#now + ms, order: this.#order, fn };
    this.#alarms.add(alarm);
    return {
      cancel: () => void this.#alarms.delete(alarm),
      restart: () => {
        alarm.at = this.#now + ms;
        this.#alarms.add(alarm);
      },
    };
  }

  /** Moves time on, firing what is due on the way, in order. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      let next: Alarm | undefined;
      for (const alarm of this.#alarms) {
        if (alarm.at <= end && (next === undefined || alarm.at < next.at || (alarm.at === next.at && alarm.order < next.order)))
          next = alarm;
      }
      if (next === undefined) break;
      this.#alarms.delete(next);
      this.#now = Math.max(this.#now, next.at);
      next.fn();
    }
    this.#now = end;
  }

  /**
   * Time passes while nothing runs, as in an event loop that is blocked: what has become due fires
   * at the end, late.
   */
  stall(ms: number): void {
    this.#now += ms;
    this.advance(0);
  }
}
