// What an upstream needs of the pool it is in.

import type { Clock } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import type { StateChange } from './condition.ts';
import type { ExchangeOutcome } from './transport/request.ts';

export interface UpstreamDeps<Upstream> {
  readonly clock: Clock;
  readonly log: Log;
  /**
   * Whether it is the only upstream of its pool, which decides what silence on the capacity
   * question means.
   */
  readonly alone: () => boolean;
  /** Called whenever it may have become available or unavailable, or its load changed. */
  readonly changed: (upstream: Upstream) => void;
  /** Called after each change of its state. */
  readonly stateChanged: (upstream: Upstream, change: StateChange) => void;
  /** Called as soon as it is known how a request ended there, before its slot is free. */
  readonly observed: (upstream: Upstream, outcome: ExchangeOutcome) => void;
}
