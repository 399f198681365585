// Logs requests that failed at one upstream and were answered by another try: the first one by one,
// the rest as a number.

import type { Clock, Timer } from '../../core/clock.ts';
import type { Log, LogFields } from '../../core/log.ts';

/** Lines for one upstream in a window: a worker that dies all the time must not fill the disk. */
const SHOWN = 5;
/** ms */
const WINDOW = 10_000;

interface Window {
  readonly timer: Timer;
  count: number;
}

/** One for all public listeners. Its maker ends it. */
export class SavedLog {
  readonly #log: Log;
  readonly #clock: Clock;
  /** By the upstream that failed: at most as many as there are upstreams. */
  readonly #windows = new Map<string, Window>();

  constructor(log: Log, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
  }

  /** @param fields `upstream` is the one that failed */
  saved(fields: LogFields & { readonly upstream: string }, message: string): void {
    const window = this.#windowOf(fields.upstream);
    window.count += 1;
    if (window.count <= SHOWN) this.#log.info(fields, message);
  }

  /** Tells of those that were not shown. */
  end(): void {
    for (const upstream of [...this.#windows.keys()]) this.#close(upstream);
  }

  #windowOf(upstream: string): Window {
    const present = this.#windows.get(upstream);
    if (present !== undefined) return present;
    const window = { timer: this.#clock.after(WINDOW, () => this.#close(upstream)), count: 0 };
    this.#windows.set(upstream, window);
    return window;
  }

  #close(upstream: string): void {
    const window = this.#windows.get(upstream);
    this.#windows.delete(upstream);
    window?.timer.cancel();
    const requests = (window?.count ?? 0) - SHOWN;
    if (requests <= 0) return;
    this.#log.info({ upstream, requests }, `${requests} more requests failed there and were answered by other tries`);
  }
}
