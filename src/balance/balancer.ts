// The port of every balancer: told which upstreams have a free slot, it chooses one.

export interface Candidate {
  readonly name: string;
  /** At least 1; an upstream of weight 2 is to get twice the requests of one of weight 1. */
  readonly weight: number;
  /** Exchanges running there now. */
  readonly inFlight: number;
  /** Position among the upstreams as they were configured or found. */
  readonly order: number;
  /** Moving average of the ms from a request to the head of its answer; undefined while nothing was measured. */
  readonly headTime: number | undefined;
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
   * @param key what requests that belong together have in common, for balancers that go by it; empty for the others
   */
  pick(avoid: ReadonlySet<C>, key: string): C | undefined;
}

/** What a balancer may be made with. */
export interface BalancerParts {
  /** A number of at least 0 and below 1. */
  readonly random: () => number;
}
