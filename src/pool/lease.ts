// The right to one exchange on one upstream, from the pick until it is used or given back.

import type { FcgiExchange } from '../upstream/fcgi/exchange.ts';
import type { HttpExchange } from '../upstream/http/exchange.ts';
import type { HttpRequest, HttpSink } from '../upstream/http/request.ts';
import type { ExchangeSink, FcgiRequest } from '../upstream/transport/request.ts';
import type { Upstream } from '../upstream/upstream.ts';

/**
 * Whoever is granted a lease must call exactly one of `start`, `forward` and `release`. After the
 * first two the exchange owns the slot and frees it by itself, when the worker is done.
 */
export class Lease {
  readonly upstream: Upstream;
  #held = true;

  constructor(upstream: Upstream) {
    this.upstream = upstream;
  }

  start(request: FcgiRequest, sink: ExchangeSink): FcgiExchange {
    this.#use();
    return this.upstream.start(request, sink);
  }

  /** What `start` is to an upstream that speaks HTTP. */
  forward(request: HttpRequest, sink: HttpSink): HttpExchange {
    this.#use();
    return this.upstream.forward(request, sink);
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
