// Logs the requests that the admin listener refuses: the first of a minute one by one, the rest as
// a number.

import type { Clock, Timer } from '../core/clock.ts';
import type { Log, LogFields } from '../core/log.ts';

/** Lines a minute: a client that tries tokens all day must not fill the disk. */
const SHOWN = 10;
/** ms */
const WINDOW = 60_000;

/** One for all admin listeners. Its maker ends it. */
export class RefusalLog {
  readonly #log: Log;
  readonly #clock: Clock;
  #shown = 0;
  #dropped = 0;
  #window: Timer | undefined;

  constructor(log: Log, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
  }

  refused(fields: LogFields): void {
    this.#window ??= this.#clock.after(WINDOW, () => this.end());
    if (this.#shown >= SHOWN) {
      this.#dropped += 1;
      return;
    }
    this.#shown += 1;
    this.#log.warn(fields, 'refused at the admin listener');
  }

  /** Logs the number of those that were not shown. */
  end(): void {
    this.#window?.cancel();
    this.#window = undefined;
    this.#shown = 0;
    if (this.#dropped === 0) return;
    this.#log.warn({ refused: this.#dropped }, `${this.#dropped} more requests were refused at the admin listener`);
    this.#dropped = 0;
  }
}
