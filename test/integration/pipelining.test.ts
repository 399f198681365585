// Pipelined requests: answered in the order in which they were sent, and none overtakes one that
// changes something.

import { describe, expect, it } from 'vitest';
import { ask, testClient } from '../support/clients/http-client.ts';
import { eventually } from '../support/eventually.ts';
import { startProxy } from '../support/program/proxy.ts';
import { answer, fakeWorker, holding, recording } from '../support/servers/fake-worker.ts';

describe('pipelined requests', () => {
  it('take turns: the second begins when the first has its answer', async () => {
    const { handler, next } = holding();
    const { handler: recorded, seen } = recording(handler);
    const workers = [await fakeWorker(recorded), await fakeWorker(recorded)];
    const proxy = await startProxy(['--upstream', ...workers.map(({ path }) => path), '--max-conns', '1']);
    const client = testClient(proxy.path);
    client.write('GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    const first = await next();
    // Another client's request shows that everything sent so far has been read.
    const other = ask(proxy.path, { path: '/other' });
    answer(await next(), 'other');
    expect((await other).status).toBe(200);
    expect(seen).toEqual(['/1', '/other']);
    answer(first, 'answer one');
    answer(await next(), 'answer two');
    const { received } = await client.closed;
    expect(received.indexOf('answer one')).toBeGreaterThan(0);
    expect(received.indexOf('answer two')).toBeGreaterThan(received.indexOf('answer one'));
  });

  it('behind a large one each get their own answer', async () => {
    const worker = await fakeWorker((reply) => answer(reply, `<${reply.request.params.get('REQUEST_URI')}>`));
    const proxy = await startProxy(['--upstream', worker.path, '--max-conns', '1']);
    const client = testClient(proxy.path);
    const large = 'L'.repeat(300_000);
    client.write(`POST /large HTTP/1.1\r\nHost: a\r\nContent-Length: ${large.length}\r\n\r\n${large}`);
    for (let i = 1; i <= 5; i += 1) {
      client.write(`GET /${i} HTTP/1.1\r\nHost: a\r\n${i === 5 ? 'Connection: close\r\n' : ''}\r\n`);
    }
    const { received } = await client.closed;
    const order = [...received.matchAll(/<([^>]+)>/g)].map(([, path]) => path);
    expect(order).toEqual(['/large', '/1', '/2', '/3', '/4', '/5']);
  });

  it('wait for one before them that is not safe', async () => {
    const { handler, next } = holding();
    const { handler: recorded, seen } = recording(handler);
    const workers = [await fakeWorker(recorded), await fakeWorker(recorded)];
    const proxy = await startProxy(['--upstream', ...workers.map(({ path }) => path), '--max-conns', '1']);
    const client = testClient(proxy.path);
    const order = 'POST /order HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n12345';
    client.write(`${order}GET /bill HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
    const first = await next();
    expect(first.request.params.get('REQUEST_URI')).toBe('/order');
    // Another client's request shows that everything sent so far has been read.
    const other = ask(proxy.path, { path: '/other' });
    const second = await next();
    expect(second.request.params.get('REQUEST_URI')).toBe('/other');
    answer(second, 'other');
    expect((await other).status).toBe(200);
    answer(first, 'ordered');
    answer(await next(), 'billed');
    expect((await client.closed).received).toMatch(/ordered[\s\S]*billed(?:\r\n0\r\n\r\n)?$/);
    expect(seen).toEqual(['/order', '/other', '/bill']);
  });

  it('of one connection take one place in the queue, however many they are', async () => {
    const { handler, next } = holding();
    const worker = await fakeWorker(handler);
    const proxy = await startProxy(['--upstream', worker.path, '--max-conns', '1', '--queue', '5']);
    const first = ask(proxy.path);
    const reply = await next();
    const client = testClient(proxy.path);
    client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(50));
    await eventually(() => expect(proxy.program.pool.waiting).toBe(1));
    const other = ask(proxy.path, { path: '/other' });
    await eventually(() => expect(proxy.program.pool.waiting).toBe(2));
    answer(reply, 'first');
    answer(await next(), 'the first of fifty');
    const third = await next();
    expect(third.request.params.get('REQUEST_URI')).toBe('/other');
    client.socket.destroy();
    answer(third, 'other');
    expect([(await first).status, (await other).status]).toEqual([200, 200]);
    await eventually(() => expect(proxy.access).toHaveLength(52));
  });

  it('behind the last answer of their connection are not begun', async () => {
    const { handler, seen } = recording((reply) => {
      reply.socket.end();
    });
    const worker = await fakeWorker(handler);
    const proxy = await startProxy(['--upstream', worker.path, '--max-conns', '1', '--max-body', '3']);
    const client = testClient(proxy.path);
    const refused = 'POST /large HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nlarge\r\n0\r\n\r\n';
    client.write(`${refused}POST /behind HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx`);
    const { received } = await client.closed;
    expect(received).toMatch(/^HTTP\/1\.1 413 /);
    expect(received.match(/HTTP\/1\.1 /g)).toHaveLength(1);
    expect(seen).toEqual([]);
  });
});
