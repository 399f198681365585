// Least connections: the upstream with the fewest exchanges for its weight; among equals, the next in turn.

import type { Candidate } from './balancer.ts';
import { Rotation } from './load-order.ts';

export function leastConn<C extends Candidate>(): Rotation<C> {
  return new Rotation<C>((candidate) => candidate.inFlight);
}
