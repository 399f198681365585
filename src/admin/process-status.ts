// What `GET /status` says of the process: memory, CPU, descriptors, and how late its event loop is.

import { readdirSync, readFileSync, statSync } from 'node:fs';
import type { Percentiles } from '../core/sliding-histogram.ts';
import { rounded } from './pool-status.ts';
import type { ProcessStatus } from './status.ts';

/** @param delay of the event loop, in the last minute or so */
export function processStatus(delay: Percentiles | undefined): ProcessStatus {
  const { user, system } = process.cpuUsage();
  return {
    resident_bytes: process.memoryUsage.rss(),
    cpu_seconds: (user + system) / 1e6,
    open_fds: openFds() ?? null,
    loop_delay_ms: delay === undefined ? null : { p50: rounded(delay.p50), p99: rounded(delay.p99) },
  };
}

/** Undefined where there is no /proc. */
function openFds(): number | undefined {
  const directory = '/proc/self/fd';
  try {
    // Since Linux 6.2 its size is the count; to list ten thousand takes milliseconds.
    const { size } = statSync(directory);
    return size > 0 ? size : readdirSync(directory).length - 1;
  } catch {
    return undefined;
  }
}

/**
 * How many descriptors the process may have open; undefined where there is no /proc, or no limit.
 */
export function mostDescriptors(): number | undefined {
  try {
    const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
    return soft === undefined ? undefined : Number(soft);
  } catch {
    return undefined;
  }
}
