// Least time: the upstream that should answer first, by its average head time and what it has to do
// already.

import type { Candidate, ReadyBalancer } from './balancer.ts';
import { WeightedHeap } from './weighted-heap.ts';

/**
 * ms that an upstream is taken to need while it has a first request and nothing was measured yet:
 * others go first.
 */
const UNKNOWN = 1000;
/**
 * So seldom somebody idle is picked whatever its average says: who was slow once would never be
 * asked, and measured, again.
 */
const LOOK_AGAIN = 50;

export function leastTime<C extends Candidate>(): ReadyBalancer<C> {
  const byTime = new WeightedHeap<C>(({ headTime, inFlight, weight }) => {
    // An idle upstream that nobody knows is worth a try, but not for everybody at once.
    if (headTime === undefined) return (UNKNOWN * inFlight) / weight;
    return (headTime * (inFlight + 1)) / weight;
  });
  const byTurn = new WeightedHeap<C>(() => 0);
  let picks = 0;

  return {
    add: (candidate) => {
      byTime.add(candidate);
      byTurn.add(candidate);
    },
    remove: (candidate) => {
      byTime.remove(candidate);
      byTurn.remove(candidate);
    },
    leave: (candidate) => {
      byTime.leave(candidate);
      byTurn.leave(candidate);
    },
    pick: (avoid) => {
      picks += 1;
      if (picks % LOOK_AGAIN === 0) {
        const next = byTurn.pick(avoid);
        if (next?.inFlight === 0) return next;
      }
      return byTime.pick(avoid);
    },
  };
}
