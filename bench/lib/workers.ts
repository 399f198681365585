// The real FastCGI workers behind every benchmark: compiled from C here, each group kept behind its
// socket by a supervisor.

import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { needProgram, output, untilListening } from './command.ts';
import type { Scope } from './scope.ts';

export interface WorkerPrograms {
  readonly worker: string;
  readonly supervisor: string;
}

export interface WorkerGroup {
  readonly path: string;
  /** The process started last at `index` of this group; it may have ended meanwhile. */
  readonly pid: (index: number) => number | undefined;
}

export interface GroupOptions {
  readonly processes?: number;
  /** ms between the end of a worker and its next start; systemd's RestartSec is 100 by default. */
  readonly pause?: number;
  /** File in which workers write what they begin and end. */
  readonly journal?: string;
}

/** @throws Error when there is no compiler or no libfcgi */
export async function compileWorkers(scope: Scope): Promise<WorkerPrograms> {
  const cc = needProgram('cc', 'gcc libfcgi-dev');
  const folder = scope.directory();
  const source = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
  const programs = { worker: join(folder, 'worker'), supervisor: join(folder, 'supervisor') };
  await Promise.all([
    output(scope, { program: cc, words: ['-O2', '-o', programs.worker, source('worker.c'), '-lfcgi'] }),
    output(scope, { program: cc, words: ['-O2', '-o', programs.supervisor, source('supervisor.c')] }),
  ]);
  return programs;
}

/**
 * Starts workers behind a socket at `path`; by default one process, as a `ListenStream=` unit has
 * it.
 */
export async function startWorkers(
  scope: Scope,
  { worker, supervisor }: WorkerPrograms,
  path: string,
  { processes = 1, pause = 100, journal }: GroupOptions = {},
): Promise<WorkerGroup> {
  const running = await scope.start({
    program: supervisor,
    words: [path, String(processes), String(pause), worker],
    env: journal === undefined ? {} : { BENCH_JOURNAL: journal },
  });
  const started = new Map<number, number>();
  if (running.child.stdout !== null) {
    createInterface({ input: running.child.stdout }).on('line', (line) => {
      const [, index, pid] = line.split(' ').map(Number);
      if (index !== undefined && pid !== undefined) started.set(index, pid);
    });
  }
  await untilListening(running, { path });
  return { path, pid: (index) => started.get(index) };
}
