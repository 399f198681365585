// What clients notice while the configuration is changed ten times a second, and sockets come and
// go: nothing may fail, leak or be miscounted.

import { readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { AdminClient } from '../src/admin/client.ts';
import type { Status } from '../src/admin/status.ts';
import { unixAddress } from '../src/core/address.ts';
import type { Benchmark, Measured, Setting } from './benchmark.ts';
import { untilListening } from './lib/command.ts';
import { mainProgram } from './lib/fronts.ts';
import { share, watchOthers } from './lib/others.ts';
import { play } from './lib/play.ts';
import { memory } from './lib/proc.ts';
import { Scope } from './lib/scope.ts';
import { type Summary, summarise } from './lib/statistics.ts';
import { epoch, executedTwice, isLong, quickShots, RATES, steadySchedule } from './lib/steady.ts';
import { compileWorkers, startWorkers, type WorkerPrograms } from './lib/workers.ts';

const WORKERS = 6;
const RELOADS_A_SECOND = 10;
/**
 * Reloads before the counting starts: what is loaded and compiled once, and what the heap grows to
 * before it is looked through, is no leak.
 */
const WARM_UP = 600;
/** MiB that resident memory may have grown by, which is more than its noise. */
const GROWTH = 16;

type Trouble = 'reloads' | 'sockets';

interface Change {
  readonly before: number;
  readonly after: number;
}

interface Verdict {
  readonly name: string;
  readonly changes: number;
  readonly refused: number;
  readonly requests: number;
  readonly failed: number;
  readonly twice: number;
  readonly latency: Summary;
  /** ms for one reload, as the command sees it. */
  readonly each: Summary;
  readonly descriptors: Change;
  /** MiB */
  readonly resident: Change;
  /** What is wrong with slots, queues and what has left, at the end. */
  readonly wrong: readonly string[];
  readonly others: number;
}

export const reload: Benchmark = {
  name: 'reload',
  about: `${RELOADS_A_SECOND} reloads a second under ${RATES.get + RATES.post} quick and ${RATES.long} one-second requests a second; then sockets that come and go under the glob`,
  caveat:
    'small configurations, one client program, unix sockets: not files of thousands of lines, not TLS, and memory over 20 seconds, not over months',
  run,
};

async function run({ quick, seed, scope, progress }: Setting): Promise<Measured> {
  const seconds = quick ? 5 : 20;
  const programs = await compileWorkers(scope);
  const verdicts: Verdict[] = [];
  for (const trouble of ['reloads', 'sockets'] as const) {
    progress(`${trouble}: ${seconds} s`);
    verdicts.push(await measure(scope, programs, trouble, seconds, seed));
  }
  return {
    tables: [
      {
        columns: [
          '',
          'changes',
          'refused',
          'requests',
          'failed',
          'twice',
          'p50 ms',
          'p99 ms',
          'max ms',
          'a reload, ms',
          'fds',
          'MiB',
          "others' CPU",
        ],
        rows: verdicts.map((verdict) => [
          verdict.name,
          ...[verdict.changes, verdict.refused, verdict.requests, verdict.failed, verdict.twice].map(String),
          ...[verdict.latency.p50, verdict.latency.p99, verdict.latency.max].map((ms) => ms.toFixed(1)),
          `${verdict.each.p50.toFixed(1)}, max ${verdict.each.max.toFixed(1)}`,
          `${verdict.descriptors.before} -> ${verdict.descriptors.after}`,
          `${verdict.resident.before.toFixed(0)} -> ${verdict.resident.after.toFixed(0)}`,
          share(verdict.others),
        ]),
      },
    ],
    targets: verdicts.flatMap(({ name, refused, failed, twice, descriptors, resident, wrong }) => [
      { text: `${name}: no request failed, no POST was executed twice`, met: failed === 0 && twice === 0 },
      { text: `${name}: no reload was refused`, met: refused === 0 },
      { text: `${name}: no descriptor was left open`, met: descriptors.after <= descriptors.before },
      { text: `${name}: memory grew by less than ${GROWTH} MiB`, met: resident.after - resident.before < GROWTH },
      {
        text: `${name}: slots and queues are right at the end${wrong.map((each) => `; ${each}`).join('')}`,
        met: wrong.length === 0,
      },
    ]),
    figures: { seconds, seed, verdicts },
  };
}

async function measure(outer: Scope, programs: WorkerPrograms, name: Trouble, seconds: number, seed: number): Promise<Verdict> {
  const scope = new Scope();
  outer.defer(() => scope.close());
  const folder = scope.directory();
  const journal = join(folder, 'journal');
  const groups = await Promise.all(
    Array.from({ length: WORKERS }, (_, index) => startWorkers(scope, programs, join(folder, `w${index + 1}.sock`), { journal })),
  );
  const site = new Site(
    folder,
    groups.map(({ path }) => path),
  );
  site.write(0);
  const running = await scope.start({
    program: process.execPath,
    words: [mainProgram(), '--config', site.file, '--log-level', 'error', '--log-format', 'json'],
  });
  await untilListening(running, { path: site.http });
  for (let i = 0; i < WARM_UP; i += 1) await site.reload(i);
  await site.reload(0);
  const shots = steadySchedule(seconds, seed);
  const warmup = quickShots(400);
  const others = watchOthers();
  const { begun, hits } = await play(scope, { socketPath: site.http, warmup, shots });
  const end = (await begun) + seconds * 1000;
  const measured = (): readonly [number, number] => [readdirSync(`/proc/${running.pid}/fd`).length, memory(running.pid).now];
  const before = measured();
  const changes = name === 'reloads' ? await reloads(site, end) : await vanishings(site, end);
  const answers = await hits;
  await site.reload(0);
  const wrong = await site.wrong();
  const after = measured();
  const result: Verdict = {
    name,
    ...changes,
    requests: shots.length,
    failed: answers.filter(({ status }) => status !== 200).length,
    twice: executedTwice(journal),
    latency: summarise(answers.filter((_, id) => !isLong(shots[id])).map(({ latency }) => latency)),
    descriptors: { before: before[0], after: after[0] },
    resident: { before: before[1], after: after[1] },
    wrong,
    others: others(),
  };
  await scope.close();
  return result;
}

interface Changes {
  readonly changes: number;
  readonly refused: number;
  readonly each: Summary;
}

/** @param end ms since the epoch */
async function reloads(site: Site, end: number): Promise<Changes> {
  const took: number[] = [];
  let refused = 0;
  for (let i = 1; epoch() < end; i += 1) {
    const began = performance.now();
    if (!(await site.reload(i))) refused += 1;
    const ms = performance.now() - began;
    took.push(ms);
    await delay(Math.max(0, 1000 / RELOADS_A_SECOND - ms));
  }
  return { changes: took.length, refused, each: summarise(took) };
}

/**
 * Each socket in turn is gone for a moment; every fourth time the configuration is read while it
 * is.
 */
async function vanishings(site: Site, end: number): Promise<Changes> {
  const took: number[] = [];
  let refused = 0;
  let changes = 0;
  for (; epoch() < end; changes += 1) {
    const path = site.workers[changes % WORKERS] ?? '';
    renameSync(path, `${path}.gone`);
    const began = performance.now();
    if (changes % 4 === 0) {
      if (!(await site.reload(5 * changes))) refused += 1;
      took.push(performance.now() - began);
    }
    await delay(60);
    renameSync(`${path}.gone`, path);
    await delay(30);
  }
  return { changes, refused, each: summarise(took) };
}

/** A front end whose file is written anew again and again. */
class Site {
  readonly file: string;
  readonly http: string;
  readonly workers: readonly string[];
  readonly #folder: string;
  readonly #admin: string;
  readonly #client: AdminClient;

  constructor(folder: string, workers: readonly string[]) {
    this.#folder = folder;
    this.workers = workers;
    this.file = join(folder, 'f.yaml');
    this.http = join(folder, 'http.sock');
    this.#admin = join(folder, 'admin.sock');
    this.#client = new AdminClient([unixAddress(this.#admin)], 'bench');
  }

  /** True when the program took the file up. */
  async reload(variant: number): Promise<boolean> {
    this.write(variant);
    return (await this.#client.ask('POST', '/reload')).status === 200;
  }

  /** @param variant 0 is the plain one */
  write(variant: number): void {
    const all = this.workers;
    const glob = `"${this.#folder}/w*.sock"`;
    const upstreams = [
      glob,
      all.join(', '),
      all.filter((_, index) => index !== variant % WORKERS).join(', '),
      all.map((path, index) => `{ address: ${path}, weight: ${1 + ((variant + index) % 3)} }`).join(', '),
      `"${this.#folder}/w[1-4].sock", ${all.slice(4).join(', ')}`,
    ];
    const more = [
      'balance: least-conn',
      'balance: first',
      'balance: round-robin, passive: off',
      'health: { probe: connect, interval: 100ms }',
      'max_conns: 1',
      'balance: sticky:s',
      'timeouts: { connect: 2s, read: 9s }',
    ];
    const listen = variant % 2 === 0 ? this.http : `${this.http}, ${this.#folder}/extra${variant % 3}.sock`;
    const log = variant % 3 === 1 ? `${this.#folder}/access${variant % 2}.log` : 'off';
    const pool = `{ upstreams: [${upstreams[variant % 5]}], ${more[variant % 7]}, queue: { size: ${1000 + variant} } }`;
    writeFileSync(this.file, `listen: [${listen}]\nadmin: ${this.#admin}\naccess_log: ${log}\npools: { rt: ${pool} }\n`);
  }

  /** What is not as it should be when nothing runs. */
  async wrong(): Promise<readonly string[]> {
    // Probes on their way end; then what is found is there to stay.
    await delay(1500);
    const { pools } = (await this.#client.ask('GET', '/status')).body as Status;
    const wrong: string[] = [];
    if (pools.length !== 1) wrong.push(`${pools.length} pools`);
    for (const { queue, upstreams } of pools) {
      if (queue.waiting > 0) wrong.push(`${queue.waiting} waiting`);
      if (upstreams.length !== WORKERS) wrong.push(`${upstreams.length} upstreams`);
      for (const { name, leaving, state, capacity, in_flight } of upstreams) {
        if (leaving || state.is !== 'up' || in_flight !== 0 || (capacity ?? 1) !== 1) {
          wrong.push(`${name}: ${leaving ? 'leaving' : state.is}, ${in_flight} of ${capacity} in flight`);
        }
      }
    }
    return wrong;
  }
}
