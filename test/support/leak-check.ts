// Runs around every test: what the test has opened, started or left lying about must be gone when
// it is over.

import { ChildProcess } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { beforeEach } from 'vitest';
import { TEMP_PREFIX } from './temp-dir.ts';

/** ms for what is closing to be closed; generous, since machines that run tests are busy. */
const PATIENCE = 5000;
const ROOT = join(import.meta.dirname, '../..');

/** What may be left behind, each with a name that a developer can make something of. */
type Inventory = ReadonlySet<string>;

interface Watched {
  /** Timers that were set, each with the place that did. */
  readonly timers: Map<NodeJS.Timeout, Error>;
  /** Child processes started so far: only then is it worth looking for those left. */
  started: number;
}

/**
 * One for the process: this file runs again before each test file, and without isolation the
 * process is the same.
 */
const KEY = Symbol.for('fcgi-lb.leak-check');
const shared = globalThis as { [KEY]?: Watched };
shared[KEY] ??= watch();
const watched: Watched = shared[KEY];

/** Inherited by what a test starts, and by what that starts in turn. */
const MARK = `FCGI_LB_TESTS=${process.pid}`;
process.env['FCGI_LB_TESTS'] = String(process.pid);

beforeEach(({ onTestFinished }) => {
  const before = inventory();
  const startedBefore = watched.started;
  // The first to be registered runs last, after the test and its helpers have cleaned up.
  onTestFinished(async () => {
    const deadline = performance.now() + PATIENCE;
    for (;;) {
      const left = [...inventory()].filter((each) => !before.has(each));
      if (watched.started > startedBefore) left.push(...processes());
      if (left.length === 0) return;
      if (performance.now() > deadline) throw new Error(`the test left something behind:\n  ${left.map(withPath).join('\n  ')}`);
      await delay(5);
    }
  });
});

function inventory(): Inventory {
  return new Set([...descriptors(), ...directories(), ...runningTimers()]);
}

/** Sockets, pipes and files; by inode, so that a successor under the same number is told apart. */
function descriptors(): readonly string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    const target = linkOf(fd);
    if (target === undefined) return [];
    const counts = /^(socket|pipe):/.test(target) || target.startsWith(`${tmpdir()}/`) || target.includes('(deleted)');
    return counts ? [`descriptor ${fd} (${target})`] : [];
  });
}

function linkOf(fd: string): string | undefined {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    // Closed meanwhile; the directory's own descriptor always is.
    return undefined;
  }
}

/**
 * The same with the path of a unix socket: for the message alone, since the list of sockets is long
 * on a busy machine.
 */
function withPath(item: string): string {
  const inode = /^descriptor .*socket:\[(\d+)\]/.exec(item)?.[1];
  if (inode === undefined) return item;
  const line = readFileSync('/proc/self/net/unix', 'latin1')
    .split('\n')
    .find((each) => each.split(/\s+/)[6] === inode);
  return `${item}, ${line?.split(/\s+/)[7] ?? 'no path'}`;
}

/** Those that tempDir() of this very process has made. */
function directories(): readonly string[] {
  return readdirSync('/tmp')
    .filter((name) => name.startsWith(TEMP_PREFIX))
    .map((name) => `directory /tmp/${name}`);
}

/** Processes that were started by this one, or by one of those. */
function processes(): readonly string[] {
  return readdirSync('/proc').flatMap((pid) => {
    if (!/^\d+$/.test(pid) || pid === String(process.pid)) return [];
    try {
      if (!readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0').includes(MARK)) return [];
      return [`process ${pid} (${readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ').trim()})`];
    } catch {
      // Ended meanwhile, or somebody else's.
      return [];
    }
  });
}

/**
 * Those of the program and of tests; vitest has some of its own, such as the time limit of the
 * test, in which no line of ours has a part.
 */
function runningTimers(): readonly string[] {
  const running: string[] = [];
  for (const [timer, place] of watched.timers) {
    // Node's own mark of a timer that has fired or was cleared; `hasRef` tells nothing about that.
    if ((timer as { readonly _destroyed?: boolean })._destroyed === true) watched.timers.delete(timer);
    else {
      const lines = (place.stack ?? '')
        .split('\n')
        .filter((line) => line.includes(ROOT) && !/node_modules|leak-check/.test(line));
      const number = Number(timer[Symbol.toPrimitive]());
      if (lines.length > 0) running.push(`timer ${number}, set ${lines.map((line) => line.trim()).join(' ')}`);
    }
  }
  return running;
}

type SetTimer = (callback: (...words: unknown[]) => void, ms?: number, ...words: unknown[]) => NodeJS.Timeout;

function watch(): Watched {
  const state: Watched = { timers: new Map(), started: 0 };
  watchTimers(state);
  watchProcesses(state);
  return state;
}

/** Not async_hooks, which would make every promise of every test slow. */
function watchTimers({ timers }: Watched): void {
  for (const name of ['setTimeout', 'setInterval'] as const) {
    const original: SetTimer = globalThis[name];
    const recording: SetTimer = (callback, ms, ...words) => {
      const timer = original(callback, ms, ...words);
      timers.set(timer, new Error(name));
      return timer;
    };
    globalThis[name] = Object.assign(recording, original) as typeof setTimeout & typeof setInterval;
  }
}

function watchProcesses(state: Watched): void {
  const prototype = ChildProcess.prototype as unknown as { spawn(this: ChildProcess, options: unknown): unknown };
  const original = prototype.spawn;
  prototype.spawn = function spawn(options) {
    state.started += 1;
    return original.call(this, options);
  };
}
