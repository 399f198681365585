// Starts worker.pl for one test: a single Perl process, or several that share one socket under
// FCGI::ProcManager.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { tempDir } from '../support/temp-dir.ts';
import { launch } from './launch.ts';

export interface PerlWorker {
  readonly socket: string;
  /** The lines `METHOD URI PID`, one for each request begun. */
  journal(): readonly string[];
}

/**
 * @param processes how many share the socket under FCGI::ProcManager; undefined: one, without it
 */
export async function startPerlWorker({ processes }: { readonly processes?: number } = {}): Promise<PerlWorker> {
  const dir = tempDir();
  const socket = join(dir, 'perl.sock');
  const words = [join(import.meta.dirname, 'worker.pl'), socket, dir, ...(processes === undefined ? [] : [String(processes)])];
  // The manager may not outlive SIGTERM by long, but its processes may outlive the manager.
  await launch('perl', words, { socket, pidFile: join(dir, 'pids') });
  const journal = join(dir, 'journal');
  return { socket, journal: () => (existsSync(journal) ? readFileSync(journal, 'utf8').split('\n').filter(Boolean) : []) };
}
