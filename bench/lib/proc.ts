// What the kernel says about processes: CPU time of a process and its descendants, resident memory.

import { readdirSync, readFileSync } from 'node:fs';

/**
 * Nanoseconds of CPU, user and system, that a process and all its descendants have used so far,
 * over all their threads. schedstat counts exactly; utime and stime of /proc/PID/stat only in ticks
 * of 10 ms.
 */
export function cpuNanoseconds(pid: number): number {
  let sum = 0;
  for (const member of processTree(pid)) {
    for (const thread of readdirSync(`/proc/${member}/task`)) {
      sum += Number(read(`/proc/${member}/task/${thread}/schedstat`).split(' ')[0] ?? 0);
    }
  }
  return sum;
}

export interface Memory {
  /** MiB resident now, and the most there ever was. */
  readonly now: number;
  readonly peak: number;
}

export function memory(pid: number): Memory {
  const status = read(`/proc/${pid}/status`);
  const field = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0) / 1024;
  return { now: field('VmRSS'), peak: field('VmHWM') };
}

/** A process and all its descendants. */
export function processTree(pid: number): readonly number[] {
  const members = [pid];
  for (const member of members) {
    for (const thread of readdirSync(`/proc/${member}/task`)) {
      const children = read(`/proc/${member}/task/${thread}/children`).trim();
      if (children !== '') members.push(...children.split(' ').map(Number));
    }
  }
  return members;
}

function read(path: string): string {
  return readFileSync(path, 'utf8');
}
