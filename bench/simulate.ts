// Every balancer in every situation of bench/simulate, in virtual time: no worker, no socket, no
// waiting.

import type { Benchmark } from './benchmark.ts';
import { SEED, simulate as simulation } from './simulate/run.ts';

export const simulate: Benchmark = {
  name: 'simulate',
  about: 'latency under each balancer, simulated in virtual time',
  caveat: 'the workers are models: real ones differ in more than speed, and nothing but their work takes time here',
  run: async ({ quick }) => {
    const report = simulation(quick);
    console.log(report);
    return { tables: [], targets: [], figures: { seed: SEED, report } };
  },
};
