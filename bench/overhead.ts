// What a request costs the front end itself: CPU time of its process tree, beside nginx and others
// on Node, in interleaved rounds.

import { join } from 'node:path';
import type { Benchmark, Measured, Setting } from './benchmark.ts';
import { compileCoreSpeed } from './lib/core-speed.ts';
import { type Front, type FrontSpec, freePort, isInstalled, startFront } from './lib/fronts.ts';
import { share, watchOthers } from './lib/others.ts';
import { cpuNanoseconds } from './lib/proc.ts';
import type { Scope } from './lib/scope.ts';
import { median, quantile } from './lib/statistics.ts';
import type { Table } from './lib/table.ts';
import { watchWindows } from './lib/windows.ts';
import { compileWorkers, startWorkers } from './lib/workers.ts';
import { wrk } from './lib/wrk.ts';

/** Client connections, each with one request at a time. */
const CONNECTIONS = 8;
/**
 * More than connections: a kept connection occupies its worker, and none may wait for another front
 * end's.
 */
const PROCESSES = 12;
const PAGE = 1024;
const LIMIT = 1.2;
/**
 * Runs of 4 s before the measured ones: V8 compiles and recompiles for some 300,000 requests, and
 * for each end of a run it has not met.
 */
const WARM_UPS = 3;
/**
 * Seconds of the same load just before each measured round: in the lull before it V8 has given
 * memory back, which a busy server never does.
 */
const LEAD_IN = 1;
/**
 * Percent of the windows: what a request costs when nobody else uses the core. A neighbour only
 * ever adds.
 */
const UNDISTURBED = 5;
/**
 * Part of the fastest speed seen, below which a core was shared: two hardware threads at work get
 * some half of it each.
 */
const SHARED = 0.7;

const KEPT = 'fcgi-lb, kept alive';
const BASELINE = 'nginx';
const FRONTS: ReadonlyArray<{ readonly name: string; readonly spec: FrontSpec }> = [
  { name: 'fcgi-lb', spec: { kind: 'fcgi-lb' } },
  { name: KEPT, spec: { kind: 'fcgi-lb', options: ['--keepalive', '30s'] } },
  { name: 'bare node:http, kept alive', spec: { kind: 'bare' } },
  { name: 'node:http and fastcgi-client', spec: { kind: 'fastcgi-client' } },
  { name: BASELINE, spec: { kind: 'nginx' } },
  { name: 'nginx, kept alive', spec: { kind: 'nginx', keepalive: PROCESSES } },
];

interface Round {
  /** CPU microseconds a request. */
  readonly cost: number;
  readonly perSecond: number;
  readonly failed: number;
  readonly others: number;
  /** CPU microseconds a request, in each tenth of a second. */
  readonly windows: readonly number[];
  /** Additions a nanosecond, just before. */
  readonly coreSpeed: number;
}

interface Contender {
  readonly name: string;
  readonly front: Front;
  readonly url: string;
  readonly rounds: Round[];
}

export const overhead: Benchmark = {
  name: 'overhead',
  about: `CPU time a request of the front end's process tree, ${CONNECTIONS} client connections, a ${PAGE}-byte page, beside nginx`,
  caveat:
    'a saturated loopback with one small page: nothing about latency, large bodies, TLS or logs; requests a second are bounded by the two sides that share the machine',
  run,
};

async function run({ quick, scope, progress }: Setting): Promise<Measured> {
  const seconds = quick ? 2 : 3;
  const rounds = quick ? 3 : 9;
  const contenders = await startAll(scope, progress);
  for (const { name, url } of contenders) {
    progress(`warming up ${name}`);
    for (let run = 1; run <= (quick ? 1 : WARM_UPS); run += 1) await wrk(scope, { url, connections: CONNECTIONS, seconds: 4 });
  }
  const coreSpeed = await compileCoreSpeed(scope);
  for (let round = 1; round <= rounds; round += 1) {
    progress(`round ${round} of ${rounds}`);
    for (const contender of contenders) contender.rounds.push(await measure(scope, contender, seconds, coreSpeed));
  }
  return report(contenders);
}

/**
 * Each front end has workers of its own: kept connections of one would occupy workers of another.
 */
async function startAll(scope: Scope, progress: (text: string) => void): Promise<readonly Contender[]> {
  const programs = await compileWorkers(scope);
  const contenders: Contender[] = [];
  for (const { name, spec } of FRONTS) {
    if (!isInstalled(spec)) {
      progress(`${name}: not installed, left out`);
      continue;
    }
    const socket = join(scope.directory(), 'w.sock');
    await startWorkers(scope, programs, socket, { processes: PROCESSES });
    const port = await freePort();
    const front = await startFront(scope, spec, { host: '127.0.0.1', port }, [socket]);
    contenders.push({ name, front, url: `http://127.0.0.1:${port}/Ticket/Display.html?id=4711&bytes=${PAGE}`, rounds: [] });
  }
  return contenders;
}

async function measure(
  scope: Scope,
  { front, url }: Contender,
  seconds: number,
  speedOfCore: () => Promise<number>,
): Promise<Round> {
  const coreSpeed = await speedOfCore();
  await wrk(scope, { url, connections: CONNECTIONS, seconds: LEAD_IN });
  const others = watchOthers();
  const windows = watchWindows(front.pid);
  const before = cpuNanoseconds(front.pid);
  const { requests, perSecond, failed } = await wrk(scope, { url, connections: CONNECTIONS, seconds });
  const cost = (cpuNanoseconds(front.pid) - before) / 1000 / requests;
  return { cost, perSecond, failed, others: others(), windows: windows(requests), coreSpeed };
}

function report(contenders: readonly Contender[]): Measured {
  const baseline = contenders.find(({ name }) => name === BASELINE);
  const kept = contenders.find(({ name }) => name === KEPT);
  const failed = contenders.flatMap(({ rounds }) => rounds).reduce((sum, round) => sum + round.failed, 0);
  const ratio = kept === undefined || baseline === undefined ? undefined : undisturbed(kept) / undisturbed(baseline);
  return {
    tables: [summary(contenders, baseline), allRounds(contenders, baseline), coreSpeeds(contenders)],
    targets: [
      ...(ratio === undefined
        ? []
        : [
            {
              text: `${KEPT}, undisturbed: at most ${LIMIT} times the CPU of nginx's default (x${ratio.toFixed(2)})`,
              met: ratio <= LIMIT,
            },
          ]),
      { text: 'no request failed', met: failed === 0 },
    ],
    figures: contenders.map((contender) => ({
      name: contender.name,
      undisturbed: undisturbed(contender),
      rounds: contender.rounds,
    })),
  };
}

function summary(contenders: readonly Contender[], baseline: Contender | undefined): Table {
  return {
    title: `CPU microseconds a request; undisturbed: ${UNDISTURBED} % of the tenths of a second cost no more`,
    columns: ['', 'undisturbed', 'over nginx', 'of the rounds', 'over nginx', 'requests/s', 'failed', "others' CPU"],
    rows: contenders.map((contender) => [
      contender.name,
      undisturbed(contender).toFixed(1),
      baseline === undefined ? '' : `x${(undisturbed(contender) / undisturbed(baseline)).toFixed(2)}`,
      median(contender.rounds.map(({ cost }) => cost)).toFixed(1),
      baseline === undefined ? '' : `x${median(ratios(contender, baseline)).toFixed(2)}`,
      median(contender.rounds.map(({ perSecond }) => perSecond)).toFixed(0),
      String(contender.rounds.reduce((sum, round) => sum + round.failed, 0)),
      share(median(contender.rounds.map(({ others }) => others))),
    ]),
  };
}

function allRounds(contenders: readonly Contender[], baseline: Contender | undefined): Table {
  return {
    columns: ['all rounds', 'CPU us/request', 'over nginx'],
    rows: contenders.map((contender) => [
      contender.name,
      contender.rounds.map(({ cost }) => cost.toFixed(1)).join(' '),
      baseline === undefined
        ? ''
        : ratios(contender, baseline)
            .map((value) => value.toFixed(2))
            .join(' '),
    ]),
  };
}

/**
 * Whether the machine was ours: a core that somebody else's virtual machine shares is slower, and
 * CPU time is counted all the same.
 */
function coreSpeeds(contenders: readonly Contender[]): Table {
  const speeds = contenders.flatMap(({ rounds }) => rounds.map(({ coreSpeed }) => coreSpeed));
  const fastest = Math.max(...speeds);
  return {
    columns: ['speed of a core before each round', 'additions/ns'],
    rows: [
      ['fastest', fastest.toFixed(1)],
      ['median', median(speeds).toFixed(1)],
      ['slowest', Math.min(...speeds).toFixed(1)],
      ['rounds begun on a shared core', share(speeds.filter((speed) => speed < SHARED * fastest).length / speeds.length)],
    ],
  };
}

function undisturbed({ rounds }: Contender): number {
  return quantile(
    rounds.flatMap(({ windows }) => windows),
    UNDISTURBED,
  );
}

/**
 * Of each round to the baseline's of the same round: what slows the machine for a minute hits both.
 */
function ratios({ rounds }: Contender, baseline: Contender): readonly number[] {
  return rounds.map(({ cost }, at) => cost / (baseline.rounds[at]?.cost ?? Number.NaN));
}
