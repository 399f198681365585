// Expect: 100-continue: the client is told to go on when its body is wanted, and only then.

import { describe, expect, it } from 'vitest';
import { ask, testClient } from '../support/clients/http-client.ts';
import { eventually } from '../support/eventually.ts';
import { startProxy } from '../support/program/proxy.ts';
import { answer, fakeWorker, holding } from '../support/servers/fake-worker.ts';

const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n';

async function served(words: readonly string[]) {
  const { handler, next } = holding();
  const worker = await fakeWorker(handler);
  const proxy = await startProxy(['--upstream', worker.path, '--max-conns', '1', ...words]);
  return { worker, proxy, next };
}

const post = (length: number): string =>
  `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n`;

describe('Expect: 100-continue', () => {
  it('is answered before the body comes, and the worker is taken after it', async () => {
    const { worker, proxy, next } = await served([]);
    const client = testClient(proxy.path);
    client.write(post(4));
    expect(await client.until((text) => text.includes('\r\n\r\n'))).toBe(CONTINUE);
    expect(worker.connections()).toBe(0);
    client.write('body');
    const reply = await next();
    expect(reply.request.body.toString()).toBe('body');
    expect(reply.request.params.has('HTTP_EXPECT')).toBe(false);
    answer(reply, 'done');
    expect((await client.closed).received).toMatch(
      /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK\r\n[\s\S]*done(?:\r\n0\r\n\r\n)?$/,
    );
  });

  it('with a body over the limit gets 413 instead, without reading a byte of it', async () => {
    const { proxy } = await served(['--max-body', '3']);
    const client = testClient(proxy.path);
    client.write(post(4));
    expect(await client.until((text) => text.includes('\r\n\r\n'))).toMatch(/^HTTP\/1\.1 413 /);
  });

  it('with a bad path gets 400 instead', async () => {
    const { proxy } = await served([]);
    const client = testClient(proxy.path);
    client.write(post(4).replace('/', '/%zz'));
    expect(await client.until((text) => text.includes('\r\n\r\n'))).toMatch(/^HTTP\/1\.1 400 /);
  });

  it('of a streamed body waits until a worker is free', async () => {
    const { proxy, next } = await served(['--request-buffering', 'off']);
    const first = ask(proxy.path);
    const holder = await next();
    const client = testClient(proxy.path);
    client.write(post(4));
    await eventually(() => expect(proxy.program.pool.waiting).toBe(1));
    expect(client.received()).toBe('');
    answer(holder, 'first');
    expect((await first).status).toBe(200);
    expect(await client.until((text) => text.includes('\r\n\r\n'))).toBe(CONTINUE);
    client.write('body');
    answer(await next(), 'done');
    expect((await client.closed).received).toMatch(/done(?:\r\n0\r\n\r\n)?$/);
  });
});
