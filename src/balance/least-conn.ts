// Least connections: the upstream with the fewest exchanges for its weight; among equals, the next in turn.

import type { Balancer, Candidate } from './balancer.ts';
import { Ranking } from './ranking.ts';

export function leastConn<C extends Candidate>(): Balancer<C> {
  return new Ranking<C>((candidate) => candidate.inFlight / candidate.weight);
}
