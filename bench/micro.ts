// What single operations cost: choosing and waking with few and with many upstreams, the queue, and
// the codecs.

import type { Benchmark, Measured, Setting } from './benchmark.ts';
import { codecOperations } from './lib/codec-operations.ts';
import { balancerOperations, queueOperations, SIZES } from './lib/pool-operations.ts';
import { loadParts } from './lib/product.ts';
import { ROUTE_COUNTS, routeOperations } from './lib/route-operations.ts';
import { nanosecondsEach } from './lib/stopwatch.ts';

/**
 * ns: about 2 % of what a request costs altogether. Choosing among the most upstreams must not cost
 * more.
 */
const MOST = 1000;
/**
 * How many times the cost among the fewest the cost among the most may be: no more, but for the
 * noise of a measurement.
 */
const GROWTH = 1.1;

export const micro: Benchmark = {
  name: 'micro',
  about: 'nanoseconds of single operations: choosing and waking, the queue, decoding and encoding',
  caveat:
    'hot loops over data that stays in the cache: the parts compare with themselves over time and sizes, but do not add up to the cost of a request',
  run,
};

async function run({ quick, progress }: Setting): Promise<Measured> {
  const parts = await loadParts();
  const options = quick ? { sample: 20, samples: 5 } : { sample: 100, samples: 7 };
  const time = (operation: (times: number) => number): number => nanosecondsEach(operation, options);

  progress('choosing and waking');
  const choosing = balancerOperations(parts).map(({ name, make }) => ({ name, ns: SIZES.map((size) => time(make(size))) }));
  progress('queue');
  const waiting = queueOperations(parts).map(({ name, make, sizes }) => ({
    name,
    sizes,
    ns: sizes.map((size) => time(make(size))),
  }));
  progress('routes');
  const routing = routeOperations(parts).map(({ name, make }) => ({ name, ns: ROUTE_COUNTS.map((count) => time(make(count))) }));
  progress('codecs');
  const codecs = codecOperations(parts).map(({ name, operation, bytes }) => ({ name, bytes, ns: time(operation) }));

  const growth = choosing.map(({ ns }) => ratio(ns));
  return {
    tables: [
      {
        title: 'one request through the pool: acquire, take a slot, give it back (ns)',
        columns: ['', ...SIZES.map((size) => `${size} upstreams`), `${SIZES.at(-1)} : ${SIZES[0]}`],
        rows: choosing.map(({ name, ns }, at) => [name, ...ns.map(whole), `x${(growth[at] ?? 0).toFixed(2)}`]),
      },
      {
        title: 'the queue: one leaves, one enters (ns)',
        columns: ['', ...(waiting[0]?.sizes ?? []).map((size) => `${size} waiting`), 'ratio'],
        rows: waiting.map(({ name, ns }) => [name, ...ns.map(whole), `x${ratio(ns).toFixed(2)}`]),
      },
      {
        title: 'the choice of a route (ns)',
        columns: ['', ...ROUTE_COUNTS.map((count) => `${count} routes`)],
        rows: routing.map(({ name, ns }) => [name, ...ns.map(whole)]),
      },
      {
        title: 'codecs',
        columns: ['', 'ns', 'MiB/s'],
        rows: codecs.map(({ name, ns, bytes }) => [
          name,
          whole(ns),
          bytes === undefined ? '' : whole(bytes / 1024 ** 2 / (ns / 1e9)),
        ]),
      },
    ],
    targets: [
      {
        text: `choosing among ${SIZES.at(-1)} upstreams costs less than ${MOST} ns`,
        met: choosing.every(({ ns }) => (ns.at(-1) ?? Number.NaN) < MOST),
      },
      {
        text: `choosing among ${SIZES.at(-1)} upstreams costs at most ${GROWTH} times what it costs among ${SIZES[0]}`,
        met: growth.every((each) => each <= GROWTH),
      },
    ],
    figures: { choosing, waiting, codecs },
  };
}

function ratio(ns: readonly number[]): number {
  return (ns.at(-1) ?? Number.NaN) / (ns[0] ?? Number.NaN);
}

function whole(value: number): string {
  return value.toFixed(0);
}
