// Round robin: every upstream in turn, weighted and smooth (turns of a heavy upstream are spread, not in a row).

import type { Balancer, Candidate } from './balancer.ts';
import { Ranking } from './ranking.ts';

export function roundRobin<C extends Candidate>(): Balancer<C> {
  return new Ranking<C>(() => 0);
}
