// The queue of a pool as clients meet it: order, limits, deadlines, and leaving early.

import { describe, expect, it } from 'vitest';
import { ask, testClient } from '../support/clients/http-client.ts';
import { eventually } from '../support/eventually.ts';
import { startProxy, type Proxy as TestProxy } from '../support/program/proxy.ts';
import { answer, fakeWorker, holding, recording } from '../support/servers/fake-worker.ts';

async function busyWorker(words: readonly string[] = []) {
  const { handler, next } = holding();
  const { handler: recorded, seen } = recording(handler);
  const worker = await fakeWorker(recorded);
  const proxy = await startProxy(['--upstream', worker.path, '--max-conns', '1', ...words]);
  const first = ask(proxy.path, { path: '/first' });
  const holder = await next();
  return { proxy, seen, next, first, holder };
}

async function waiting(proxy: TestProxy, count: number): Promise<void> {
  await eventually(() => expect(proxy.program.pool.waiting).toBe(count));
}

describe('requests that find no free worker', () => {
  it('are served in the order in which they came', async () => {
    const { proxy, seen, next, first, holder } = await busyWorker();
    const answers = [];
    for (let i = 1; i <= 6; i += 1) {
      answers.push(ask(proxy.path, { path: `/${i}` }));
      await waiting(proxy, i);
    }
    answer(holder, 'done');
    for (let i = 1; i <= 6; i += 1) answer(await next(), `answer ${i}`);
    expect((await first).body.toString()).toBe('done');
    expect((await Promise.all(answers)).map(({ body }) => body.toString())).toEqual([1, 2, 3, 4, 5, 6].map((i) => `answer ${i}`));
    expect(seen).toEqual(['/first', '/1', '/2', '/3', '/4', '/5', '/6']);
  });

  it('get 503 with Retry-After at the queue timeout, and the worker never sees them', async () => {
    const { proxy, seen, first, holder } = await busyWorker(['--queue-timeout', '150ms']);
    const late = await ask(proxy.path, { path: '/late' });
    expect(late.status).toBe(503);
    expect(late.headers['retry-after']).toBe('5');
    answer(holder, 'done');
    expect((await first).status).toBe(200);
    expect(await proxy.accessLine(1)).toMatchObject({ path: '/late', status: 503, attempts: 0 });
    expect(seen).toEqual(['/first']);
    const line = await proxy.logLine(({ fields }) => fields['code'] === 'FCGI_LB_QUEUE_TIMEOUT');
    expect(line.message).toContain('1 are full');
  });

  it('get 503 at once when the queue is full, while those in it go on waiting', async () => {
    const { proxy, next, first, holder } = await busyWorker(['--queue', '1']);
    const second = ask(proxy.path, { path: '/second' });
    await waiting(proxy, 1);
    const third = await ask(proxy.path, { path: '/third' });
    expect(third.status).toBe(503);
    expect(third.headers['retry-after']).toBe('5');
    expect(await proxy.accessLine(1)).toMatchObject({ path: '/third', error: 'FCGI_LB_QUEUE_FULL' });
    expect(proxy.program.pool.waiting).toBe(1);
    answer(holder, 'one');
    answer(await next(), 'two');
    expect((await first).body.toString()).toBe('one');
    expect((await second).body.toString()).toBe('two');
  });

  it('leave the queue with their client: access log 499, and the worker never sees them', async () => {
    const { proxy, seen, next, first, holder } = await busyWorker();
    const leaver = testClient(proxy.path);
    leaver.write('GET /leaver HTTP/1.1\r\nHost: a\r\n\r\n');
    await waiting(proxy, 1);
    const third = ask(proxy.path, { path: '/third' });
    await waiting(proxy, 2);
    leaver.socket.destroy();
    expect(await proxy.accessLine(1)).toMatchObject({
      path: '/leaver',
      status: 499,
      attempts: 0,
      error: 'FCGI_LB_CLIENT_GONE',
    });
    await waiting(proxy, 1);
    answer(holder, 'one');
    answer(await next(), 'three');
    expect((await first).status).toBe(200);
    expect((await third).body.toString()).toBe('three');
    expect(seen).toEqual(['/first', '/third']);
  });
});
