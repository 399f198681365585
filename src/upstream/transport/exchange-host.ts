// What the two ways to speak to an upstream have in common: in whose name an exchange runs, and who
// hears of it.

import type { Clock } from '../../core/clock.ts';
import type { Indexed } from '../../core/dense-set.ts';
import type { ExchangeOutcome } from './request.ts';

/** What becomes of a probe is for the one who sent it to judge, and says nothing about requests. */
export type Purpose = 'request' | 'probe';

/** An exchange of either kind. */
export interface AnyExchange extends Indexed {
  destroy(): void;
}

/** What a side needs of its upstream. */
export interface TransportHost {
  readonly clock: Clock;
  /** Whether any number of exchanges may run. */
  unlimited(): boolean;
  /** Whether more requests are to come. */
  serving(): boolean;
  /** An exchange begins; nothing has come of it yet. */
  begins(exchange: AnyExchange): void;
  /** Its answer has begun, so many ms after the request was written. */
  answered(ms: number, purpose: Purpose): void;
  /** Nobody wants its answer any more, but the upstream is still at it: `gone` follows. */
  gaveUp(exchange: AnyExchange, outcome: ExchangeOutcome, purpose: Purpose): void;
  /**
   * One that was given up: the upstream has sent something after all, or has closed; `gone`
   * follows.
   */
  heard(exchange: AnyExchange): void;
  /** It is over: its slot is to be freed. Called once for each that began. */
  gone(exchange: AnyExchange, outcome: ExchangeOutcome, purpose: Purpose): void;
}
