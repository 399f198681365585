// What a request costs in each tenth of a second of a run, so that undisturbed moments can be told
// from the rest.

import { readFileSync } from 'node:fs';
import { cpuNanoseconds, processTree } from './proc.ts';

/**
 * ms of a window: most of them lie wholly within one state of the machine, and still hold a
 * thousand requests.
 */
const WINDOW = 100;
/** A window with fewer bytes than this part of the mean is the start or the end of the load. */
const FULL = 0.3;

/**
 * Samples CPU time and bytes written of a process and its descendants. How many requests a window
 * served is its share of the bytes, since all answers are equally long.
 * @returns ends the watch: given the requests of the whole run, CPU microseconds a request in each
 *   window
 */
export function watchWindows(pid: number): (requests: number) => readonly number[] {
  const tree = processTree(pid);
  const sample = (): Sample => ({
    cpu: cpuNanoseconds(pid),
    written: tree.reduce((sum, member) => sum + bytesWritten(member), 0),
  });
  const samples: Sample[] = [sample()];
  const timer = setInterval(() => samples.push(sample()), WINDOW);
  return (requests) => {
    clearInterval(timer);
    // The end of the load, too: the requests are those of the whole run.
    samples.push(sample());
    const windows = samples.slice(1).map(({ cpu, written }, at) => {
      const before = samples[at] ?? { cpu, written };
      return { cpu: cpu - before.cpu, written: written - before.written };
    });
    const all = windows.reduce((sum, { written }) => sum + written, 0);
    return windows
      .filter(({ written }) => written > (FULL * all) / windows.length)
      .map(({ cpu, written }) => cpu / 1000 / ((written / all) * requests));
  };
}

interface Sample {
  /** ns */
  readonly cpu: number;
  readonly written: number;
}

/** By `write` and `writev`, sockets included. */
function bytesWritten(pid: number): number {
  return Number(/^wchar: (\d+)/m.exec(readFileSync(`/proc/${pid}/io`, 'utf8'))?.[1] ?? 0);
}
