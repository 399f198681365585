// What the outcomes of its requests do to an upstream: a pause after each failure, and a line in
// the log when it begins and ends to fail.

import type { Clock } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import { Backoff } from './backoff.ts';
import type { ExchangeOutcome } from './transport/request.ts';

/** `lost`: its worker is gone. `missing`: nobody listens at its address any more. */
export type Failure = 'busy' | 'lost' | 'missing';

export class FailureTracker {
  readonly #upstream: string;
  readonly #log: Log;
  readonly #backoff: Backoff;
  /** Whether the log says that it fails, and not yet that it answers again. */
  #complained = false;

  /** @param over called when a pause has passed */
  constructor(upstream: string, clock: Clock, log: Log, over: () => void) {
    this.#upstream = upstream;
    this.#log = log;
    this.#backoff = new Backoff(clock, over);
  }

  /** True while it is left alone after a failure. */
  get pausing(): boolean {
    return this.#backoff.active;
  }

  /** Whether its latest word was a failure that a busy worker does not give. */
  get failing(): boolean {
    return this.#backoff.failing;
  }

  /**
   * Failures in a row, for the operator, to go after something else; empty while it does not fail.
   */
  get text(): string {
    return this.#backoff.failing ? `, ${this.#backoff.failures} failures in a row` : '';
  }

  /** @returns what the outcome says against it, undefined when nothing */
  observe(outcome: ExchangeOutcome): Failure | undefined {
    if (outcome.kind === 'abandoned') return undefined;
    if (outcome.kind === 'complete') {
      if (this.#complained) this.#log.info({ upstream: this.#upstream }, 'upstream answers again');
      this.#complained = false;
      this.#backoff.succeeded();
      return undefined;
    }
    const { code, stage, message } = outcome.error;
    const busy = code === 'FCGI_LB_CONNECT_BUSY' || code === 'FCGI_LB_UPSTREAM_OVERLOADED';
    const lost = stage === 'connect' || code === 'FCGI_LB_UPSTREAM_CLOSED' || code === 'FCGI_LB_UPSTREAM_CANT_MULTIPLEX';
    if (!busy && !lost) return undefined;
    // What fails during a pause began before it, and is no news.
    const fresh = !this.#backoff.active;
    if (fresh && !this.#complained) this.#log.warn({ upstream: this.#upstream, code }, message);
    this.#complained ||= fresh;
    this.#backoff.failed(busy ? 'busy' : 'lost');
    if (busy) return 'busy';
    return fresh && (code === 'FCGI_LB_CONNECT_MISSING' || code === 'FCGI_LB_CONNECT_REFUSED') ? 'missing' : 'lost';
  }

  /** Whatever was known belongs to a worker that is gone. */
  reset(): void {
    this.#backoff.reset();
  }
}
