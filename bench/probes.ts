// What it costs to probe a thousand upstreams that have nothing else to do.

import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ProbeQuestion, ProbeSettings } from '../src/config/health.ts';
import type { Probe } from '../src/health/probe.ts';
import type { Prober } from '../src/health/prober.ts';
import type { Benchmark, Measured, Setting } from './benchmark.ts';
import { share, watchOthers } from './lib/others.ts';
import { loadParts, type Parts } from './lib/product.ts';
import { startQuietWorkers } from './lib/quiet.ts';
import { randomFrom } from './lib/random.ts';

const UPSTREAMS = 1000;
/** Percent of one core at the default interval. */
const MOST = 2;

const SETTINGS: Omit<ProbeSettings, 'question'> = {
  interval: 5000,
  timeout: 2000,
  rise: 2,
  fall: 3,
  when: 'idle',
  wake: true,
};

const QUESTIONS: readonly ProbeQuestion[] = [
  { kind: 'connect' },
  { kind: 'values' },
  {
    kind: 'request',
    method: 'GET',
    uri: '/ping',
    params: new Map(),
    expect: { statuses: [[200, 399]], headers: new Map(), body: { kind: 'substring', text: 'pong' } },
  },
];

interface Row {
  readonly kind: string;
  /** Of one core. */
  readonly percent: number;
  readonly perSecond: number;
  /** us of CPU for each probe, what the process uses without probing taken off. */
  readonly each: number;
  readonly notGood: number;
  /** Share of the machine. */
  readonly others: number;
}

export const probes: Benchmark = {
  name: 'probes',
  about: `CPU time for probing ${UPSTREAMS} idle upstreams every ${SETTINGS.interval / 1000} s`,
  caveat:
    'workers that answer at once and a front end without traffic: slow workers keep more probes open, and traffic makes the rest of the program warm',
  run,
};

async function run(setting: Setting): Promise<Measured> {
  const parts = await loadParts();
  const folder = await startQuietWorkers(setting.scope, UPSTREAMS);
  const seconds = setting.quick ? 5 : 30;
  const idle = await cpuPercent(seconds);
  const rows: Row[] = [];
  for (const question of QUESTIONS) {
    setting.progress(`${question.kind}: ${seconds} s`);
    rows.push(await measure(parts, setting, folder, question, seconds, idle));
  }
  return {
    tables: [
      {
        title: `${UPSTREAMS} unix sockets, ${seconds} s each; the same process without probes: ${idle.toFixed(2)} % of a core`,
        columns: ['probe', '% of a core', 'of it for probing', 'probes/s', 'us each', 'not good', "others' CPU"],
        rows: rows.map(({ kind, percent, perSecond, each, notGood, others }) => [
          kind,
          percent.toFixed(2),
          (percent - idle).toFixed(2),
          perSecond.toFixed(0),
          each.toFixed(0),
          String(notGood),
          share(others),
        ]),
      },
    ],
    targets: [
      ...rows
        .filter(({ kind }) => kind !== 'request')
        .map(({ kind, percent }) => ({
          text: `${kind}: probing costs less than ${MOST} % of a core`,
          met: percent - idle < MOST,
        })),
      { text: 'every probe was answered well', met: rows.every(({ notGood }) => notGood === 0) },
    ],
    figures: { idle, rows },
  };
}

async function measure(
  parts: Parts,
  { quick, seed }: Setting,
  folder: string,
  question: ProbeQuestion,
  seconds: number,
  idle: number,
): Promise<Row> {
  const counted = { answers: 0, notGood: 0 };
  const random = randomFrom(seed);
  // Some thousands of probes are run by the interpreter before the compiler has seen enough: a
  // matter of a minute or two in service.
  const warming = startProbers(parts, folder, { ...SETTINGS, question, interval: 250 }, random, counted);
  await sleep(quick ? 1000 : 8000);
  for (const prober of warming) prober.stop();
  const probers = startProbers(parts, folder, { ...SETTINGS, question }, random, counted);
  await sleep(SETTINGS.interval);
  const before = counted.answers;
  const others = watchOthers();
  const percent = await cpuPercent(seconds);
  const perSecond = (counted.answers - before) / seconds;
  for (const prober of probers) prober.stop();
  return {
    kind: question.kind,
    percent,
    perSecond,
    each: ((percent - idle) / 100 / perSecond) * 1e6,
    notGood: counted.notGood,
    others: others(),
  };
}

function startProbers(
  { Upstream, Prober, createProbe, unixAddress, systemClock, silentLog }: Parts,
  folder: string,
  settings: ProbeSettings,
  random: () => number,
  counted: { answers: number; notGood: number },
): readonly Prober[] {
  const deps = {
    clock: systemClock,
    log: silentLog,
    alone: () => false,
    pool: { changed: () => undefined },
    health: { changed: () => undefined, observed: () => undefined },
    stateChanged: () => undefined,
  };
  const timeouts = { connect: 5000, send: 60_000, read: 60_000, linger: 300_000 };
  return Array.from({ length: UPSTREAMS }, (_, number) => {
    const path = join(folder, `w${number}.sock`);
    const slot = { weight: 1, order: number, maxConns: 1, timeouts, keepAlive: undefined, handOver: true, disabled: false };
    const upstream = new Upstream(unixAddress(path), slot, deps);
    const probe = createProbe(settings.question, { upstream: path, clock: systemClock });
    const watched: Probe = {
      ask: (loan, done) =>
        probe.ask(loan, (answer) => {
          counted.answers += 1;
          if (answer.kind !== 'good') counted.notGood += 1;
          done(answer);
        }),
    };
    const target = {
      name: path,
      get inFlight() {
        return upstream.inFlight;
      },
      used: true,
      well: true,
      leaseForProbe: () => upstream.leaseForProbe(),
    };
    const prober = new Prober(target, watched, settings, { clock: systemClock, random, log: silentLog }, () => undefined);
    prober.start();
    return prober;
  });
}

/** User and system time of this process and all its threads, over so many seconds. */
async function cpuPercent(seconds: number): Promise<number> {
  const start = performance.now();
  const before = process.cpuUsage();
  await sleep(seconds * 1000);
  const { user, system } = process.cpuUsage(before);
  return ((user + system) / 1000 / (performance.now() - start)) * 100;
}
