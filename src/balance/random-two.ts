// Random two: of two upstreams drawn at random the less loaded one. Good where several balancers do not know of each other.

import type { Balancer, BalancerParts, Candidate } from './balancer.ts';
import { CandidateList } from './candidate-list.ts';

export function randomTwo<C extends Candidate>({ random }: BalancerParts): Balancer<C> {
  const list = new CandidateList<C>();
  /** Only grows: the weight that no candidate passes. */
  let heaviest = 1;

  /** One candidate, each as likely as its weight says: draws whose weight is too small are thrown away. */
  const draw = (): C | undefined => {
    const { items } = list;
    for (let tries = 0; tries < 100 && items.length > 0; tries += 1) {
      const candidate = items[Math.floor(random() * items.length)];
      if (candidate !== undefined && random() * heaviest < candidate.weight) return candidate;
    }
    return items[0];
  };
  const load = (candidate: C): number => candidate.inFlight / candidate.weight;

  return {
    add: (candidate) => {
      heaviest = Math.max(heaviest, candidate.weight);
      list.add(candidate);
    },
    remove: (candidate) => list.remove(candidate),
    update: () => undefined,
    pick: (avoid) => {
      const one = draw();
      const two = draw();
      if (one === undefined || two === undefined) return undefined;
      const better = load(two) < load(one) ? two : one;
      if (!avoid.has(better)) return better;
      // Those to be avoided are few: the next ones in the list serve as well as another draw.
      return list.items.find((candidate) => !avoid.has(candidate)) ?? better;
    },
  };
}
