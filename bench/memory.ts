// How much memory the front end takes when one side is slow: large bodies both ways, then many
// small requests.

import { join } from 'node:path';
import type { Benchmark, Measured, Setting } from './benchmark.ts';
import { startFront } from './lib/fronts.ts';
import { download, upload } from './lib/paced.ts';
import { memory } from './lib/proc.ts';
import { Scope } from './lib/scope.ts';
import { compileWorkers, startWorkers, type WorkerPrograms } from './lib/workers.ts';

const MIB = 1024 ** 2;
/** MiB */
const LIMIT = 150;
const SAMPLE_EVERY = 20;
const SMALL_STREAMS = 8;

interface Sizes {
  /** Bytes of each large body. */
  readonly body: number;
  /** Bytes a millisecond of the slow side. */
  readonly pace: number;
  /** Small requests. */
  readonly small: number;
}

interface Stage {
  readonly name: string;
  /** MiB: the most that was seen while it ran, and what was left after it. */
  readonly most: number;
  readonly after: number;
  readonly seconds: number;
}

interface Variant {
  readonly name: string;
  readonly stages: readonly Stage[];
  /** MiB: the most the kernel ever saw. */
  readonly peak: number;
}

export const memoryBenchmark: Benchmark = {
  name: 'memory',
  about: 'resident memory with large bodies through slow peers, then small requests',
  caveat:
    "a handful of connections: thousands of slow clients need up to 64 KiB of request and 256 KiB of answer each; page cache and temporary files are not the process's memory",
  run,
};

async function run({ quick, scope, progress }: Setting): Promise<Measured> {
  const body = (quick ? 40 : 200) * MIB;
  const sizes = { body, pace: body / (quick ? 4000 : 20_000), small: quick ? 2000 : 10_000 };
  const programs = await compileWorkers(scope);
  const variants = [
    await measure(scope, programs, 'buffered (the default)', [], sizes, progress),
    await measure(scope, programs, 'unbuffered', ['--request-buffering', 'off', '--response-buffering', 'off'], sizes, progress),
  ];
  return {
    tables: variants.map(({ name, stages, peak }) => ({
      title: `${name}: ${body / MIB} MiB each way, peak ${peak.toFixed(0)} MiB`,
      columns: ['MiB resident', 'most', 'after', 'seconds'],
      rows: stages.map((stage) => [stage.name, stage.most.toFixed(1), stage.after.toFixed(1), stage.seconds.toFixed(1)]),
    })),
    targets: variants.map(({ name, peak }) => ({
      text: `${name}: never more than ${LIMIT} MiB (${peak.toFixed(0)} MiB)`,
      met: peak < LIMIT,
    })),
    figures: { ...sizes, variants },
  };
}

async function measure(
  outer: Scope,
  programs: WorkerPrograms,
  name: string,
  options: readonly string[],
  { body, pace, small }: Sizes,
  progress: (text: string) => void,
): Promise<Variant> {
  const scope = new Scope();
  outer.defer(() => scope.close());
  const folder = scope.directory();
  const workers = ['w1.sock', 'w2.sock'].map((file) => join(folder, file));
  for (const path of workers) await startWorkers(scope, programs, path);
  const socketPath = join(folder, 'http.sock');
  const words = ['--max-body', '1g', '--temp-dir', folder, ...options];
  const { pid } = await startFront(scope, { kind: 'fcgi-lb', options: words }, { path: socketPath }, workers);

  const slowSender = (): Promise<void> => upload({ socketPath, path: '/', bytes: body, pace });
  const slowReader = (): Promise<void> => download({ socketPath, path: `/?bytes=${body}`, bytes: body, pace });
  const slowWorker = (): Promise<void> =>
    upload({ socketPath, path: `/?pace=${Math.round(pace)}`, bytes: body, pace: Number.POSITIVE_INFINITY });
  const stages: Stage[] = [];
  const stage = async (what: string, work: () => Promise<unknown>): Promise<void> => {
    progress(`${name}: ${what}`);
    stages.push(await watch(pid, what, work));
  };
  await stage('idle', () => download({ socketPath, path: '/?bytes=2', bytes: 2, pace: 1 }));
  await stage('upload, slow client', slowSender);
  await stage('upload, slow worker', slowWorker);
  await stage('download, slow client', slowReader);
  await stage('both at once', () => Promise.all([slowSender(), slowReader()]));
  await stage(`${small} small requests`, () => manySmall(socketPath, small));
  const { peak } = memory(pid);
  await scope.close();
  return { name, stages, peak };
}

async function watch(pid: number, name: string, work: () => Promise<unknown>): Promise<Stage> {
  const start = performance.now();
  let most = memory(pid).now;
  const timer = setInterval(() => {
    most = Math.max(most, memory(pid).now);
  }, SAMPLE_EVERY);
  try {
    await work();
  } finally {
    clearInterval(timer);
  }
  const after = memory(pid).now;
  return { name, most: Math.max(most, after), after, seconds: (performance.now() - start) / 1000 };
}

async function manySmall(socketPath: string, count: number): Promise<void> {
  let left = count;
  const stream = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      await download({ socketPath, path: '/?bytes=1024', bytes: 1024, pace: Number.POSITIVE_INFINITY });
    }
  };
  await Promise.all(Array.from({ length: SMALL_STREAMS }, stream));
}
