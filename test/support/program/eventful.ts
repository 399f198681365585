// A program to which everything has happened that the operator can be told of: failures, retries,
// waits, refusals, probes, reloads.

import { join } from 'node:path';
import { ask } from '../clients/http-client.ts';
import { eventually } from '../eventually.ts';
import { answer, answering, fakeWorker, holding } from '../servers/fake-worker.ts';
import { tempDir } from '../temp-dir.ts';
import { poolsFile, type Reloadable, reloadable } from './reloadable.ts';

export interface Eventful extends Reloadable {
  /** The unix socket of its admin listener. */
  readonly admin: string;
  /** Closes the connection instead of answering. */
  readonly broken: string;
  /** Answered the two requests that were served. */
  readonly good: string;
}

/**
 * Of three requests the first fails at `broken` and is answered by `good`; the second waits for
 * `good`; the third finds the queue full. Then a third upstream joins, a reload fails, and every
 * upstream is probed. `broken` is down all the while.
 */
export async function eventful(): Promise<Eventful> {
  const directory = tempDir();
  const admin = join(directory, 'admin.sock');
  const { handler, next } = holding();
  const broken = await fakeWorker((reply) => void reply.socket.destroy(), { path: join(directory, 'rt1.sock') });
  const good = await fakeWorker(handler, { path: join(directory, 'rt2.sock') });
  const yaml = poolsFile({
    rt:
      `{ upstreams: ['${directory}/rt*.sock'], balance: first, max_conns: 1, queue: { size: 1 }, passive: { max_fails: 1 }, ` +
      'health: { probe: connect, interval: 100ms, timeout: 2s, wake: true } }',
  });
  const program = await reloadable(yaml, ['--admin', admin]);
  const http = program.proxy.path;
  const first = ask(http);
  const held = await next();
  const second = ask(http);
  await eventually(() => {
    if (program.pool('rt').queue.waiting !== 1) throw new Error('nobody waits yet');
  });
  if ((await ask(http)).status !== 503) throw new Error('the queue was not full');
  answer(held, 'first');
  await first;
  answer(await next(), 'second');
  await second;
  await program.proxy.accessLine(3);
  await fakeWorker(answering('third'), { path: join(directory, 'rt3.sock') });
  await program.tryReload('pools: nothing');
  await eventually(() => {
    const { pools, process } = program.status();
    const upstreams = pools.flatMap((pool) => pool.upstreams);
    if (upstreams.length < 3 || process.loop_delay_ms === null) throw new Error('not all has happened yet');
    if (!upstreams.every(({ last_probe }) => last_probe?.result === 'good')) throw new Error('not all are probed yet');
  });
  return { ...program, admin, broken: broken.path, good: good.path };
}
