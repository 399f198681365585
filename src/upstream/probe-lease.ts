// A slot lent to a probe: what a guest may do with an upstream (DESIGN.md fact 7).

import type { DenseSet } from '../core/dense-set.ts';
import type { FcgiExchange } from './fcgi/exchange.ts';
import type { HttpExchange } from './http/exchange.ts';
import type { HttpRequest, HttpSink } from './http/request.ts';
import type { DialResult } from './transport/dial.ts';
import type { AnyExchange } from './transport/exchange-host.ts';
import type { ExchangeSink, FcgiRequest } from './transport/request.ts';

/**
 * Exactly one of `start`, `forward` and `release` ends the loan. After the first two the exchange
 * frees the slot by itself.
 */
export interface ProbeLease {
  /**
   * Connects, for a question that is no request; the connection belongs to the caller. Returns how
   * to give up.
   */
  dial(result: DialResult): () => void;
  start(request: FcgiRequest, sink: ExchangeSink): FcgiExchange;
  /** What `start` is to an upstream that speaks HTTP. */
  forward(request: HttpRequest, sink: HttpSink): HttpExchange;
  /** Whether an exchange that was started still holds the slot, given up or not. */
  running(): boolean;
  release(): void;
}

/**
 * A loan of a slot that was taken for it.
 * @param running what runs on the upstream
 * @param parts what the upstream does for whoever has the loan
 */
export function probeLease(running: Pick<DenseSet<AnyExchange>, 'has'>, parts: Omit<ProbeLease, 'running'>): ProbeLease {
  let exchange: AnyExchange | undefined;
  const keep = <T extends AnyExchange>(begun: T): T => {
    exchange = begun;
    return begun;
  };
  return {
    ...parts,
    start: (request, sink) => keep(parts.start(request, sink)),
    forward: (request, sink) => keep(parts.forward(request, sink)),
    running: () => exchange !== undefined && running.has(exchange),
  };
}
