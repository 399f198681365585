// --request-buffering off: bodies of known length go to the worker as they come, and a half one
// never looks whole.

import { describe, expect, it } from 'vitest';
import type { Handler } from '../peers/fastcgi-server.ts';
import { ask, testClient } from '../support/clients/http-client.ts';
import { eventually } from '../support/eventually.ts';
import { startProxy } from '../support/program/proxy.ts';
import { answer, answering, fakeWorker, holding, recording } from '../support/servers/fake-worker.ts';

const OFF = ['--max-conns', '1', '--request-buffering', 'off'];

describe('a streamed body', () => {
  it('reaches the worker before the client has sent the last of it', async () => {
    const { handler, next } = holding();
    const worker = await fakeWorker(handler, { callAt: 'headers' });
    const proxy = await startProxy(['--upstream', worker.path, ...OFF]);
    const client = testClient(proxy.path);
    client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\nConnection: close\r\n\r\nfirst ');
    const reply = await next();
    await eventually(() => expect(reply.request.body.toString()).toBe('first '));
    client.write('later');
    await eventually(() => expect(reply.request.body.toString()).toBe('first later'));
    answer(reply, 'got it');
    expect((await client.closed).received).toMatch(/got it(?:\r\n0\r\n\r\n)?$/);
  });

  it('of 8 MiB arrives byte by byte', async () => {
    const sent = Buffer.alloc(8 * 1024 ** 2, 0);
    for (let at = 0; at < sent.length; at += 4) sent.writeUInt32LE(Math.imul(at, 2_654_435_761) >>> 0, at);
    const worker = await fakeWorker((reply) => answer(reply, String(reply.request.body.equals(sent))));
    const proxy = await startProxy(['--upstream', worker.path, ...OFF]);
    expect((await ask(proxy.path, { method: 'POST', body: sent })).body.toString()).toBe('true');
  });

  it('that the client breaks off never reaches the worker as a whole one', async () => {
    const begun = holding();
    let whole = 0;
    const worker = await fakeWorker(begun.handler, { callAt: 'headers' });
    const proxy = await startProxy(['--upstream', worker.path, ...OFF]);
    const client = testClient(proxy.path);
    client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nonly a part');
    const reply = await begun.next();
    // An empty STDIN record, which would end the body, has type 5 and no content.
    reply.socket.on('data', (chunk: Buffer) => {
      if (chunk.includes(Buffer.from([1, 5, 0, 1, 0, 0]))) whole += 1;
    });
    await eventually(() => expect(reply.request.body.toString()).toBe('only a part'));
    client.socket.destroy();
    await reply.closed;
    expect(whole).toBe(0);
    expect(reply.request.body.toString()).toBe('only a part');
    expect(await proxy.accessLine(1)).toMatchObject({ status: 499 });
    reply.socket.destroy();
  });

  it('that the client ends early, politely, does not reach the worker as a whole one either', async () => {
    const begun = holding();
    const bodies: string[] = [];
    const handler: Handler = (reply) => {
      bodies.push(reply.request.body.toString());
      return begun.handler(reply);
    };
    const worker = await fakeWorker(handler, { single: false });
    const proxy = await startProxy(['--upstream', worker.path, ...OFF, '--linger-timeout', '50ms']);
    const client = testClient(proxy.path);
    client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nonly a part');
    client.socket.end();
    await client.closed;
    await proxy.accessLine(1);
    const after = ask(proxy.path, { method: 'POST', body: 'next' });
    answer(await begun.next(), 'fine');
    expect((await after).status).toBe(200);
    expect(bodies).toEqual(['next']);
  });

  it('is not sent again when the worker fails, not even for a PUT', async () => {
    const bad = await fakeWorker((reply) => void reply.socket.destroy());
    const live = await fakeWorker(answering('alive'));
    const proxy = await startProxy(['--upstream', bad.path, live.path, '--balance', 'round-robin', ...OFF]);
    expect((await ask(proxy.path, { method: 'PUT', body: 'x' })).status).toBe(502);
    expect(live.connections()).toBe(0);
  });

  it('goes to another worker when the first cannot be connected to: none of it has been sent', async () => {
    const live = await fakeWorker((reply) => answer(reply, reply.request.body.toString()));
    const proxy = await startProxy(['--upstream', '/nowhere/w.sock', live.path, '--balance', 'round-robin', ...OFF]);
    for (const body of ['one', 'two']) {
      expect((await ask(proxy.path, { method: 'POST', body })).body.toString()).toBe(body);
    }
  });

  it('that waits in the queue gives its place up when the client leaves', async () => {
    const { handler, next } = holding();
    const worker = await fakeWorker(handler);
    const proxy = await startProxy(['--upstream', worker.path, ...OFF]);
    const first = ask(proxy.path);
    const holder = await next();
    const client = testClient(proxy.path);
    client.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n${'b'.repeat(10_000)}`);
    await eventually(() => expect(proxy.program.pool.waiting).toBe(1));
    client.socket.destroy();
    await eventually(() => expect(proxy.program.pool.waiting).toBe(0));
    expect(await proxy.accessLine(1)).toMatchObject({ status: 499, attempts: 0 });
    answer(holder, 'first');
    expect((await first).status).toBe(200);
    expect(worker.connections()).toBe(1);
  });

  it('whose client left unnoticed, behind more bytes than are read ahead, does not reach the worker as a whole one', async () => {
    const { handler, next } = holding();
    const { handler: recorded, seen } = recording(handler);
    const worker = await fakeWorker(recorded, { single: false });
    const proxy = await startProxy(['--upstream', worker.path, ...OFF, '--linger-timeout', '50ms']);
    const first = ask(proxy.path, { path: '/first' });
    const holder = await next();
    const client = testClient(proxy.path);
    client.write(`POST /left HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n${'b'.repeat(500_000)}`);
    await eventually(() => expect(proxy.program.pool.waiting).toBe(1));
    client.socket.destroy();
    answer(holder, 'first');
    expect((await first).status).toBe(200);
    await proxy.accessLine(2);
    expect(proxy.access.find(({ path }) => path === '/left')).toMatchObject({ status: 499 });
    const last = ask(proxy.path, { path: '/last' });
    answer(await next(), 'last');
    expect((await last).body.toString()).toBe('last');
    expect(seen).toEqual(['/first', '/last']);
  });
});
