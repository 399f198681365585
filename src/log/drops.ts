// Counts the lines that a log has lost, and reports them to the operator: at once, and then at most
// every ten seconds.

import type { Clock, Timer } from '../core/clock.ts';
import type { Log } from '../core/log.ts';

/** ms between two reports of the same trouble. */
const INTERVAL = 10_000;

/**
 * Invariant: `#quiet` runs from a report until the next one is allowed; what happens meanwhile is
 * reported when it ends. Only the first loss after mere trouble does not wait for that.
 */
export class LogDrops {
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #what: string;
  #count = 0;
  #reported = 0;
  #reason: string | undefined;
  #news = false;
  #saidLoss = false;
  #quiet: Timer | undefined;

  /** @param what is lost: `the access log` */
  constructor(what: string, log: Log, clock: Clock) {
    this.#what = what;
    this.#log = log;
    this.#clock = clock;
  }

  /** Lines lost since the start of the program. */
  get count(): number {
    return this.#count;
  }

  /** @param why unless it is known from `failed`, or is that the reader does not take them */
  dropped(lines: number, why?: Error): void {
    this.#count += lines;
    this.#reason = why?.message ?? this.#reason;
    this.#report(!this.#saidLoss);
  }

  /** Something is wrong, whether or not a line is lost for it. */
  failed(error: Error): void {
    this.#reason = error.message;
    this.#report(false);
  }

  /** The trouble is over: whatever is lost next has reasons of its own. */
  recovered(): void {
    this.#reason = undefined;
  }

  #report(atOnce: boolean): void {
    this.#news = true;
    if (atOnce || this.#quiet === undefined) this.#say();
  }

  #say(): void {
    this.#news = false;
    this.#quiet ??= this.#clock.after(INTERVAL, () => {
      this.#quiet = undefined;
      this.#saidLoss = false;
      if (this.#news) this.#say();
    });
    const dropped = this.#count - this.#reported;
    this.#reported = this.#count;
    if (dropped > 0) this.#saidLoss = true;
    const reason = this.#reason ?? 'what reads it does not keep up';
    const fields = { error: reason, dropped, dropped_in_all: this.#count };
    if (dropped > 0) this.#log.error(fields, `cannot write ${this.#what}: lines are lost`);
    else this.#log.error({ error: reason }, `cannot write ${this.#what}: lines wait in memory`);
  }
}
