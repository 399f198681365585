// The health endpoint on the public listener: answered by the program itself, before all routes,
// and by no worker ever.

import { describe, expect, it } from 'vitest';
import { ask, testClient } from '../support/clients/http-client.ts';
import { problemsOf } from '../support/parts/config-file.ts';
import { startProxy } from '../support/program/proxy.ts';
import { reloadable } from '../support/program/reloadable.ts';
import { answer, answering, fakeWorker, holding, recording } from '../support/servers/fake-worker.ts';

const file = (path: string, more = ''): string =>
  `pools: { rt: { upstreams: [${path}] } }\nroutes: [{ host: test.example, path: "= /up", pool: rt }, { pool: rt }]\n${more}`;

describe('the health endpoint on the public listener', () => {
  it('is not there unless it is asked for', async () => {
    const worker = await fakeWorker(answering('the worker'));
    const { path } = await startProxy(['--upstream', worker.path]);
    expect((await ask(path, { path: '/healthz' })).body.toString()).toBe('the worker');
  });

  it('answers GET and HEAD with 200, other methods with 405, whatever routes say, and asks no worker', async () => {
    const { handler, seen } = recording(answering('the worker'));
    const worker = await fakeWorker(handler);
    const { proxy } = await reloadable(file(worker.path, 'health_path: /up\n'));
    const get = await ask(proxy.path, { path: '/up?really' });
    expect(get).toMatchObject({ status: 200, headers: { 'cache-control': 'no-store' } });
    expect(get.body.toString()).toBe('ok\n');
    const head = await ask(proxy.path, { method: 'HEAD', path: '/up' });
    expect([head.status, head.headers['content-length'], head.body.length]).toEqual([200, '3', 0]);
    for (const method of ['POST', 'DELETE', 'PROPFIND']) {
      const refused = await ask(proxy.path, { method, path: '/up' });
      expect([refused.status, refused.headers['allow']]).toEqual([405, 'GET, HEAD']);
    }
    // The same path in another form is the same path.
    for (const path of ['/%75p', '//up', '/a/../up']) expect((await ask(proxy.path, { path })).body.toString()).toBe('ok\n');
    expect(seen).toEqual([]);
    expect((await ask(proxy.path, { path: '/up/' })).body.toString()).toBe('the worker');
  });

  it('answers while no worker does: it is the process that is asked for', async () => {
    const { path } = await startProxy(['--upstream', '/nonexistent/*.sock', '--health-path', '/healthz']);
    expect((await ask(path, { path: '/healthz' })).status).toBe(200);
  });

  it('says 503 while the process stops', async () => {
    const { handler, next } = holding();
    const worker = await fakeWorker(handler);
    const { path, program } = await startProxy(['--upstream', worker.path, '--health-path', '/healthz']);
    const kept = testClient(path);
    kept.write('GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n');
    await kept.until((received) => received.includes('ok\n'));
    const running = ask(path);
    const held = await next();
    const stopped = program.stop();
    kept.write('GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n');
    const { received } = await kept.closed;
    expect(received.slice(received.indexOf('ok\n') + 3)).toMatch(/^HTTP\/1\.1 503 [\s\S]*Connection: close[\s\S]*stopping\n$/i);
    answer(held, 'finished');
    expect((await running).body.toString()).toBe('finished');
    await stopped;
  });

  it('comes, moves and goes with a reload', async () => {
    const worker = await fakeWorker(answering('the worker'));
    const { proxy, reload } = await reloadable(file(worker.path));
    const asked = async (path: string): Promise<string> => (await ask(proxy.path, { path })).body.toString();
    await reload(file(worker.path, 'health_path: /a\n'));
    expect([await asked('/a'), await asked('/b')]).toEqual(['ok\n', 'the worker']);
    await reload(file(worker.path, 'health_path: /b\n'));
    expect([await asked('/a'), await asked('/b')]).toEqual(['the worker', 'ok\n']);
    await reload(file(worker.path, 'health_path: off\n'));
    expect(await asked('/b')).toBe('the worker');
  });

  it('is in the access log like every request, without an upstream', async () => {
    const { path, accessLine } = await startProxy(['--upstream', '/nonexistent/a.sock', '--health-path', '/healthz']);
    await ask(path, { path: '/healthz' });
    expect(await accessLine(1)).toMatchObject({ path: '/healthz', status: 200, upstream: undefined });
  });

  it('must be a path that requests can have', async () => {
    expect(problemsOf(file('/a.sock', 'health_path: healthz\n'))).toEqual([
      "f.yaml:3:14: health_path: 'healthz' does not begin with /",
    ]);
    expect(problemsOf(file('/a.sock', 'health_path: /a//b\n'))).toEqual([expect.stringContaining('would match nothing')]);
    await expect(startProxy(['--upstream', '/a.sock', '--health-path', 'x'])).rejects.toThrow("option --health-path: 'x'");
  });
});
