// Compiles echo-worker.c once, and starts it for one test as a service manager would: one process
// behind each socket.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { programPath } from '../support/program/programs.ts';
import { tempDir } from '../support/temp-dir.ts';
import { type Launched, launch } from './launch.ts';

const SOURCE = join(import.meta.dirname, 'echo-worker.c');
const RESPAWN = join(import.meta.dirname, 'respawn.sh');
const CACHE = join(import.meta.dirname, '../../node_modules/.cache/fcgi-lb-tests');

export interface CWorkers {
  /** One socket for each worker. */
  readonly sockets: readonly string[];
  /** Matches the sockets, for `--upstream`. */
  readonly glob: string;
  /** The directory that the workers share: their journal, and the files that tell them to go on. */
  readonly dir: string;
  /** A line for each request begun: method, path and process id of the worker. */
  journal(): readonly JournalLine[];
}

export interface JournalLine {
  readonly method: string;
  readonly uri: string;
  readonly pid: number;
}

/**
 * Starts `count` workers. Each is given its listening socket as descriptor 0 by spawn-fcgi, and is
 * started anew when it dies, while the socket stays.
 */
export async function startCWorkers(count = 1): Promise<CWorkers> {
  const program = compiled();
  const dir = tempDir();
  const launched: Launched[] = [];
  for (let number = 1; number <= count; number += 1) {
    const socket = join(dir, `c${number}.sock`);
    // -n: spawn-fcgi itself becomes the program, so that its process id is the one we know.
    const words = ['-n', '-s', socket, '--', '/bin/sh', RESPAWN, program, dir];
    launched.push(await launch(programPath('spawn-fcgi'), words, { socket }));
  }
  return {
    sockets: launched.map(({ socket }) => socket),
    glob: join(dir, 'c*.sock'),
    dir,
    journal: () => readJournal(join(dir, 'journal')),
  };
}

/** What the worker sends for /generate?LENGTH and /unread?LENGTH. */
export function generated(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let i = 0; i < length; i += 1) bytes[i] = (i * 7 + Math.floor(i / 256)) % 251;
  return bytes;
}

/** The path of the program, compiled if this version of its source has not been yet. */
function compiled(): string {
  const digest = createHash('sha256').update(readFileSync(SOURCE)).digest('hex').slice(0, 16);
  const program = join(CACHE, `echo-worker-${digest}`);
  if (existsSync(program)) return program;
  mkdirSync(CACHE, { recursive: true });
  // Another test process may be compiling too: whoever is last replaces the same program by the
  // same.
  const fresh = `${program}.${process.pid}`;
  execFileSync('cc', ['-O1', '-Wall', '-Wextra', '-o', fresh, SOURCE, '-lfcgi'], { stdio: 'inherit' });
  renameSync(fresh, program);
  return program;
}

function readJournal(path: string): readonly JournalLine[] {
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, 'utf8').split('\n').filter(Boolean);
  return lines.map((line) => {
    const [method = '', uri = '', pid = ''] = line.split(' ');
    return { method, uri, pid: Number(pid) };
  });
}
