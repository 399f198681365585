// Least connections: the upstream with the fewest exchanges for its weight; among equals, the next
// in turn.

import type { Candidate } from './balancer.ts';
import { LoadOrder } from './load-order.ts';

export function leastConn<C extends Candidate>(): LoadOrder<C> {
  return new LoadOrder<C>((candidate) => candidate.inFlight);
}
