// Workers that cannot be connected to: they are passed over, and when there is no other, requests
// wait for one.

import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ask } from '../support/clients/http-client.ts';
import { eventually } from '../support/eventually.ts';
import { startProxy } from '../support/program/proxy.ts';
import { answering, fakeWorker } from '../support/servers/fake-worker.ts';
import { deadSocket, fullSocket } from '../support/servers/sockets.ts';
import { tempDir } from '../support/temp-dir.ts';

const ONE = ['--max-conns', '1'];

describe('a worker that cannot be connected to', () => {
  it('refuses: its requests go to another one, POST as well, and none is counted as sent twice', async () => {
    const dead = join(tempDir(), 'dead.sock');
    await deadSocket(dead);
    const live = await fakeWorker(answering('alive'));
    const proxy = await startProxy(['--upstream', dead, live.path, ...ONE]);
    for (const method of ['GET', 'POST', 'GET', 'POST']) {
      const answer = await ask(proxy.path, method === 'POST' ? { method, body: 'x' } : { method });
      expect([answer.status, answer.body.toString()]).toEqual([200, 'alive']);
    }
    expect(proxy.access.map((entry) => entry.attempts)).toEqual([1, 1, 1, 1]);
    expect(live.connections()).toBe(4);
    await proxy.logLine(({ fields }) => fields['code'] === 'FCGI_LB_CONNECT_REFUSED' && fields['upstream'] === dead);
  });

  it('has a backlog that is full: it is busy, and the request goes to another one', async () => {
    const full = join(tempDir(), 'full.sock');
    await fullSocket(full);
    const live = await fakeWorker(answering('alive'));
    const proxy = await startProxy(['--upstream', full, live.path, '--balance', 'round-robin', ...ONE]);
    for (let i = 0; i < 4; i += 1) {
      const answer = await ask(proxy.path, { method: 'POST', body: 'x' });
      expect([answer.status, answer.body.toString()]).toEqual([200, 'alive']);
    }
    await proxy.logLine(({ fields }) => fields['code'] === 'FCGI_LB_CONNECT_BUSY' && fields['upstream'] === full);
    expect(live.connections()).toBe(4);
  });

  it('has a backlog that is full and is alone: the request waits until somebody takes it', async () => {
    const path = join(tempDir(), 'full.sock');
    const end = await fullSocket(path);
    const proxy = await startProxy(['--upstream', path, ...ONE]);
    const answer = ask(proxy.path, { method: 'POST', body: 'x' });
    await proxy.logLine(({ fields }) => fields['code'] === 'FCGI_LB_CONNECT_BUSY');
    await end();
    rmSync(path);
    await fakeWorker(answering('alive at last'), { path });
    expect((await answer).body.toString()).toBe('alive at last');
  });

  it('has no socket file yet: the request waits in the queue and succeeds when the worker comes', async () => {
    const path = join(tempDir(), 'late.sock');
    const proxy = await startProxy(['--upstream', path, ...ONE]);
    const answer = ask(proxy.path, { method: 'POST', body: 'x' });
    await proxy.logLine(({ fields }) => fields['code'] === 'FCGI_LB_CONNECT_MISSING');
    await fakeWorker(answering('late'), { path });
    expect(await answer).toMatchObject({ status: 200 });
    expect(await proxy.accessLine(1)).toMatchObject({ status: 200, attempts: 1 });
  });

  it('comes back after it refused: the waiting request succeeds', async () => {
    const path = join(tempDir(), 'back.sock');
    await deadSocket(path);
    const proxy = await startProxy(['--upstream', path, ...ONE]);
    const answer = ask(proxy.path, { method: 'POST', body: 'x' });
    await proxy.logLine(({ fields }) => fields['code'] === 'FCGI_LB_CONNECT_REFUSED');
    rmSync(path);
    await fakeWorker(answering('back'), { path });
    expect(await answer).toMatchObject({ status: 200 });
    expect((await ask(proxy.path)).status).toBe(200);
    await eventually(() => expect(proxy.log.some(({ message }) => message === 'upstream answers again')).toBe(true));
  });
});

describe('when no worker can be connected to', () => {
  it('requests wait until the queue timeout and get 503 with Retry-After, and the log says why', async () => {
    const dir = tempDir();
    await deadSocket(join(dir, 'dead.sock'));
    const proxy = await startProxy([
      '--upstream',
      join(dir, 'dead.sock'),
      join(dir, 'missing.sock'),
      ...[...ONE, '--queue-timeout', '300ms'],
    ]);
    const began = performance.now();
    const answer = await ask(proxy.path);
    expect(answer.status).toBe(503);
    expect(answer.headers['retry-after']).toBe('5');
    expect(performance.now() - began).toBeGreaterThan(290);
    expect(await proxy.accessLine(1)).toMatchObject({ status: 503, attempts: 0, error: 'FCGI_LB_QUEUE_TIMEOUT' });
    await proxy.logLine(({ level, fields }) => level === 'warn' && fields['code'] === 'FCGI_LB_QUEUE_TIMEOUT');
  });
});
