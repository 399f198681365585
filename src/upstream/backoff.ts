// Leaves an upstream alone for a moment after a failure, longer each time, so that a dead one costs
// hardly anything.

import type { Clock, Timer } from '../core/clock.ts';

/** ms; twice as long each time. */
const LOST = { first: 25, most: 1000 };
/**
 * The same after EAGAIN or OVERLOADED: it is busy, not broken, and may be free again at any moment.
 */
const BUSY = { first: 5, most: 200 };

/** Invariant: `active` exactly while the timer of the latest pause runs. */
export class Backoff {
  readonly #clock: Clock;
  readonly #over: () => void;
  #pause: Timer | undefined;
  #failures = 0;
  #failing = false;

  /** @param over called when a pause has passed */
  constructor(clock: Clock, over: () => void) {
    this.#clock = clock;
    this.#over = over;
  }

  get active(): boolean {
    return this.#pause !== undefined;
  }

  /** Failures since the last good answer. */
  get failures(): number {
    return this.#failures;
  }

  /** Whether the latest word of the upstream was a failure that a busy worker does not give. */
  get failing(): boolean {
    return this.#failing;
  }

  /** Many exchanges may fail of one cause: what fails during a pause adds nothing to it. */
  failed(kind: 'lost' | 'busy'): void {
    this.#failing = kind === 'lost';
    if (this.#pause !== undefined) return;
    const { first, most } = kind === 'busy' ? BUSY : LOST;
    const ms = Math.min(most, first * 2 ** Math.min(this.#failures, 16));
    this.#failures += 1;
    this.#pause = this.#clock.after(ms, () => {
      this.#pause = undefined;
      this.#over();
    });
  }

  /**
   * The upstream has answered. A pause that runs goes on: it is short, and others may have failed
   * meanwhile.
   */
  succeeded(): void {
    this.#failures = 0;
    this.#failing = false;
  }

  /** Whatever was known belongs to a worker that is gone. */
  reset(): void {
    this.#pause?.cancel();
    this.#pause = undefined;
    this.succeeded();
  }
}
