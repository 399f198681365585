// What it costs to be watched: CPU time of a busy front end with a live page open and Prometheus
// asking, beside the same without.

import { type ClientRequest, request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Status } from '../src/admin/status.ts';
import type { Benchmark, Measured, Setting } from './benchmark.ts';
import { untilListening } from './lib/command.ts';
import { freePort, mainProgram } from './lib/fronts.ts';
import { share, watchOthers } from './lib/others.ts';
import { cpuNanoseconds } from './lib/proc.ts';
import type { Scope } from './lib/scope.ts';
import { compileWorkers, startWorkers } from './lib/workers.ts';
import { wrk } from './lib/wrk.ts';

/**
 * Workers that take a millisecond each, and as many clients: some 5,000 requests a second, with
 * time to spare.
 */
const WORKERS = 8;
/** At which rate the cost is told. */
const RATE = 5000;
/** Percent of one core. */
const MOST = 2;
/** s between two questions of Prometheus. */
const SCRAPES = 15;

/** s of a window: short, so that a change in the machine's mood falls on both kinds alike. */
const WINDOW = 2;

interface Window {
  /** us of CPU a request. */
  readonly each: number;
  readonly perSecond: number;
}

export const watching: Benchmark = {
  name: 'watching',
  about: `CPU time of a live page and of /metrics every ${SCRAPES} s, while some ${RATE} requests/s are served`,
  caveat: 'a small difference of two large numbers, so look at its standard error; eight upstreams (with a thousand: `status`)',
  run,
};

async function run({ quick, scope, progress }: Setting): Promise<Measured> {
  const pairs = quick ? 4 : 45;
  const { url, admin, pid } = await start(scope);
  await wrk(scope, { url, connections: WORKERS, seconds: 4 });
  const others = watchOthers();
  progress(`${2 * pairs} windows of ${WINDOW} s`);
  const load = wrk(scope, { url, connections: WORKERS, seconds: 2 * pairs * WINDOW + 3 });
  await sleep(1000);
  const plain: Window[] = [];
  const watched: Window[] = [];
  for (let pair = 0; pair < pairs; pair += 1) {
    plain.push(await measure(pid, admin));
    const page = openPage(admin);
    // As often as Prometheus asks while somebody watches.
    if ((pair * WINDOW) % SCRAPES < WINDOW) await read(admin, '/metrics');
    watched.push(await measure(pid, admin));
    page.destroy();
  }
  const { failed } = await load;
  const differences = watched.map(({ each }, at) => each - (plain[at]?.each ?? Number.NaN));
  const percent = (mean(differences) * RATE) / 1e4;
  const error = (deviation(differences) / Math.sqrt(pairs)) * (RATE / 1e4);
  const row = (name: string, windows: readonly Window[]): readonly string[] => [
    name,
    mean(windows.map(({ each }) => each)).toFixed(1),
    mean(windows.map(({ perSecond }) => perSecond)).toFixed(0),
  ];
  return {
    tables: [
      {
        title: `${WORKERS} upstreams, ${pairs} pairs of windows of ${WINDOW} s; ${failed} requests failed; others' CPU ${share(others())}`,
        columns: ['', 'CPU us/request', 'requests/s'],
        rows: [row('not watched', plain), row('watched', watched)],
      },
      {
        columns: ['', '', 'standard error'],
        rows: [[`page and metrics at ${RATE} requests/s, % of a core`, percent.toFixed(2), error.toFixed(2)]],
      },
    ],
    targets: [
      { text: `page and metrics cost less than ${MOST} % of a core`, met: percent < MOST },
      { text: 'no request failed', met: failed === 0 },
    ],
    figures: { percent, error, failed, plain, watched },
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

/** The document that tells how many requests there were costs as much in every window. */
async function measure(pid: number, admin: string): Promise<Window> {
  const [requests, cpu] = [await requestsOf(admin), cpuNanoseconds(pid)];
  const began = performance.now();
  await sleep(WINDOW * 1000);
  const used = (cpuNanoseconds(pid) - cpu) / 1000;
  const seconds = (performance.now() - began) / 1000;
  const served = (await requestsOf(admin)) - requests;
  return { each: used / served, perSecond: served / seconds };
}

async function requestsOf(admin: string): Promise<number> {
  const { pools } = JSON.parse(await read(admin, '/status')) as Status;
  return pools.reduce((sum, pool) => sum + pool.requests, 0);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function deviation(values: readonly number[]): number {
  const middle = mean(values);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - middle) ** 2, 0) / (values.length - 1));
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

/**
 * @returns the answer's body
 * @throws Error when the answer is another than 200
 */
function read(socketPath: string, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, path, headers: { Host: 'localhost' } }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      response.on('end', () =>
        response.statusCode === 200 ? resolve(body) : reject(new Error(`${path}: ${response.statusCode}`)),
      );
    });
    asked.on('error', reject);
    asked.end();
  });
}
