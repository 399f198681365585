// A slot lent to a probe: what a guest may do with an upstream (DESIGN.md fact 7).

import type { DialResult } from './dial.ts';
import type { Exchange } from './exchange.ts';
import type { HttpExchange } from './http-exchange.ts';
import type { HttpRequest, HttpSink } from './http-request.ts';
import type { ExchangeSink, FcgiRequest } from './request.ts';

/** Exactly one of `start`, `forward` and `release` ends the loan. After the first two the exchange frees the slot by itself. */
export interface Loan {
  /** Connects, for a question that is no request; the connection belongs to the caller. Returns how to give up. */
  dial(result: DialResult): () => void;
  start(request: FcgiRequest, sink: ExchangeSink): Exchange;
  /** What `start` is to an upstream that speaks HTTP. */
  forward(request: HttpRequest, sink: HttpSink): HttpExchange;
  /** Whether an exchange that was started still holds the slot, given up or not. */
  running(): boolean;
  release(): void;
}
