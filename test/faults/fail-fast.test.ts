// When nothing answers: requests wait as long as something may come, are turned away at once after
// that, and are served again at once.

import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Answer, ask } from '../support/clients/http-client.ts';
import { eventually } from '../support/eventually.ts';
import { type Proxy as RunningProxy, startProxy, withPool } from '../support/program/proxy.ts';
import { answering, fakeWorker } from '../support/servers/fake-worker.ts';
import { deadSocket } from '../support/servers/sockets.ts';
import { tempDir } from '../support/temp-dir.ts';

const SOON = withPool({ failFastAfter: 600 });

/** Asks until an answer is not 503, and gives it. */
async function untilServed(path: string): Promise<Answer> {
  let answer = await ask(path, { method: 'POST', body: 'x' });
  await eventually(async () => {
    if (answer.status === 503) answer = await ask(path, { method: 'POST', body: 'x' });
    expect(answer.status).not.toBe(503);
  });
  return answer;
}

async function expectDown(proxy: RunningProxy): Promise<void> {
  const before = proxy.access.length;
  const began = performance.now();
  const answer = await ask(proxy.path);
  expect([answer.status, answer.headers['retry-after']]).toEqual([503, '5']);
  // At once: far from the 30 s of the queue.
  expect(performance.now() - began).toBeLessThan(5000);
  expect(await proxy.accessLine(before + 1)).toMatchObject({ status: 503, attempts: 0, error: 'FCGI_LB_POOL_DOWN' });
}

describe('when every upstream refuses', () => {
  it('requests wait for fail_fast_after, not for their queue timeout, and are all turned away in that moment', async () => {
    const dir = tempDir();
    const [a, b] = [join(dir, 'a.sock'), join(dir, 'b.sock')];
    await deadSocket(a);
    const proxy = await startProxy(['--upstream', a, b, '--queue-timeout', '60s'], SOON);
    const began = performance.now();
    const early = Array.from({ length: 5 }, () =>
      ask(proxy.path).then(({ status }) => ({ status, at: performance.now() - began })),
    );
    await eventually(() => expect(proxy.program.pool.waiting).toBeGreaterThan(0));
    const late = ask(proxy.path).then(({ status }) => ({ status, at: performance.now() - began }));
    const answers = await Promise.all([...early, late]);
    expect(answers.map(({ status }) => status)).toEqual([503, 503, 503, 503, 503, 503]);
    for (const { at } of answers) {
      expect(at).toBeGreaterThan(500);
      expect(at).toBeLessThan(10_000);
    }
    expect(proxy.access.map(({ error }) => error)).toEqual(answers.map(() => 'FCGI_LB_POOL_DOWN'));
    await expectDown(proxy);
  });

  it('service is back as soon as one listens again, at a path that was written out', async () => {
    const path = join(tempDir(), 'a.sock');
    await deadSocket(path);
    const proxy = await startProxy(['--upstream', path], SOON);
    expect((await ask(proxy.path)).status).toBe(503);
    await expectDown(proxy);
    rmSync(path);
    await fakeWorker(answering('back'), { path });
    expect((await untilServed(proxy.path)).body.toString()).toBe('back');
    await eventually(() => expect([...proxy.program.pool.upstreams].map(({ state }) => state.is)).toEqual(['up']));
  });

  it('service is back as soon as one listens again, at a path that a glob found', async () => {
    const dir = tempDir();
    await deadSocket(join(dir, 'rt1.sock'));
    const proxy = await startProxy(['--upstream', join(dir, 'rt*.sock')], SOON);
    expect((await ask(proxy.path)).status).toBe(503);
    rmSync(join(dir, 'rt1.sock'));
    await fakeWorker(answering('back'), { path: join(dir, 'rt1.sock') });
    expect((await untilServed(proxy.path)).body.toString()).toBe('back');
  });

  it('requests that wait are served if one comes back before that', async () => {
    const dir = tempDir();
    const proxy = await startProxy(['--upstream', join(dir, 'a.sock')], withPool({ failFastAfter: 10_000 }));
    const waiting = [ask(proxy.path), ask(proxy.path, { method: 'POST', body: 'x' })];
    await eventually(() => expect(proxy.program.pool.waiting).toBe(2));
    await fakeWorker(answering('late'), { path: join(dir, 'a.sock') });
    expect((await Promise.all(waiting)).map(({ status }) => status)).toEqual([200, 200]);
  });
});

describe('when a glob finds nothing', () => {
  it('requests wait, then are turned away, and are served as soon as a socket appears', async () => {
    const dir = tempDir();
    const proxy = await startProxy(['--upstream', join(dir, 'rt*.sock')], SOON);
    expect((await ask(proxy.path)).status).toBe(503);
    await expectDown(proxy);
    await fakeWorker(answering('here'), { path: join(dir, 'rt1.sock') });
    expect((await untilServed(proxy.path)).body.toString()).toBe('here');
  });

  it('and nothing is left of what it had found, the same holds', async () => {
    const dir = tempDir();
    const path = join(dir, 'rt1.sock');
    const worker = await fakeWorker(answering('first'), { path });
    const proxy = await startProxy(['--upstream', join(dir, 'rt*.sock')], SOON);
    expect((await ask(proxy.path)).status).toBe(200);
    await worker.close();
    rmSync(path, { force: true });
    await eventually(() => expect(proxy.program.pool.upstreams.size).toBe(0));
    const answer = await ask(proxy.path);
    expect([answer.status, proxy.access.at(-1)?.error]).toEqual([503, 'FCGI_LB_POOL_DOWN']);
    await fakeWorker(answering('second'), { path });
    expect((await untilServed(proxy.path)).body.toString()).toBe('second');
  });
});

describe('when every upstream is merely busy', () => {
  it('requests wait for their own time, however long nobody has answered', async () => {
    const worker = await fakeWorker(() => undefined, { single: false });
    const proxy = await startProxy(
      ['--upstream', worker.path, '--max-conns', '1', '--queue-timeout', '900ms'],
      withPool({ failFastAfter: 100 }),
    );
    const held = ask(proxy.path).catch(() => undefined);
    await eventually(() => expect(worker.connections()).toBe(1));
    expect((await ask(proxy.path)).status).toBe(503);
    expect(proxy.access.map(({ error }) => error)).toEqual(['FCGI_LB_QUEUE_TIMEOUT']);
    await worker.close();
    await held;
  });
});
