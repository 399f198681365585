// Sockets that vanish for a moment and come back, again and again, while their workers live: nobody
// notices.

import { renameSync } from 'node:fs';
import { describe, expect } from 'vitest';
import { randomFrom } from '../../bench/lib/random.ts';
import { type CWorkers, startCWorkers } from '../peers/libfcgi.ts';
import { begun, p99, steadyLoad } from '../support/clients/steady-load.ts';
import { itWith } from '../support/program/programs.ts';
import { startProxy } from '../support/program/proxy.ts';

const itC = itWith('libfcgi', 'spawn-fcgi');

const SECONDS = 4;
const GETS_A_SECOND = 60;
const POSTS_A_SECOND = 20;
/** ms between two that vanish, on average, and for which each is gone. */
const VANISH_EVERY = 250;
const GONE_FOR = 400;

/** Takes sockets away and puts them back; `stop` resolves when all are there. */
function vanish(
  { sockets }: CWorkers,
  random: () => number,
): { readonly times: () => number; readonly stop: () => Promise<void> } {
  const present = new Set(sockets);
  const returns = new Set<Promise<void>>();
  let times = 0;
  let next: NodeJS.Timeout;
  const takeOne = (): void => {
    const socket = [...present][Math.floor(random() * present.size)];
    if (socket !== undefined) {
      times += 1;
      present.delete(socket);
      renameSync(socket, `${socket}.gone`);
      const back = new Promise<void>((resolve) => {
        setTimeout(() => {
          renameSync(`${socket}.gone`, socket);
          present.add(socket);
          returns.delete(back);
          resolve();
        }, GONE_FOR);
      });
      returns.add(back);
    }
    next = setTimeout(takeOne, VANISH_EVERY * (0.5 + random()));
  };
  next = setTimeout(takeOne, VANISH_EVERY);
  return {
    times: () => times,
    stop: async () => {
      clearTimeout(next);
      await Promise.all(returns);
    },
  };
}

describe('sockets that vanish at random for 400 ms', () => {
  for (const [name, upstreams] of [
    ['found by a glob', ({ glob }: CWorkers) => [glob]],
    ['written out', ({ sockets }: CWorkers) => sockets],
  ] as const) {
    itC(`${name}: no GET and no POST fails, and none is run twice`, async () => {
      const workers = await startCWorkers(4);
      const site = await startProxy(['--upstream', ...upstreams(workers)]);
      const { times, stop } = vanish(workers, randomFrom(1));
      const loads = [
        steadyLoad(site.path, 'GET', GETS_A_SECOND, SECONDS),
        steadyLoad(site.path, 'POST', POSTS_A_SECOND, SECONDS),
      ];
      const sent = (await Promise.all(loads)).flat();
      await stop();
      // Otherwise nothing was tried.
      expect(times()).toBeGreaterThan(SECONDS * 2);
      const journal = workers.journal();
      expect(sent.filter(({ status }) => status !== 200)).toEqual([]);
      expect(sent.filter((each) => begun(journal, each).length !== 1)).toEqual([]);
      // Nobody waits for a timeout, only for a socket that comes back.
      expect(p99(sent)).toBeLessThan(10_000);
    });
  }
});
