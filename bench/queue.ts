// How long requests wait for single-request workers: each front end beside the ideal queue, on the
// same trace.

import { join } from 'node:path';
import type { Benchmark, Measured, Setting } from './benchmark.ts';
import { type FrontSpec, isInstalled, startFront } from './lib/fronts.ts';
import { share, watchOthers } from './lib/others.ts';
import { type Hit, play, type Shot } from './lib/play.ts';
import { Scope } from './lib/scope.ts';
import { type Summary, summarise } from './lib/statistics.ts';
import { above } from './lib/table.ts';
import { idealLatencies, type Job, MEAN_SERVICE, poissonTrace, utilisation } from './lib/trace.ts';
import { compileWorkers, startWorkers, type WorkerPrograms } from './lib/workers.ts';

const WORKERS = 4;
const UTILISATION = 0.75;
/**
 * Requests before the trace begins: enough for a program that compiles itself as it runs to be what
 * it is in service.
 */
const WARM = 20_000;
const QUICK_WARM = 2000;
/** Enough only to have learned the workers' capacity. */
const COLD = 30;
/** How far above the ideal our mean and p99 may lie. */
const TOLERANCE = 0.1;

/**
 * Share of the machine that others may use before a run is repeated, and how many runs there are at
 * most.
 */
const QUIET = 0.05;
const RUNS = 3;

const FRONTS: ReadonlyArray<{ readonly name: string; readonly spec: FrontSpec; readonly warmup: number }> = [
  { name: 'fcgi-lb', spec: { kind: 'fcgi-lb' }, warmup: WARM },
  { name: 'fcgi-lb, kept alive', spec: { kind: 'fcgi-lb', options: ['--keepalive', '30s'] }, warmup: WARM },
  { name: 'fcgi-lb, just started', spec: { kind: 'fcgi-lb' }, warmup: COLD },
  { name: 'HAProxy, maxconn 1', spec: { kind: 'haproxy' }, warmup: WARM },
  { name: 'nginx, least_conn', spec: { kind: 'nginx', balance: 'least_conn' }, warmup: WARM },
  { name: 'nginx, round robin', spec: { kind: 'nginx' }, warmup: WARM },
];

interface Row extends Summary {
  readonly name: string;
  readonly failed: number;
  /** ms by which the client was late, 99th percentile. */
  readonly lag: number;
  /** Share of the machine that other work took meanwhile. */
  readonly others: number;
}

export const queue: Benchmark = {
  name: 'queue',
  about: `latency behind ${WORKERS} single-request workers at ${UTILISATION * 100} % utilisation, open loop, beside the ideal queue`,
  caveat:
    'one trace, sleeping workers and one machine: it shows what waiting costs, not what a front end costs when workers compute, and nothing about higher rates',
  run,
};

async function run({ quick, seed, scope, progress }: Setting): Promise<Measured> {
  const trace = poissonTrace(quick ? 600 : 4000, (UTILISATION * WORKERS) / MEAN_SERVICE, seed);
  const programs = await compileWorkers(scope);
  const ideal: Row = { name: 'ideal queue', ...summarise(idealLatencies(trace, WORKERS)), failed: 0, lag: 0, others: 0 };
  const rows: Row[] = [ideal];
  for (const { name, spec, warmup: full } of FRONTS) {
    const warmup = quick ? Math.min(full, QUICK_WARM) : full;
    if (!isInstalled(spec)) {
      progress(`${name}: not installed, left out`);
      continue;
    }
    progress(`${name}: ${trace.length} requests in ${Math.round((trace.at(-1)?.at ?? 0) / 1000)} s`);
    rows.push(await quietest(name, () => measure(scope, programs, spec, trace, warmup), progress));
  }
  const ours = rows[1] ?? ideal;
  return {
    tables: [
      {
        title: `${trace.length} requests, ${(utilisation(trace, WORKERS) * 100).toFixed(0)} % utilisation, times in ms`,
        columns: [
          '',
          'mean',
          'p50',
          'p95',
          'p99',
          'max',
          'failed',
          'mean over ideal',
          'p99 over ideal',
          'client lag p99',
          "others' CPU",
        ],
        rows: rows.map((row) => [
          row.name,
          ...[row.mean, row.p50, row.p95, row.p99, row.max].map((ms) => ms.toFixed(1)),
          String(row.failed),
          row === ideal ? '' : above(row.mean, ideal.mean),
          row === ideal ? '' : above(row.p99, ideal.p99),
          row === ideal ? '' : row.lag.toFixed(2),
          row === ideal ? '' : share(row.others),
        ]),
      },
    ],
    targets: [
      { text: 'fcgi-lb: mean within 10 % of the ideal', met: ours.mean <= ideal.mean * (1 + TOLERANCE) },
      { text: 'fcgi-lb: p99 within 10 % of the ideal', met: ours.p99 <= ideal.p99 * (1 + TOLERANCE) },
      { text: 'fcgi-lb: no request failed', met: ours.failed === 0 },
    ],
    figures: { requests: trace.length, utilisation: utilisation(trace, WORKERS), seed, rows },
  };
}

/**
 * Measures again while other people's work disturbs it; the run that was disturbed least counts.
 */
async function quietest(name: string, once: () => Promise<readonly Hit[]>, progress: (text: string) => void): Promise<Row> {
  let best: Row | undefined;
  for (let run = 1; run <= RUNS && (best === undefined || best.others > QUIET); run += 1) {
    if (best !== undefined) progress(`${name}: others used ${share(best.others)} of the machine; once more`);
    const others = watchOthers();
    const row = toRow(name, await once(), others());
    if (best === undefined || row.others < best.others) best = row;
  }
  if (best === undefined) throw new Error('nothing was measured');
  return best;
}

/** One front end with workers of its own, so that nobody inherits another's backlog. */
async function measure(
  outer: Scope,
  programs: WorkerPrograms,
  spec: FrontSpec,
  trace: readonly Job[],
  warmup: number,
): Promise<readonly Hit[]> {
  const scope = new Scope();
  outer.defer(() => scope.close());
  const folder = scope.directory();
  const paths = Array.from({ length: WORKERS }, (_, index) => join(folder, `w${index + 1}.sock`));
  await Promise.all(paths.map((path) => startWorkers(scope, programs, path)));
  const socketPath = join(folder, 'http.sock');
  await startFront(scope, spec, { path: socketPath }, paths);
  const { hits } = await play(scope, {
    socketPath,
    warmup: Array.from({ length: warmup }, () => shot({ at: 0, service: 0 })),
    shots: trace.map(shot),
  });
  const result = await hits;
  await scope.close();
  return result;
}

function shot({ at, service }: Job): Shot {
  return { at, method: 'GET', path: `/?ms=${service}`, body: 0 };
}

function toRow(name: string, hits: readonly Hit[], others: number): Row {
  const failed = hits.filter((hit) => hit.status !== 200).length;
  const lag = summarise(hits.map((hit) => hit.lag)).p99;
  return { name, ...summarise(hits.map((hit) => hit.latency)), failed, lag, others };
}
