// Random two: of two upstreams drawn at random the less loaded one. Good where several balancers do
// not know of each other.

import type { BalancerDeps, Candidate, ReadyBalancer } from './balancer.ts';
import { CandidateList } from './candidate-list.ts';

/** Draws after which one is taken whatever its weight. */
const MAX_DRAWS = 100;

export function randomTwo<C extends Candidate>({ random }: Pick<BalancerDeps, 'random'>): ReadyBalancer<C> {
  const list = new CandidateList<C>();
  /** Only grows: the weight that no candidate passes. */
  let heaviest = 1;

  /**
   * One candidate, each as likely as its weight says: draws whose weight is too small are thrown
   * away.
   */
  const draw = (except?: C): C | undefined => {
    const { items } = list;
    // Drawn is from all places but the last, and whoever is in the last one stands in for the one
    // excepted.
    const places = except === undefined ? items.length : items.length - 1;
    let drawn: C | undefined;
    for (let draws = 0; draws < MAX_DRAWS && places > 0; draws += 1) {
      drawn = items[Math.floor(random() * places)];
      if (drawn === except) drawn = items[places];
      if (drawn === undefined) break;
      heaviest = Math.max(heaviest, drawn.weight);
      if (random() * heaviest < drawn.weight) break;
    }
    return drawn;
  };
  const load = (candidate: C): number => candidate.inFlight / candidate.weight;

  return {
    add: (candidate) => list.add(candidate),
    remove: (candidate) => list.remove(candidate),
    leave: (candidate) => list.remove(candidate),
    pick: (avoid) => {
      const one = draw();
      if (one === undefined) return undefined;
      const two = draw(one) ?? one;
      const better = load(two) < load(one) ? two : one;
      if (!avoid.has(better)) return better;
      // Those to be avoided are few: the next ones in the list serve as well as another draw.
      return list.items.find((candidate) => !avoid.has(candidate)) ?? better;
    },
  };
}
