// Workers that are killed again and again, while their sockets stay, as behind systemd: nobody who may be served twice is
// turned away, and nobody else is served twice.

import { describe, expect } from 'vitest';
import { ask } from '../helpers/http-client.ts';
import { itWith } from '../helpers/programs.ts';
import { startProxy } from '../helpers/proxy.ts';
import { killProcess } from '../peers/launch.ts';
import { type CWorkers, type JournalLine, startCWorkers } from '../peers/libfcgi.ts';

const itC = itWith('libfcgi', 'spawn-fcgi');

const SECONDS = 8;
const GETS_A_SECOND = 60;
const POSTS_A_SECOND = 20;
const KILL_EVERY_MS = 250;

interface Sent {
  readonly method: 'GET' | 'POST';
  readonly uri: string;
  readonly status: number;
}

/** Sends requests at a steady rate, whether the ones before have been answered or not. */
async function load(path: string, method: Sent['method'], perSecond: number): Promise<Sent[]> {
  const total = SECONDS * perSecond;
  const answers: Promise<Sent>[] = [];
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      const uri = `/spend?15&${method}${answers.length}`;
      const body = method === 'POST' ? { body: 'x=1' } : {};
      answers.push(
        ask(path, { method, path: uri, ...body }).then(
          ({ status, complete }) => ({ method, uri, status: complete ? status : 0 }),
          () => ({ method, uri, status: 0 }),
        ),
      );
      if (answers.length === total) {
        clearInterval(timer);
        resolve();
      }
    }, 1000 / perSecond);
  });
  return Promise.all(answers);
}

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

function begun(journal: readonly JournalLine[], { method, uri }: Sent): readonly JournalLine[] {
  return journal.filter((line) => line.method === method && line.uri === uri);
}

describe('workers killed at random while their sockets stay', () => {
  itC('fail no GET, run no POST twice, and fail only the POSTs that a dying worker held', async () => {
    const workers = await startCWorkers(4);
    const site = await startProxy(['--upstream', workers.glob]);
    const killer = killOneAfterTheOther(workers);
    const [gets, posts] = await Promise.all([load(site.path, 'GET', GETS_A_SECOND), load(site.path, 'POST', POSTS_A_SECOND)]);
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
      // A worker may die between taking a request and writing that it has begun it; that leaves no line.
      if (line !== undefined) expect(killer.killed).toContain(line.pid);
    }
    expect(failed.length).toBeLessThanOrEqual(killer.killed.size);
  });
});
