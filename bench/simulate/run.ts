// Every balancer in every situation, in virtual time: `npx tsx bench/simulate/run.ts [--quick]`.
// The same figures each time.

import { BALANCERS } from '../../src/app/registry.ts';
import type { BalanceName } from '../../src/config/balance.ts';
import { LOAD, MIXES, SERVICE } from './mixes.ts';
import { reportText } from './report.ts';
import { arrivals, simulateOne } from './simulation.ts';

export const SEED = 20;
const NAMES = Object.keys(BALANCERS) as readonly BalanceName[];

/** @param quick few requests: to see that it works, not for figures */
export function simulate(quick: boolean): string {
  const count = quick ? 2000 : 100_000;
  const service = SERVICE.map(({ share, work }) => `${100 * share}% ${work} ms`).join(', ');
  const reports = MIXES.map((mix, index) => {
    const requests = arrivals(mix, count, SEED + index);
    return reportText(
      mix.title,
      NAMES.map((name) => simulateOne(mix, name, requests, SEED + index)),
    );
  });
  const head = `${count} requests each, load ${100 * LOAD}%, work ${service}, seed ${SEED}. Latency: from arrival to the end of the answer.`;
  return [head, '', ...reports].join('\n');
}

if (import.meta.filename === process.argv[1]) console.log(simulate(process.argv.includes('--quick')));
