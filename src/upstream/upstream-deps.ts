// What an upstream needs of the pool it is in.

import type { Clock } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import type { StateChange } from './condition.ts';
import type { ExchangeOutcome } from './transport/request.ts';

/** The pool, which hands the upstream's slots out. */
export interface UpstreamPool<Upstream> {
  /**
   * It may have become available or unavailable, or its load has changed: called at each take and
   * give of a slot.
   */
  changed(upstream: Upstream): void;
}

/** The health of all upstreams of the pool. */
export interface UpstreamHealth<Upstream> {
  /** As for the pool, and after it. */
  changed(upstream: Upstream): void;
  /** It is known how a request ended there; its slot is not free yet. */
  observed(upstream: Upstream, outcome: ExchangeOutcome): void;
}

export interface UpstreamDeps<Upstream> {
  readonly clock: Clock;
  readonly log: Log;
  readonly pool: UpstreamPool<Upstream>;
  readonly health: UpstreamHealth<Upstream>;
  /**
   * Whether it is the only upstream of its pool, which decides what silence on the capacity
   * question means.
   */
  readonly alone: () => boolean;
  /** Called after each change of its state. */
  readonly stateChanged: (upstream: Upstream, change: StateChange) => void;
}
