// What clients notice while workers are killed, or their sockets vanish for a moment: GETs that
// fail, POSTs that fail, and POSTs that are executed twice.

import { existsSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Benchmark, Measured, Setting } from './benchmark.ts';
import { type FrontSpec, isInstalled, startFront } from './lib/fronts.ts';
import { share, watchOthers } from './lib/others.ts';
import { type Hit, play, type Shot } from './lib/play.ts';
import { exponential, randomFrom } from './lib/random.ts';
import { Scope } from './lib/scope.ts';
import { type Summary, summarise } from './lib/statistics.ts';
import { compileWorkers, startWorkers, type WorkerGroup, type WorkerPrograms } from './lib/workers.ts';

const WORKERS = 4;
/** Requests a second. */
const GETS = 60;
const POSTS = 20;
/** ms of work for each. */
const SERVICE = 15;
/**
 * ms between two kills, on average, and before a killed worker is started again (systemd's
 * default).
 */
const KILL_EVERY = 300;
const RESTART_PAUSE = 100;
/** ms for which a socket that vanishes is gone; as often as workers are killed. */
const GONE_FOR = 400;
const BODY = 200;

/** ms within which the death of a worker must show as a failed request; the rest is scheduling. */
const EXPLAINED_WITHIN = 100;

interface Contender {
  readonly name: string;
  readonly spec: FrontSpec;
}

type Trouble = 'kill' | 'vanish';

interface Verdict {
  readonly name: string;
  /** Or sockets that vanished. */
  readonly kills: number;
  readonly gets: number;
  readonly failedGets: number;
  readonly posts: number;
  readonly failedPosts: number;
  /**
   * Failed POSTs that no worker had begun: killed between taking the request and writing that down,
   * or lost elsewhere.
   */
  readonly failedUnbegun: number;
  /**
   * Failed POSTs without a kill of their own shortly before: a single-request worker holds one
   * request when it dies.
   */
  readonly unexplained: number;
  /** POSTs that more than one worker began. */
  readonly twice: number;
  readonly latency: Summary;
  readonly others: number;
}

export const kill: Benchmark = {
  name: 'kill',
  about: `workers killed by SIGKILL every ${KILL_EVERY} ms under ${GETS} GET/s and ${POSTS} POST/s, their sockets kept as systemd keeps them`,
  caveat:
    'deaths by SIGKILL only, of workers that start at once: not hangs, not half-written answers, not workers that take seconds to start',
  run: (setting) => run(setting, 'kill'),
};

export const vanish: Benchmark = {
  name: 'vanish',
  about: `sockets renamed away every ${KILL_EVERY} ms for ${GONE_FOR} ms under ${GETS} GET/s and ${POSTS} POST/s, while their workers live`,
  caveat: 'sockets that come back with the same worker behind them: not restarts, in which what a worker holds is lost',
  run: (setting) => run(setting, 'vanish'),
};

async function run({ quick, seed, against, scope, progress }: Setting, trouble: Trouble): Promise<Measured> {
  const seconds = quick ? 8 : 30;
  const fronts: readonly Contender[] = [{ name: 'fcgi-lb', spec: { kind: 'fcgi-lb' } }, ...against.map(rival)];
  const programs = await compileWorkers(scope);
  const verdicts: Verdict[] = [];
  for (const { name, spec } of fronts) {
    progress(`${name}: ${seconds} s`);
    verdicts.push(await measure(scope, programs, { name, spec }, seconds, seed, trouble));
  }
  const ours = verdicts[0];
  return {
    tables: [
      {
        columns: [
          '',
          trouble === 'kill' ? 'kills' : 'vanished',
          'GETs',
          'failed',
          'POSTs',
          'failed',
          'not begun',
          'no kill before',
          'executed twice',
          'p50 ms',
          'p99 ms',
          'max ms',
          "others' CPU",
        ],
        rows: verdicts.map((verdict) => [
          verdict.name,
          ...[verdict.kills, verdict.gets, verdict.failedGets, verdict.posts, verdict.failedPosts].map(String),
          ...[verdict.failedUnbegun, verdict.unexplained, verdict.twice].map(String),
          ...[verdict.latency.p50, verdict.latency.p99, verdict.latency.max].map((ms) => ms.toFixed(1)),
          share(verdict.others),
        ]),
      },
    ],
    targets: [
      { text: 'fcgi-lb: no GET failed', met: ours?.failedGets === 0 },
      { text: 'fcgi-lb: no POST was executed twice', met: ours?.twice === 0 },
      trouble === 'kill'
        ? { text: 'fcgi-lb: every failed POST has the death of a worker of its own to blame', met: ours?.unexplained === 0 }
        : { text: 'fcgi-lb: no POST failed', met: ours?.failedPosts === 0 },
    ],
    figures: { seconds, seed, verdicts },
  };
}

function rival(against: string): Contender {
  const rivals: readonly Contender[] = [
    // With its default of max_fails=1 nginx would take every worker for dead most of the time.
    { name: 'nginx, least_conn, max_fails=0', spec: { kind: 'nginx', balance: 'least_conn', maxFails: 0 } },
    { name: 'HAProxy, maxconn 1', spec: { kind: 'haproxy' } },
  ];
  const found = rivals.find(({ spec }) => spec.kind === against);
  if (found === undefined) throw new Error(`--against ${against}: expected nginx or haproxy`);
  if (!isInstalled(found.spec)) throw new Error(`${against} is not installed`);
  return found;
}

async function measure(
  outer: Scope,
  programs: WorkerPrograms,
  { name, spec }: Contender,
  seconds: number,
  seed: number,
  trouble: Trouble,
): Promise<Verdict> {
  const scope = new Scope();
  outer.defer(() => scope.close());
  const folder = scope.directory();
  const journal = join(folder, 'journal');
  const groups = await Promise.all(
    Array.from({ length: WORKERS }, (_, index) =>
      startWorkers(scope, programs, join(folder, `w${index + 1}.sock`), { pause: RESTART_PAUSE, journal }),
    ),
  );
  const socketPath = join(folder, 'http.sock');
  await startFront(
    scope,
    spec,
    { path: socketPath },
    groups.map((group) => group.path),
  );
  const shots = schedule(seconds, seed);
  const warmup = Array.from({ length: 200 }, (_, at): Shot => ({ at: 0, method: 'GET', path: `/?ms=1&id=warm${at}`, body: 0 }));
  const others = watchOthers();
  const { begun, hits } = await play(scope, { socketPath, warmup, shots });
  const start = await begun;
  const end = start + seconds * 1000;
  const kills = trouble === 'kill' ? await killAtRandom(groups, end, seed) : [];
  const vanished = trouble === 'vanish' ? await vanishAtRandom(groups, end, seed) : 0;
  const verdict = judge(shots, await hits, start, kills, existsSync(journal) ? readFileSync(journal, 'utf8') : '');
  const result = { name, kills: trouble === 'kill' ? kills.length : vanished, ...verdict, others: others() };
  await scope.close();
  return result;
}

/** Both kinds arrive at random, independently, with their number in the trace as id. */
function schedule(seconds: number, seed: number): readonly Shot[] {
  const random = randomFrom(seed);
  const arrivals = (['GET', 'POST'] as const).flatMap((method) => {
    const times: Array<{ readonly at: number; readonly method: 'GET' | 'POST' }> = [];
    const pause = 1000 / (method === 'GET' ? GETS : POSTS);
    for (let at = exponential(random, pause); at < seconds * 1000; at += exponential(random, pause)) times.push({ at, method });
    return times;
  });
  return arrivals
    .sort((a, b) => a.at - b.at)
    .map(({ at, method }, id) => ({ at, method, path: `/?ms=${SERVICE}&id=${id}`, body: method === 'POST' ? BODY : 0 }));
}

/**
 * @param end ms since the epoch
 * @returns when workers were killed, likewise
 */
async function killAtRandom(groups: readonly WorkerGroup[], end: number, seed: number): Promise<readonly number[]> {
  const random = randomFrom(seed + 1);
  const killed = new Set<number>();
  const times: number[] = [];
  for (;;) {
    const pause = KILL_EVERY * (0.5 + random());
    if (epoch() + pause >= end) return times;
    await delay(pause);
    const pid = groups[Math.floor(random() * groups.length)]?.pid(0);
    // One that is still waiting for its restart cannot be killed again.
    if (pid === undefined || killed.has(pid)) continue;
    process.kill(pid, 'SIGKILL');
    killed.add(pid);
    times.push(epoch());
  }
}

/**
 * Takes sockets away and puts them back, all of them in the end.
 * @param end ms since the epoch
 * @returns how often
 */
async function vanishAtRandom(groups: readonly WorkerGroup[], end: number, seed: number): Promise<number> {
  const random = randomFrom(seed + 1);
  const present = new Set(groups.map(({ path }) => path));
  const returns: Promise<void>[] = [];
  for (;;) {
    const pause = KILL_EVERY * (0.5 + random());
    if (epoch() + pause >= end) break;
    await delay(pause);
    const path = [...present][Math.floor(random() * present.size)];
    if (path === undefined) continue;
    present.delete(path);
    renameSync(path, `${path}.gone`);
    returns.push(
      delay(GONE_FOR).then(() => {
        renameSync(`${path}.gone`, path);
        present.add(path);
      }),
    );
  }
  await Promise.all(returns);
  return returns.length;
}

/** Milliseconds since the epoch, with fractions. */
function epoch(): number {
  return performance.timeOrigin + performance.now();
}

function judge(
  shots: readonly Shot[],
  hits: readonly Hit[],
  start: number,
  kills: readonly number[],
  journal: string,
): Omit<Verdict, 'name' | 'kills' | 'others'> {
  const begun = new Map<number, number>();
  for (const line of journal.split('\n')) {
    const [what, , id] = line.split(' ');
    if (what === 'begin') begun.set(Number(id), (begun.get(Number(id)) ?? 0) + 1);
  }
  const outcomes = shots.map(({ method, at }, id) => {
    const hit = hits[id];
    return { method, failed: hit?.status !== 200, begun: begun.get(id) ?? 0, ended: start + at + (hit?.latency ?? 0) };
  });
  const gets = outcomes.filter(({ method }) => method === 'GET');
  const posts = outcomes.filter(({ method }) => method === 'POST');
  const failedPosts = posts.filter(({ failed }) => failed);
  return {
    gets: gets.length,
    failedGets: gets.filter(({ failed }) => failed).length,
    posts: posts.length,
    failedPosts: failedPosts.length,
    failedUnbegun: failedPosts.filter((post) => post.begun === 0).length,
    unexplained: unexplained(
      failedPosts.map(({ ended }) => ended),
      kills,
    ),
    twice: posts.filter((post) => post.begun > 1).length,
    latency: summarise(hits.filter((hit) => hit.status === 200).map((hit) => hit.latency)),
  };
}

/** How many failures have no kill of their own shortly before them. */
function unexplained(failures: readonly number[], kills: readonly number[]): number {
  const left = [...kills];
  let without = 0;
  for (const ended of [...failures].sort((a, b) => a - b)) {
    const at = left.findIndex((time) => time <= ended + 1 && ended - time <= EXPLAINED_WITHIN);
    if (at === -1) without += 1;
    else left.splice(at, 1);
  }
  return without;
}
