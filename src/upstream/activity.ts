// What an upstream is doing at the moment, in one word, and since when.

import type { Clock } from '../core/clock.ts';
import type { Stated } from './condition.ts';
import type { Slots } from './slots/slots.ts';

/** `starting`: nothing has answered since its socket appeared, or since its worker was lost. */
export type ActivityName = 'idle' | 'busy' | 'full' | 'starting';

/**
 * It changes twice a request, so the hot path keeps a number and the rest is made when somebody
 * asks.
 */
export class Activity {
  readonly #clock: Clock;
  #is: ActivityName = 'idle';
  #since: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#since = clock.now();
  }

  /**
   * @param answered whether anything has, since its address appeared or its worker was lost
   * @param failing whether nothing has, since an exchange failed
   */
  follow({ inUse, free }: Slots, answered: boolean, failing: boolean): void {
    if (!free) this.#to(answered || inUse === 0 ? 'full' : 'starting');
    else if (inUse > 0) this.#to(answered ? 'busy' : 'starting');
    else this.#to(failing ? 'starting' : 'idle');
  }

  stated(reason: string): Stated<ActivityName> {
    const since = this.#clock.date();
    since.setTime(since.getTime() - (this.#clock.now() - this.#since));
    return { is: this.#is, since, reason };
  }

  #to(is: ActivityName): void {
    if (is === this.#is) return;
    this.#is = is;
    this.#since = this.#clock.now();
  }
}
