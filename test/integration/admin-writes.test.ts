// The operator's door where it changes something: over which listener, for which upstream, and what
// the log says of it.

import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ask, testClient, type Where } from '../support/clients/http-client.ts';
import { startProxy } from '../support/program/proxy.ts';
import { answering, fakeWorker } from '../support/servers/fake-worker.ts';
import { tempDir } from '../support/temp-dir.ts';

async function served() {
  const worker = await fakeWorker(answering('fine'));
  const admin = join(tempDir(), 'admin.sock');
  const proxy = await startProxy(['--upstream', worker.path, '--admin', admin, '--admin', '127.0.0.1:0']);
  const [line] = proxy.log.flatMap(({ fields }) => (Array.isArray(fields['admin']) ? [fields['admin'] as string[]] : []));
  const port = Number(line?.find((address) => address.startsWith('127'))?.split(':')[1]);
  const call = async (where: Where, method: string, path: string, headers: Record<string, string> = {}) => {
    const { status, body } = await ask(where, { method, path, headers: { Host: 'localhost', ...headers } });
    return { status, body: JSON.parse(body.toString()) as Record<string, unknown> };
  };
  const drain = (name: string, pool = 'default'): string => `/pools/${pool}/upstreams/${encodeURIComponent(name)}/drain`;
  const state = (): string | undefined => [...proxy.program.pool.upstreams][0]?.state.is;
  return { worker, admin, tcp: { port }, proxy, call, drain, state };
}

describe('POST /pools/P/upstreams/U/drain', () => {
  it('drains over the unix socket, by the address or the last part of its path, and is logged', async () => {
    const { worker, admin, proxy, call, drain, state } = await served();
    const { status, body } = await call(admin, 'POST', drain(worker.path), { 'User-Agent': 'a test' });
    expect([status, body['pool']]).toEqual([200, 'default']);
    expect(body['upstream']).toMatchObject({ name: worker.path, state: { is: 'draining', reason: `drain by admin ${admin}` } });
    expect(state()).toBe('draining');
    expect(proxy.log.find(({ message }) => message === 'drain')?.fields).toEqual({
      by: `admin ${admin}`,
      agent: 'a test',
      pool: 'default',
      upstream: worker.path,
    });
    expect((await call(admin, 'POST', drain('w.sock').replace(/drain$/, 'undrain'))).status).toBe(200);
    expect(state()).toBe('up');
  });

  it('takes the longest path that a unix socket may have', async () => {
    const { admin, call, drain } = await served();
    const { status, body } = await call(admin, 'POST', drain(`/${'%/'.repeat(53)}`));
    expect([status, body['error']]).toEqual([404, expect.stringContaining('no upstream')]);
  });

  it('says what there is when there is no such pool or upstream', async () => {
    const { worker, admin, call, drain } = await served();
    expect(await call(admin, 'POST', drain('w9.sock'))).toEqual({
      status: 404,
      body: { error: `no upstream 'w9.sock' in pool default; there are ${worker.path}` },
    });
    expect((await call(admin, 'POST', drain('w.sock', 'rt'))).body['error']).toBe("no pool 'rt'; there are default");
  });
});

describe('POST /upstreams/U/drain', () => {
  const path = (name: string, more = ''): string => `/upstreams/${encodeURIComponent(name)}/drain${more}`;

  it('finds the pool of the upstream, and answers with both', async () => {
    const { worker, admin, call, state } = await served();
    for (const name of [worker.path, 'w.sock', `unix:${worker.path}`]) {
      const { status, body } = await call(admin, 'POST', path(name));
      expect([status, body['pool']]).toEqual([200, 'default']);
      expect(body['upstream']).toMatchObject({ name: worker.path, state: { is: 'draining' }, in_flight: 0 });
      expect(state()).toBe('draining');
      expect((await call(admin, 'POST', path(name).replace(/drain$/, 'undrain'))).status).toBe(200);
    }
  });

  it('looks in one pool only when the query names it', async () => {
    const { admin, call, state } = await served();
    expect(await call(admin, 'POST', path('w.sock', '?pool=rt'))).toEqual({
      status: 404,
      body: { error: "no pool 'rt'; there are default" },
    });
    expect(state()).toBe('up');
    expect((await call(admin, 'POST', path('w.sock', '?pool=default'))).status).toBe(200);
    expect((await call(admin, 'POST', path('w.sock', '?pool=default&pool=rt'))).status).toBe(200);
  });

  it('says which upstreams there are', async () => {
    const { worker, admin, call } = await served();
    expect(await call(admin, 'POST', path('w9.sock'))).toEqual({
      status: 404,
      body: { error: `no upstream 'w9.sock'; there are ${worker.path}` },
    });
  });
});

describe('over TCP', () => {
  it('nothing is changed, the reason is given, and the log has it', async () => {
    const { tcp, proxy, call, drain, state } = await served();
    for (const path of [drain('w.sock'), '/upstreams/w.sock/drain', '/reload', '/nothing']) {
      const { status, body } = await call(tcp, 'POST', path);
      expect([status, body['error']]).toEqual([403, expect.stringContaining('nobody on TCP')]);
    }
    expect([state(), proxy.program.generation]).toEqual(['up', 1]);
    expect(proxy.log.filter(({ message }) => message === 'refused at the admin listener').length).toBe(4);
  });

  it('the status may be read, but not under a name that is not ours', async () => {
    const { tcp, call } = await served();
    expect((await call(tcp, 'GET', '/status')).body).toMatchObject({ format: 1, generation: 1, pools: [{ name: 'default' }] });
    expect((await call(tcp, 'GET', '/status', { Host: 'evil.example' })).status).toBe(403);
  });
});

describe('a web page', () => {
  it('changes nothing, even through something that forwards to the unix socket', async () => {
    const { admin, call, drain, state } = await served();
    expect((await call(admin, 'POST', drain('w.sock'), { Origin: 'https://evil.example' })).status).toBe(403);
    expect(state()).toBe('up');
  });
});

describe('a stop', () => {
  it('does not wait for clients of the admin listener that say nothing', async () => {
    const { admin, tcp, proxy } = await served();
    const silent = [testClient(admin), testClient(tcp)];
    silent[1]?.write('GET /status HTTP/1.1\r\nHo');
    await Promise.all(silent.map(({ socket }) => new Promise((resolve) => socket.once('connect', resolve))));
    await proxy.stop();
    await Promise.all(silent.map(({ closed }) => closed));
  });
});
