// The port of every balancer: told which upstreams have a free slot, it chooses one.

export interface Candidate {
  /** No other member of the pool has it: a small whole number, as long as it is a member. */
  readonly index: number;
  readonly name: string;
  /**
   * An upstream of weight 2 is to get twice the requests of one of weight 1. While it warms up it
   * is a part of the full weight.
   */
  readonly weight: number;
  /**
   * True while `weight` still grows by itself: whoever keeps something computed from it must look
   * again.
   */
  readonly warming: boolean;
  /**
   * True while nothing is to be hoped of it: down, failing, draining or disabled. One that is only
   * full is worth waiting for.
   */
  readonly unreachable: boolean;
  /** Exchanges running there now. */
  readonly inFlight: number;
  /** Position among the upstreams as they were configured or found. */
  readonly order: number;
  /**
   * Moving average of the ms from a request to the head of its answer; undefined while nothing was
   * measured.
   */
  readonly headTime: number | undefined;
}

/**
 * A balancer knows the candidates that could take a request at this moment, and nothing else: no
 * clock, no sockets. The pool adds a candidate when it becomes available, again when its load has
 * changed, and removes it when it is not.
 */
export interface Balancer<C extends Candidate> {
  /** It can take a request. Said of one that is a candidate already: its load has changed. */
  add(candidate: C): void;
  /** It cannot take a request now. */
  remove(candidate: C): void;
  /** It is no member of the pool any more: whatever is kept of it is to be dropped. */
  leave(candidate: C): void;
  /**
   * The candidate for the next request. It stays a candidate until removed. One of `avoid` is
   * chosen only when there is no other. Undefined: nobody can take a request. `later`: somebody
   * could, but this request is to wait for another.
   * @param key what requests that belong together have in common, for balancers that go by it;
   *   empty for the others
   */
  pick(avoid: ReadonlySet<C>, key: string): C | 'later' | undefined;
}

/** One that finds somebody for every request while there is anybody. */
export interface ReadyBalancer<C extends Candidate> extends Balancer<C> {
  pick(avoid: ReadonlySet<C>, key: string): C | undefined;
}

/** What a balancer may be made with. */
export interface BalancerDeps {
  /** A number of at least 0 and below 1. */
  readonly random: () => number;
  /** What a key calls the upstream of a name. */
  readonly token: (name: string) => string;
}
