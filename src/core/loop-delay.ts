// How late the event loop is: while something keeps it, everybody waits who is connected.

import type { Clock, Timer } from './clock.ts';
import { DurationStats } from './duration-stats.ts';

/**
 * ms between two looks: ten a second cost next to nothing, and hundreds of them make a minute's
 * percentiles.
 */
const INTERVAL = 100;

export class LoopDelay {
  readonly times = new DurationStats();
  readonly #clock: Clock;
  #timer: Timer | undefined;
  #due = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** `stop` must follow. */
  start(): void {
    this.#due = this.#clock.now() + INTERVAL;
    this.#timer = this.#clock.after(INTERVAL, () => this.#look());
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #look(): void {
    const now = this.#clock.now();
    this.times.add(Math.max(0, now - this.#due), now);
    this.#due = now + INTERVAL;
    this.#timer?.restart();
  }
}
