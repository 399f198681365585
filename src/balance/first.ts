// First: always the first upstream in configuration order that has a free slot, so that the last
// ones can stay idle or asleep.

import type { Candidate, ReadyBalancer } from './balancer.ts';
import { WeightedHeap } from './weighted-heap.ts';

export function first<C extends Candidate>(): ReadyBalancer<C> {
  return new WeightedHeap<C>((candidate) => candidate.order);
}
