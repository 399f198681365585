// What it costs to tell the operator: /status and /metrics with a thousand upstreams, and the
// counting of a request.

import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Benchmark, Measured, Setting } from './benchmark.ts';
import { untilListening } from './lib/command.ts';
import { countedBytes, countOperation } from './lib/count-operations.ts';
import { mainProgram } from './lib/fronts.ts';
import { share, watchOthers } from './lib/others.ts';
import { cpuNanoseconds, memory } from './lib/proc.ts';
import { loadParts } from './lib/product.ts';
import { startQuietWorkers } from './lib/quiet.ts';
import { type Summary, summarise } from './lib/statistics.ts';
import { nanosecondsEach } from './lib/stopwatch.ts';

const UPSTREAMS = 1000;
/** Requests to each of them first, so that there is something to tell. */
const EACH = 3;
/** ms for an answer of /status. */
const MOST = 50;
/** ns for the counting of one request, of some 50 us that it costs altogether. */
const MOST_COUNTING = 1000;
/** s between two questions, as Prometheus and the live page put them. */
const INTERVALS = { '/status': 1, '/metrics': 15 } as const;
/** Questions before those that count: what is compiled once is no cost of an answer. */
const WARM_UP = 20;

type Path = keyof typeof INTERVALS;

interface Row {
  readonly path: Path;
  readonly kibibytes: number;
  /** ms until the last byte. */
  readonly latency: Summary;
  /** ms of CPU for each answer. */
  readonly cpu: number;
}

export const status: Benchmark = {
  name: 'status',
  about: `/status and /metrics with ${UPSTREAMS} upstreams, and what is counted of a request`,
  caveat:
    'a program with nothing else to do: under load an answer also waits for its turn of the event loop, as every request waits for it',
  run,
};

async function run({ quick, scope, progress }: Setting): Promise<Measured> {
  const parts = await loadParts();
  const counting = nanosecondsEach(countOperation(parts), quick ? { sample: 20, samples: 5 } : { sample: 100, samples: 7 });
  const bytes = countedBytes(parts);

  const folder = await startQuietWorkers(scope, UPSTREAMS);
  const [http, admin] = [join(folder, 'http'), join(folder, 'admin')];
  const options = ['--balance', 'round-robin', '--max-conns', '1', '--access-log', 'off', '--log-level', 'error'];
  const words = [mainProgram(), '--upstream', `${folder}/w*.sock`, '--listen', http, '--admin', admin, ...options];
  const front = await scope.start({ program: process.execPath, words });
  await untilListening(front, { path: admin });
  progress(`${UPSTREAMS * EACH} requests`);
  await serve(http);

  const others = watchOthers();
  const rows: Row[] = [];
  for (const path of ['/status', '/metrics'] as const) {
    progress(path);
    rows.push(await measure(front.pid, admin, path, quick ? 20 : 100));
  }
  const seconds = quick ? 2 : 10;
  progress(`idle: ${seconds} s`);
  const before = cpuNanoseconds(front.pid);
  await sleep(seconds * 1000);
  const idle = ((cpuNanoseconds(front.pid) - before) / 1e9 / seconds) * 100;
  const resident = memory(front.pid).now;

  return {
    tables: [
      {
        title: `${UPSTREAMS} upstreams that have served; others' CPU ${share(others())}`,
        columns: ['', 'KiB', 'p50 ms', 'p99 ms', 'max ms', 'CPU ms', 'asked every', '% of a core'],
        rows: rows.map(({ path, kibibytes, latency, cpu }) => [
          path,
          kibibytes.toFixed(0),
          ...[latency.p50, latency.p99, latency.max, cpu].map((ms) => ms.toFixed(1)),
          `${INTERVALS[path]} s`,
          (cpu / 10 / INTERVALS[path]).toFixed(2),
        ]),
      },
      {
        columns: ['', ''],
        rows: [
          ['counting one request, ns', counting.toFixed(0)],
          ['counts of one upstream, bytes', bytes.toFixed(0)],
          ['idle, % of a core', idle.toFixed(2)],
          ['resident, MiB', resident.toFixed(0)],
        ],
      },
    ],
    targets: [
      { text: `/status takes less than ${MOST} ms at the 99th percentile`, met: (rows[0]?.latency.p99 ?? Number.NaN) < MOST },
      { text: `counting a request costs less than ${MOST_COUNTING} ns`, met: counting < MOST_COUNTING },
    ],
    figures: { counting, bytes, idle, resident, rows },
  };
}

async function measure(pid: number, socketPath: string, path: Path, times: number): Promise<Row> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  for (let i = 0; i < WARM_UP; i += 1) await get(agent, socketPath, path);
  const before = cpuNanoseconds(pid);
  const latencies: number[] = [];
  let bytes = 0;
  for (let i = 0; i < times; i += 1) {
    const began = performance.now();
    bytes = await get(agent, socketPath, path);
    latencies.push(performance.now() - began);
  }
  const cpu = (cpuNanoseconds(pid) - before) / times / 1e6;
  agent.destroy();
  return { path, kibibytes: bytes / 1024, latency: summarise(latencies), cpu };
}

async function serve(socketPath: string): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 8 });
  const clients = Array.from({ length: 8 }, async () => {
    for (let i = 0; i < (UPSTREAMS * EACH) / 8; i += 1) await get(agent, socketPath, '/');
  });
  await Promise.all(clients);
  agent.destroy();
}

/**
 * @returns bytes of the answer
 * @throws Error when it is another than 200
 */
function get(agent: Agent, socketPath: string, path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, path, agent, headers: { Host: 'localhost' } }, (response) => {
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
      });
      response.on('end', () => {
        if (response.statusCode === 200) resolve(bytes);
        else reject(new Error(`${path}: ${response.statusCode}`));
      });
    });
    asked.on('error', reject);
    asked.end();
  });
}
