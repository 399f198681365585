// Round robin: every upstream in turn, weighted and smooth (turns of a heavy upstream are spread,
// not in a row).

import type { Candidate, ReadyBalancer } from './balancer.ts';
import { LoadOrder } from './load-order.ts';

export function roundRobin<C extends Candidate>(): ReadyBalancer<C> {
  return new LoadOrder<C>(() => 0);
}
