// The operator's door: whether the program lives, and whether it can serve, with the reasons when
// it cannot.

import { rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ask } from '../support/clients/http-client.ts';
import { eventually } from '../support/eventually.ts';
import { startProxy } from '../support/program/proxy.ts';
import { answer, answering, fakeWorker, holding } from '../support/servers/fake-worker.ts';
import { deadSocket } from '../support/servers/sockets.ts';
import { tempDir } from '../support/temp-dir.ts';

async function withAdmin(upstreams: readonly string[], words: readonly string[] = []) {
  const admin = join(tempDir(), 'admin.sock');
  const proxy = await startProxy(['--upstream', ...upstreams, '--max-conns', '1', '--admin', admin, ...words]);
  const get = async (path: string) => {
    const { status, body } = await ask(admin, { path });
    return { status, body: JSON.parse(body.toString()) as { status: string; reasons?: string[] } };
  };
  return { admin, proxy, get };
}

describe('the admin listener', () => {
  it('answers 200 on /healthz and /readyz while there is an upstream', async () => {
    const worker = await fakeWorker(answering('fine'));
    const { get } = await withAdmin([worker.path]);
    expect(await get('/healthz')).toEqual({ status: 200, body: { status: 'ok' } });
    expect(await get('/readyz')).toEqual({ status: 200, body: { status: 'ready', reasons: [] } });
  });

  it('is ready while every slot is taken: a full upstream serves', async () => {
    const { handler, next } = holding();
    const worker = await fakeWorker(handler);
    const { proxy, get } = await withAdmin([worker.path]);
    const pending = ask(proxy.path);
    const reply = await next();
    expect((await get('/readyz')).status).toBe(200);
    answer(reply, 'done');
    await pending;
  });

  it('is alive but not ready without any upstream, and says so', async () => {
    const { get } = await withAdmin([`${tempDir()}/*.sock`]);
    expect((await get('/healthz')).status).toBe(200);
    const { status, body } = await get('/readyz');
    expect(status).toBe(503);
    expect(body.reasons).toEqual(['pool default has no upstream']);
  });

  it('is not ready while the upstreams fail, says so, and is ready again when one comes back', async () => {
    const path = join(tempDir(), 'w.sock');
    await deadSocket(path);
    const { proxy, get } = await withAdmin([path]);
    const waiting = ask(proxy.path);
    await eventually(async () => {
      const { status, body } = await get('/readyz');
      expect(status).toBe(503);
      expect(body.reasons?.[0]).toContain('failing');
    });
    rmSync(path);
    await fakeWorker(answering('back'), { path });
    expect((await waiting).status).toBe(200);
    expect((await get('/readyz')).status).toBe(200);
  });

  it('is alive but not ready while the program stops', async () => {
    const { handler, next } = holding();
    const worker = await fakeWorker(handler);
    const { proxy, get } = await withAdmin([worker.path]);
    const pending = ask(proxy.path);
    const reply = await next();
    const stopped = proxy.stop();
    expect((await get('/healthz')).status).toBe(200);
    const { status, body } = await get('/readyz');
    expect([status, body.reasons]).toEqual([503, ['the program is stopping']]);
    answer(reply, 'done');
    expect((await pending).status).toBe(200);
    await stopped;
  });

  it('has a unix socket that is its owner’s alone, and knows no other path', async () => {
    const worker = await fakeWorker(answering('fine'));
    const { admin, get } = await withAdmin([worker.path]);
    expect(statSync(admin).mode & 0o777).toBe(0o600);
    expect((await get('/nothing')).status).toBe(404);
  });

  it('does not show on the public listener', async () => {
    const worker = await fakeWorker(answering((path) => `worker at ${path}`));
    const { proxy } = await withAdmin([worker.path]);
    expect((await ask(proxy.path, { path: '/healthz' })).body.toString()).toBe('worker at /healthz');
  });
});
