// Kept connections to workers: who may use one, and what a worker can do to it while nobody does.

import { describe, expect, it } from 'vitest';
import { endRecord, type Reply, stdoutRecord } from '../peers/fastcgi-server.ts';
import { ask, testClient } from '../support/clients/http-client.ts';
import { eventually } from '../support/eventually.ts';
import { startProxy } from '../support/program/proxy.ts';
import { answer, answering, fakeWorker, holding } from '../support/servers/fake-worker.ts';

const KEEP = ['--max-conns', '1', '--keepalive', '30s'];

async function withHolding(words: readonly string[] = KEEP) {
  const { handler, next } = holding();
  const worker = await fakeWorker(handler);
  const proxy = await startProxy(['--upstream', worker.path, ...words]);
  /** One GET, answered with `text`; gives the worker's side of it. */
  const get = async (text: string): Promise<Reply> => {
    const response = ask(proxy.path, { path: `/${text}` });
    const reply = await next();
    answer(reply, text);
    expect((await response).body.toString()).toBe(text);
    return reply;
  };
  return { worker, proxy, next, get };
}

describe('a connection to a worker', () => {
  it('is not kept unless asked for: it is closed at the end of the answer, and each request has its own', async () => {
    const { worker, get } = await withHolding(['--max-conns', '1']);
    await (await get('one')).closed;
    await (await get('two')).closed;
    expect(worker.connections()).toBe(2);
  });

  it('is kept with --keepalive: the worker is told so, and the next GET uses it', async () => {
    const { worker, get } = await withHolding();
    expect((await get('one')).request.keepConn).toBe(true);
    await get('two');
    await get('three');
    expect(worker.connections()).toBe(1);
  });

  it('is closed when it has been idle for the limit', async () => {
    const { get } = await withHolding(['--max-conns', '1', '--keepalive', '50ms']);
    await (await get('one')).closed;
  });

  it('is not used for a POST, which gets a fresh one, also from a worker that serves one connection at a time', async () => {
    const { worker, proxy, next, get } = await withHolding();
    await get('one');
    const posted = ask(proxy.path, { method: 'POST', body: 'x' });
    answer(await next(), 'posted');
    expect((await posted).body.toString()).toBe('posted');
    expect(worker.connections()).toBe(2);
  });

  it('is closed, not used, when bytes come on it that nobody asked for', async () => {
    const { worker, get } = await withHolding();
    const reply = await get('one');
    reply.raw(Buffer.concat([stdoutRecord('Content-Type: text/plain\r\n\r\npoison'), endRecord()]));
    await reply.closed;
    await get('two');
    expect(worker.connections()).toBe(2);
  });

  it('is not kept when more than the answer came with it', async () => {
    const { worker, proxy, next, get } = await withHolding();
    const response = ask(proxy.path);
    const reply = await next();
    const poison = [stdoutRecord('Content-Type: text/plain\r\n\r\npoison'), endRecord()];
    reply.raw(Buffer.concat([stdoutRecord('Content-Type: text/plain\r\n\r\nright'), endRecord(), ...poison]));
    expect((await response).body.toString()).toBe('right');
    await reply.closed;
    reply.socket.destroy();
    await get('two');
    expect(worker.connections()).toBe(2);
  });

  it('is not kept when the worker closes in spite of being asked to keep it', async () => {
    const { worker, get } = await withHolding();
    (await get('one')).socket.end();
    await get('two');
    await eventually(() => expect(worker.connections()).toBe(2));
  });

  it('that the worker closes when a GET comes on it costs the GET nothing', async () => {
    let served = 0;
    const worker = await fakeWorker((reply) => {
      served += 1;
      if (served === 2) reply.socket.destroy();
      else answer(reply, `answer ${served}`);
    });
    const proxy = await startProxy(['--upstream', worker.path, ...KEEP, '--attempts', '1']);
    expect((await ask(proxy.path)).body.toString()).toBe('answer 1');
    expect((await ask(proxy.path)).body.toString()).toBe('answer 3');
    expect(worker.connections()).toBe(2);
  });

  it('that breaks after the answer to a reused one began breaks the client off', async () => {
    const { proxy, next, get } = await withHolding();
    await get('one');
    const client = testClient(proxy.path);
    client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    const reply = await next();
    reply.stdout('Content-Type: text/plain\r\n\r\nhalf');
    await client.until((received) => received.includes('half'));
    reply.socket.destroy();
    expect((await client.closed).received).not.toContain('\r\n0\r\n');
  });

  it('is not kept when the worker answered before it read the body', async () => {
    let served = 0;
    const worker = await fakeWorker(
      (reply) => {
        served += 1;
        answer(reply, `answer ${served}`);
        if (served === 1) reply.socket.pause();
      },
      { callAt: 'headers', single: false },
    );
    const proxy = await startProxy(['--upstream', worker.path, ...KEEP]);
    expect((await ask(proxy.path, { method: 'PUT', body: Buffer.alloc(2 * 1024 ** 2) })).body.toString()).toBe('answer 1');
    expect((await ask(proxy.path)).body.toString()).toBe('answer 2');
    expect(worker.connections()).toBe(2);
  });

  it('is never more than one for a worker of one slot, however many requests come', async () => {
    const worker = await fakeWorker(answering('fine'));
    const proxy = await startProxy(['--upstream', worker.path, ...KEEP]);
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask(proxy.path)));
    expect(answers.every(({ status }) => status === 200)).toBe(true);
    expect(worker.connections()).toBe(1);
  });
});
