// The facts about this machine without which a figure means nothing.

import { cpus, loadavg, totalmem } from 'node:os';
import { versionLine } from './command.ts';

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly kernel: string;
  readonly node: string;
  readonly nginx: string | undefined;
  readonly haproxy: string | undefined;
  /** Over the last minute before the benchmark: others may have been at work. */
  readonly load: number;
  readonly date: string;
}

export async function machineFacts(): Promise<Machine> {
  const [nginx, haproxy, kernel] = await Promise.all([
    versionLine('nginx', '-v'),
    versionLine('haproxy', '-v'),
    versionLine('uname', '-r'),
  ]);
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 1024 ** 3),
    kernel: kernel ?? 'unknown',
    node: process.version,
    nginx: /nginx\/(\S+)/.exec(nginx ?? '')?.[1],
    haproxy: /version (\S+)/.exec(haproxy ?? '')?.[1],
    load: Math.round((loadavg()[0] ?? 0) * 100) / 100,
    date: new Date().toISOString(),
  };
}
