// Least time: the upstream that should answer first, by its average head time and what it has to do already.

import type { Balancer, Candidate } from './balancer.ts';
import { Ranking } from './ranking.ts';

/** ms that an upstream is taken to need while it has a first request and nothing was measured yet: others go first. */
const UNKNOWN = 1000;

export function leastTime<C extends Candidate>(): Balancer<C> {
  return new Ranking<C>(({ headTime, inFlight, weight }) => {
    // An idle upstream that nobody knows is worth a try, but not for everybody at once.
    if (headTime === undefined) return (UNKNOWN * inFlight) / weight;
    return (headTime * (inFlight + 1)) / weight;
  });
}
