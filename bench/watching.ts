// What it costs to be watched: CPU time of a busy front end with a live page open and Prometheus asking, beside the same without.

import { type ClientRequest, request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Benchmark, Measured, Setting } from './benchmark.ts';
import { untilListening } from './lib/command.ts';
import { freePort, mainProgram } from './lib/fronts.ts';
import { share, watchOthers } from './lib/others.ts';
import { cpuNanoseconds } from './lib/proc.ts';
import type { Scope } from './lib/scope.ts';
import { median } from './lib/statistics.ts';
import { compileWorkers, startWorkers } from './lib/workers.ts';
import { wrk } from './lib/wrk.ts';

/** Workers that take a millisecond each, and as many clients: some 5,000 requests a second, with time to spare. */
const WORKERS = 8;
/** At which rate the cost is told. */
const RATE = 5000;
/** Percent of one core. */
const MOST = 2;
/** s between two questions of Prometheus. */
const SCRAPES = 15;

interface Window {
  /** us of CPU a request. */
  readonly each: number;
  readonly perSecond: number;
  readonly failed: number;
}

export const watching: Benchmark = {
  name: 'watching',
  about: `CPU time of a live page and of /metrics every ${SCRAPES} s, while some ${RATE} requests/s are served`,
  caveat:
    'a difference of two like numbers: what is below half a percent of a core is noise; eight upstreams (with a thousand: `status`)',
  run,
};

async function run({ quick, scope, progress }: Setting): Promise<Measured> {
  const seconds = quick ? 5 : SCRAPES;
  const rounds = quick ? 2 : 4;
  const { url, admin, pid } = await start(scope);
  await wrk(scope, { url, connections: WORKERS, seconds: 4 });
  const others = watchOthers();
  const plain: Window[] = [];
  const watched: Window[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    progress(`round ${round} of ${rounds}`);
    plain.push(await measure(scope, pid, url, seconds));
    const page = openPage(admin);
    const scrape = sleep((seconds / 2) * 1000).then(() => readAll(admin, '/metrics'));
    watched.push(await measure(scope, pid, url, seconds));
    await scrape;
    page.destroy();
  }
  const cost = (windows: readonly Window[]): number => median(windows.map(({ each }) => each));
  const percent = ((cost(watched) - cost(plain)) * RATE) / 1e4;
  const row = (name: string, windows: readonly Window[]): readonly string[] => [
    name,
    cost(windows).toFixed(1),
    windows.map(({ each }) => each.toFixed(1)).join(' '),
    median(windows.map(({ perSecond }) => perSecond)).toFixed(0),
    String(windows.reduce((sum, { failed }) => sum + failed, 0)),
  ];
  return {
    tables: [
      {
        title: `${WORKERS} upstreams, windows of ${seconds} s in turn; others' CPU ${share(others())}`,
        columns: ['', 'CPU us/request', 'of all windows', 'requests/s', 'failed'],
        rows: [row('not watched', plain), row('watched', watched)],
      },
      { columns: ['', ''], rows: [[`page and metrics at ${RATE} requests/s, % of a core`, percent.toFixed(2)]] },
    ],
    targets: [{ text: `page and metrics cost less than ${MOST} % of a core`, met: percent < MOST }],
    figures: { percent, plain, watched },
  };
}

async function start(scope: Scope): Promise<{ readonly url: string; readonly admin: string; readonly pid: number }> {
  const programs = await compileWorkers(scope);
  const folder = scope.directory();
  const workers = Array.from({ length: WORKERS }, (_, number) => join(folder, `w${number}.sock`));
  for (const worker of workers) await startWorkers(scope, programs, worker);
  const admin = join(folder, 'admin.sock');
  const port = await freePort();
  const quiet = ['--access-log', 'off', '--log-level', 'error', '--keepalive', '30s'];
  const words = [mainProgram(), '--upstream', ...workers, '--listen', `127.0.0.1:${port}`, '--admin', admin, ...quiet];
  const front = await scope.start({ program: process.execPath, words });
  await untilListening(front, { path: admin });
  return { url: `http://127.0.0.1:${port}/Ticket/Display.html?ms=1&bytes=1024`, admin, pid: front.pid };
}

async function measure(scope: Scope, pid: number, url: string, seconds: number): Promise<Window> {
  const before = cpuNanoseconds(pid);
  const { requests, perSecond, failed } = await wrk(scope, { url, connections: WORKERS, seconds });
  return { each: (cpuNanoseconds(pid) - before) / 1000 / requests, perSecond, failed };
}

/** Takes what a page is sent, and does not look at it. */
function openPage(socketPath: string): ClientRequest {
  const asked = request({ socketPath, path: '/events', headers: { Host: 'localhost' } }, (response) => {
    if (response.statusCode !== 200) throw new Error(`/events: ${response.statusCode}`);
    response.on('error', () => undefined);
    response.resume();
  });
  asked.on('error', () => undefined);
  asked.end();
  return asked;
}

/** @throws Error when the answer is another than 200 */
function readAll(socketPath: string, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, path, headers: { Host: 'localhost' } }, (response) => {
      response.resume();
      response.on('end', () => (response.statusCode === 200 ? resolve() : reject(new Error(`${path}: ${response.statusCode}`))));
    });
    asked.on('error', reject);
    asked.end();
  });
}
