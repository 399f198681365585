// How much of the machine other people's work took during a measurement: the first thing to ask of
// a surprising figure.

import { readFileSync } from 'node:fs';
import { processTree } from './proc.ts';

/**
 * Starts to watch; the result gives the share of all cores (0 to 1) that others have used since.
 */
export function watchOthers(): () => number {
  const before = { machine: machineTicks(), own: ownTicks() };
  return () => {
    const machine = machineTicks();
    const all = machine.all - before.machine.all;
    const others = machine.busy - before.machine.busy - (ownTicks() - before.own);
    return all === 0 ? 0 : Math.max(0, others / all);
  };
}

/** `7 %` */
export function share(part: number): string {
  return `${Math.round(part * 100)} %`;
}

function machineTicks(): { readonly busy: number; readonly all: number } {
  const [user = 0, nice = 0, system = 0, idle = 0, wait = 0, irq = 0, softirq = 0, steal = 0] = (
    readFileSync('/proc/stat', 'utf8').split('\n')[0] ?? ''
  )
    .split(/\s+/)
    .slice(1)
    .map(Number);
  const busy = user + nice + system + irq + softirq + steal;
  return { busy, all: busy + idle + wait };
}

/** Ticks of this process, its descendants, and those of them that have ended. */
function ownTicks(): number {
  let sum = 0;
  for (const pid of processTree(process.pid)) {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    for (const at of [11, 12, 13, 14]) sum += Number(fields[at]);
  }
  return sum;
}
