// What clients notice while one process after the other takes over: nothing may fail, be done
// twice, leak or be left running.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { AdminClient } from '../src/admin/client.ts';
import type { UpgradeStatus } from '../src/admin/status.ts';
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
import { compileWorkers, startWorkers } from './lib/workers.ts';

const WORKERS = 6;
const UPGRADES = { quick: 3, full: 10 } as const;
/** ms from the beginning of one upgrade to that of the next, if it is over by then. */
const EVERY = 2000;
/** ms under load after the last upgrade has begun. */
const AFTER = 3000;
/** MiB that the last process may have more than the first. */
const GROWTH = 16;
/** ms in which old processes have to be gone: the longest request takes one second. */
const PATIENCE = 10_000;
/** In the environment of the first process, and so in that of each of its successors. */
const MARK = 'FCGI_LB_BENCH_UPGRADE';

interface Change {
  readonly before: number;
  readonly after: number;
}

interface Verdict {
  readonly upgrades: number;
  /** Those that began while there was load. */
  readonly underLoad: number;
  /** Why, for each that did not come about. */
  readonly refused: readonly string[];
  readonly requests: number;
  readonly failed: number;
  readonly twice: number;
  readonly latency: Summary;
  /** ms until the successor served. */
  readonly each: Summary;
  readonly descriptors: Change;
  /** MiB */
  readonly resident: Change;
  /** Processes besides the one that serves. */
  readonly left: number;
  readonly others: number;
}

export const upgrade: Benchmark = {
  name: 'upgrade',
  about: `${UPGRADES.full} upgrades, one every ${EVERY / 1000} s, under ${RATES.get + RATES.post} quick and ${RATES.long} one-second requests a second`,
  caveat:
    'the same files before and after, one client program, unix sockets: not two versions, not TLS; while both processes serve a request may wait in a worker’s socket',
  run,
};

async function run({ quick, seed, scope, progress }: Setting): Promise<Measured> {
  const count = quick ? UPGRADES.quick : UPGRADES.full;
  progress(`${count} upgrades`);
  const verdict = await measure(scope, count, seed);
  const { refused, failed, twice, latency, each, descriptors, resident, left } = verdict;
  return {
    tables: [
      {
        columns: [
          'upgrades',
          'requests',
          'failed',
          'twice',
          'p50 ms',
          'p99 ms',
          'max ms',
          'an upgrade, ms',
          'fds',
          'left over',
          'MiB',
          "others' CPU",
        ],
        rows: [
          [
            `${verdict.upgrades}, ${verdict.underLoad} under load`,
            ...[verdict.requests, failed, twice].map(String),
            ...[latency.p50, latency.p99, latency.max].map((ms) => ms.toFixed(1)),
            `${each.p50.toFixed(0)}, max ${each.max.toFixed(0)}`,
            `${descriptors.before} -> ${descriptors.after}`,
            String(left),
            `${resident.before.toFixed(0)} -> ${resident.after.toFixed(0)}`,
            share(verdict.others),
          ],
        ],
      },
    ],
    targets: [
      { text: `each upgrade came about${refused.map((reason) => `; ${reason}`).join('')}`, met: refused.length === 0 },
      { text: 'no request failed, no POST was executed twice', met: failed === 0 && twice === 0 },
      { text: 'the last process has no more descriptors open than the first', met: descriptors.after <= descriptors.before },
      { text: 'one process is left', met: left === 0 },
      {
        text: `the last process has less than ${GROWTH} MiB more than the first`,
        met: resident.after - resident.before < GROWTH,
      },
    ],
    figures: { seed, ...verdict },
  };
}

async function measure(outer: Scope, count: number, seed: number): Promise<Verdict> {
  const scope = new Scope();
  outer.defer(() => scope.close());
  const programs = await compileWorkers(scope);
  const folder = scope.directory();
  const journal = join(folder, 'journal');
  const workers = Array.from({ length: WORKERS }, (_, index) => join(folder, `w${index + 1}.sock`));
  await Promise.all(workers.map((path) => startWorkers(scope, programs, path, { journal })));
  const [http, admin] = [join(folder, 'http.sock'), join(folder, 'admin.sock')];
  const quiet = ['--access-log', 'off', '--log-level', 'error'];
  const running = await scope.start({
    program: process.execPath,
    words: [mainProgram(), '--upstream', `${folder}/w*.sock`, '--listen', `unix:${http}`, '--admin', `unix:${admin}`, ...quiet],
    env: { [MARK]: folder },
  });
  // Successors are nobody's children here.
  scope.defer(() => endAll(folder));
  await untilListening(running, { path: http });
  // At rest, as the last one will be.
  const descriptors = openDescriptors(running.pid);
  const seconds = (count * EVERY + AFTER) / 1000;
  const shots = steadySchedule(seconds, seed);
  const others = watchOthers();
  const { begun, hits } = await play(scope, { socketPath: http, warmup: quickShots(400), shots });
  const began = await begun;
  await delay(Math.max(0, began + EVERY / 2 - epoch()));
  // When what is loaded and compiled once has been.
  const resident = memory(running.pid).now;
  const changes = await upgrades(new AdminClient([unixAddress(admin)], 'bench'), running.pid, count, began + seconds * 1000);
  const answers = await hits;
  const left = await untilAlone(folder, changes.last);
  const verdict: Verdict = {
    upgrades: changes.took.length,
    underLoad: changes.underLoad,
    refused: changes.refused,
    requests: shots.length,
    failed: answers.filter(({ status }) => status !== 200).length,
    twice: executedTwice(journal),
    latency: summarise(answers.filter((_, id) => !isLong(shots[id])).map(({ latency }) => latency)),
    each: summarise(changes.took),
    descriptors: { before: descriptors, after: openDescriptors(changes.last) },
    resident: { before: resident, after: memory(changes.last).now },
    left,
    others: others(),
  };
  await scope.close();
  return verdict;
}

interface Upgrades {
  readonly underLoad: number;
  /** The process that serves in the end. */
  readonly last: number;
  readonly took: readonly number[];
  readonly refused: readonly string[];
}

/** @param end of the load, ms since the epoch */
async function upgrades(client: AdminClient, first: number, count: number, end: number): Promise<Upgrades> {
  const took: number[] = [];
  const refused: string[] = [];
  let last = first;
  let underLoad = 0;
  for (let i = 0; i < count; i += 1) {
    if (epoch() < end) underLoad += 1;
    const began = performance.now();
    const result = (await client.ask('POST', '/upgrade', { timeout: Number.POSITIVE_INFINITY })).body as UpgradeStatus;
    const ms = performance.now() - began;
    took.push(ms);
    if (result.result === 'good') last = result.successor;
    else refused.push(result.reason);
    await delay(Math.max(0, EVERY - ms));
  }
  return { last, took, refused, underLoad };
}

function openDescriptors(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

/** How many other processes there are when the old ones have had time to end. */
async function untilAlone(folder: string, last: number): Promise<number> {
  const deadline = epoch() + PATIENCE;
  for (;;) {
    const others = marked(folder).filter((pid) => pid !== last);
    if (others.length === 0 || epoch() > deadline) return others.length;
    await delay(50);
  }
}

/** Ends the process that serves, and whatever else has come of it. */
async function endAll(folder: string): Promise<void> {
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    for (const pid of marked(folder)) send(pid, signal);
    const deadline = epoch() + 2000;
    while (marked(folder).length > 0 && epoch() < deadline) await delay(20);
  }
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // Gone by itself meanwhile.
  }
}

/** The first process and all that it, or a successor, has started. */
function marked(folder: string): readonly number[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      return readFileSync(`/proc/${name}/environ`, 'latin1').split('\0').includes(`${MARK}=${folder}`) ? [Number(name)] : [];
    } catch {
      // Somebody else's, or gone.
      return [];
    }
  });
}
