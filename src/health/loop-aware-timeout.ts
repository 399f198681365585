// A time limit that a late event loop does not use up: an answer that came while the loop was away
// has not been read yet.

import type { Clock, Timer } from '../core/clock.ts';

/** ms that the wait is cut into, so that lateness is noticed wherever in it it happens. */
const SLICE = 100;
/** ms by which a timer may be late on a machine that is merely busy. */
const TOLERANCE = 50;
/** Slices that may be begun anew; then the limit holds, so that every wait ends. */
const MAX_EXTENSIONS = 10;

export class LoopAwareTimeout {
  readonly #clock: Clock;
  readonly #slice: number;
  readonly #ended: () => void;
  #left: number;
  #extensions = MAX_EXTENSIONS;
  #timer: Timer;

  /**
   * @param limit ms
   * @param ended called once, when that much time has passed with the event loop at work, unless
   *   cancelled
   */
  constructor(limit: number, clock: Clock, ended: () => void) {
    this.#clock = clock;
    this.#left = Math.max(1, Math.ceil(limit / SLICE));
    this.#slice = limit / this.#left;
    this.#ended = ended;
    this.#timer = this.#wait();
  }

  cancel(): void {
    this.#timer.cancel();
  }

  #wait(): Timer {
    const due = this.#clock.now() + this.#slice;
    return this.#clock.after(this.#slice, () => {
      const late = this.#clock.now() - due > TOLERANCE;
      // Timers come before reads in a turn of the loop. Another slice lets it read, and send what
      // it could not send.
      if (late && this.#extensions > 0) this.#extensions -= 1;
      else this.#left -= 1;
      if (this.#left === 0) this.#ended();
      else this.#timer = this.#wait();
    });
  }
}
