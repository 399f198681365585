// What another process holds now, as Linux tells it.

import { readdirSync, readFileSync } from 'node:fs';

/** Bytes of memory that the process has in use. */
export function memoryOf(pid: number): number {
  return Number(/^VmRSS:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]) * 1024;
}

/** Descriptors that the process has open. */
export function descriptorsOf(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}
