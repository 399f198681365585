// The right to one exchange on one upstream, from the pick until it is used or given back.

import type { Exchange } from '../upstream/exchange.ts';
import type { ExchangeSink, FcgiRequest } from '../upstream/request.ts';
import type { Upstream } from '../upstream/upstream.ts';

/**
 * Whoever is granted a lease must call exactly one of `start` and `release`. After `start` the exchange owns the slot
 * and frees it by itself, when the worker is done.
 */
export class Lease {
  readonly upstream: Upstream;
  #held = true;

  constructor(upstream: Upstream) {
    this.upstream = upstream;
  }

  start(request: FcgiRequest, sink: ExchangeSink): Exchange {
    this.#use();
    return this.upstream.start(request, sink);
  }

  release(): void {
    this.#use();
    this.upstream.release();
  }

  #use(): void {
    if (!this.#held) throw new Error(`the lease on ${this.upstream.name} was used twice`);
    this.#held = false;
  }
}
