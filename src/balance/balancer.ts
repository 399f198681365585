// The port of every balancer: told which upstreams have a free slot, it chooses one.

export interface Candidate {
  /** At least 1; an upstream of weight 2 is to get twice the requests of one of weight 1. */
  readonly weight: number;
  /** Exchanges running there now. */
  readonly inFlight: number;
}

/**
 * A balancer knows the candidates that could take a request at this moment and nothing else: no clock, no sockets.
 * The pool adds a candidate when it becomes available, removes it when it is not, and says so when its load changed.
 */
export interface Balancer<C extends Candidate> {
  add(candidate: C): void;
  remove(candidate: C): void;
  /** The load of a candidate that stays available has changed. */
  update(candidate: C): void;
  /**
   * The candidate for the next request; undefined when there is none. It stays a candidate until removed.
   * One of `avoid` is chosen only when there is no other.
   */
  pick(avoid: ReadonlySet<C>): C | undefined;
}
