// Workers that do not move: timeouts for connecting, sending and reading, and the slot that stays
// taken while one is at it.

import { describe, expect, it } from 'vitest';
import { ask, testClient } from '../support/clients/http-client.ts';
import { eventually } from '../support/eventually.ts';
import { startProxy } from '../support/program/proxy.ts';
import { answer, answering, fakeWorker, holding, rawWorker } from '../support/servers/fake-worker.ts';

const ONE = ['--max-conns', '1'];

describe('a worker that never answers', () => {
  it('costs its POST client 504 at the read timeout', async () => {
    const { handler } = holding();
    const worker = await fakeWorker(handler);
    const proxy = await startProxy(['--upstream', worker.path, ...ONE, '--read-timeout', '150ms']);
    expect((await ask(proxy.path, { method: 'POST', body: 'x' })).status).toBe(504);
    expect(await proxy.accessLine(1)).toMatchObject({ status: 504, attempts: 1, error: 'FCGI_LB_UPSTREAM_READ_TIMEOUT' });
  });

  it('loses a GET to another worker at the read timeout', async () => {
    const { handler } = holding();
    const silent = await fakeWorker(handler);
    const live = await fakeWorker(answering('alive'));
    const proxy = await startProxy([
      ...['--upstream', silent.path, live.path, '--balance', 'round-robin'],
      ...[...ONE, '--read-timeout', '150ms'],
    ]);
    expect((await ask(proxy.path)).body.toString()).toBe('alive');
    expect(await proxy.accessLine(1)).toMatchObject({ status: 200, attempts: 2 });
  });

  it('costs a GET 504, not 503, when no other worker is there', async () => {
    const { handler } = holding();
    const worker = await fakeWorker(handler);
    const proxy = await startProxy([
      ...['--upstream', worker.path, ...ONE],
      ...['--read-timeout', '100ms', '--queue-timeout', '200ms'],
    ]);
    expect((await ask(proxy.path)).status).toBe(504);
  });

  it('keeps its slot after the timeout until it is done', async () => {
    const { handler, next } = holding();
    const worker = await fakeWorker(handler);
    const proxy = await startProxy(['--upstream', worker.path, ...ONE, '--read-timeout', '150ms']);
    expect((await ask(proxy.path, { method: 'POST', body: 'x' })).status).toBe(504);
    const [upstream] = [...proxy.program.pool.upstreams];
    expect(upstream?.inFlight).toBe(1);
    const second = ask(proxy.path, { method: 'POST', body: 'y' });
    await eventually(() => expect(proxy.program.pool.waiting).toBe(1));
    expect(worker.connections()).toBe(1);
    answer(await next(), 'too late');
    answer(await next(), 'in time');
    expect((await second).body.toString()).toBe('in time');
  });

  it('keeps its slot no longer than the linger timeout', async () => {
    const { handler } = holding();
    const worker = await fakeWorker(handler, { single: false });
    const proxy = await startProxy([
      ...['--upstream', worker.path, ...ONE],
      ...['--read-timeout', '100ms', '--linger-timeout', '150ms'],
    ]);
    expect((await ask(proxy.path, { method: 'POST', body: 'x' })).status).toBe(504);
    const [upstream] = [...proxy.program.pool.upstreams];
    expect(upstream?.inFlight).toBe(1);
    await eventually(() => expect(upstream?.inFlight).toBe(0));
  });

  it('in the middle of its answer breaks the client off at the read timeout', async () => {
    const worker = await fakeWorker((reply) => reply.stdout('Content-Type: text/plain\r\n\r\nhalf'));
    const proxy = await startProxy(['--upstream', worker.path, ...ONE, '--read-timeout', '150ms', '--linger-timeout', '1ms']);
    const client = testClient(proxy.path);
    client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    expect((await client.closed).received).toMatch(/half\r\n$/);
    expect(await proxy.accessLine(1)).toMatchObject({ status: 200, error: 'FCGI_LB_UPSTREAM_READ_TIMEOUT' });
  });

  it('but sends a little now and then is not timed out', async () => {
    const { handler, next } = holding();
    const worker = await fakeWorker(handler);
    const proxy = await startProxy(['--upstream', worker.path, ...ONE, '--read-timeout', '500ms']);
    const slow = ask(proxy.path);
    const reply = await next();
    const began = performance.now();
    reply.stdout('Content-Type: text/plain\r\n\r\n');
    await new Promise<void>((resolve) => {
      const timer = setInterval(() => {
        reply.stdout('.');
        if (performance.now() - began < 800) return;
        clearInterval(timer);
        resolve();
      }, 50);
    });
    reply.end();
    const whole = await slow;
    expect([whole.status, whole.complete]).toEqual([200, true]);
  });
});

describe('a worker that never reads', () => {
  it('costs a client with a 10 MiB body 504 at the send timeout', async () => {
    const worker = await rawWorker(() => undefined);
    const proxy = await startProxy(['--upstream', worker.address, ...ONE, '--send-timeout', '200ms']);
    const body = Buffer.alloc(10 * 1024 ** 2, 'b');
    expect((await ask(proxy.path, { method: 'POST', body })).status).toBe(504);
    expect(await proxy.accessLine(1)).toMatchObject({ attempts: 1, error: 'FCGI_LB_UPSTREAM_SEND_TIMEOUT' });
    expect(worker.connections()).toBe(1);
  });
});
