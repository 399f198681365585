// A slot lent to a probe: what a guest may do with an upstream (DESIGN.md fact 7).

import type { DialResult } from './dial.ts';
import type { Exchange } from './exchange.ts';
import type { ExchangeSink, FcgiRequest } from './request.ts';

/** Exactly one of `start` and `release` ends the loan. After `start` the exchange frees the slot by itself. */
export interface Loan {
  /** Connects, for a question that is no request; the connection belongs to the caller. Returns how to give up. */
  dial(result: DialResult): () => void;
  start(request: FcgiRequest, sink: ExchangeSink): Exchange;
  /** Whether an exchange that was started still holds the slot, given up or not. */
  running(): boolean;
  release(): void;
}
