// Workers that are killed again and again, while their sockets stay, as behind systemd: nobody who
// may be served twice is turned away, and nobody else is served twice.

import { describe, expect } from 'vitest';
import { killProcess } from '../peers/launch.ts';
import { type CWorkers, startCWorkers } from '../peers/libfcgi.ts';
import { begun, p99, steadyLoad } from '../support/clients/steady-load.ts';
import { itWith } from '../support/program/programs.ts';
import { startProxy } from '../support/program/proxy.ts';

const itC = itWith('libfcgi', 'spawn-fcgi');

const SECONDS = 8;
const GETS_A_SECOND = 60;
const POSTS_A_SECOND = 20;
const KILL_EVERY_MS = 250;

/** Kills one of the workers that have begun something lately, in turn. */
function killOneAfterTheOther(workers: CWorkers): { readonly killed: Set<number>; readonly stop: () => void } {
  const killed = new Set<number>();
  let turn = 0;
  const timer = setInterval(() => {
    const alive = [
      ...new Set(
        workers
          .journal()
          .slice(-40)
          .map(({ pid }) => pid),
      ),
    ].filter((pid) => !killed.has(pid));
    turn += 1;
    const pid = alive[turn % Math.max(alive.length, 1)];
    if (pid === undefined) return;
    killed.add(pid);
    killProcess(pid);
  }, KILL_EVERY_MS);
  return { killed, stop: () => clearInterval(timer) };
}

describe('workers killed at random while their sockets stay', () => {
  itC('fail no GET, run no POST twice, and fail only the POSTs that a dying worker held', async () => {
    const workers = await startCWorkers(4);
    const site = await startProxy(['--upstream', workers.glob]);
    const killer = killOneAfterTheOther(workers);
    const [gets, posts] = await Promise.all([
      steadyLoad(site.path, 'GET', GETS_A_SECOND, SECONDS),
      steadyLoad(site.path, 'POST', POSTS_A_SECOND, SECONDS),
    ]);
    killer.stop();
    const journal = workers.journal();

    // Otherwise nothing was tried.
    expect(killer.killed.size).toBeGreaterThan(SECONDS);
    expect(gets.filter(({ status }) => status !== 200)).toEqual([]);
    expect(posts.filter((post) => begun(journal, post).length > 1)).toEqual([]);
    const failed = posts.filter(({ status }) => status !== 200);
    for (const post of failed) {
      expect(post.status).toBe(502);
      const [line] = begun(journal, post);
      // A worker may die between taking a request and writing that it has begun it; that leaves no
      // line.
      if (line !== undefined) expect(killer.killed).toContain(line.pid);
    }
    expect(failed.length).toBeLessThanOrEqual(killer.killed.size);
    // Far above what it is on a machine of its own (bench/kill.ts measures that): who waits here
    // waits for no timeout.
    expect(p99([...gets, ...posts])).toBeLessThan(10_000);
  });
});
