// Counts the lines that a log has lost, and tells the operator: at once, and then at most every ten seconds.

import type { Clock, Timer } from './clock.ts';
import type { Log } from './log.ts';

/** ms between two words about the same trouble. */
const INTERVAL = 10_000;

/** Invariant: `#quiet` runs from each word until the next one is allowed; what happens meanwhile is told when it ends. */
export class LogDrops {
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #what: string;
  #count = 0;
  #told = 0;
  #reason: string | undefined;
  #news = false;
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

  /** Lines are lost; why is known from `failed`, or is that nobody takes them. */
  dropped(lines: number): void {
    this.#count += lines;
    this.#tell();
  }

  /** Something is wrong, whether or not a line is lost for it. */
  failed(error: Error): void {
    this.#reason = error.message;
    this.#tell();
  }

  /** The trouble is over: whatever is lost next has reasons of its own. */
  recovered(): void {
    this.#reason = undefined;
  }

  /** Says nothing more. */
  end(): void {
    this.#quiet?.cancel();
    this.#quiet = undefined;
  }

  #tell(): void {
    this.#news = true;
    if (this.#quiet === undefined) this.#say();
  }

  #say(): void {
    this.#news = false;
    this.#quiet = this.#clock.after(INTERVAL, () => {
      this.#quiet = undefined;
      if (this.#news) this.#say();
    });
    const dropped = this.#count - this.#told;
    this.#told = this.#count;
    const reason = this.#reason ?? 'what reads it does not keep up';
    const fields = { error: reason, dropped, dropped_in_all: this.#count };
    if (dropped > 0) this.#log.error(fields, `cannot write ${this.#what}: lines are lost`);
    else this.#log.error({ error: reason }, `cannot write ${this.#what}: lines wait in memory`);
  }
}
