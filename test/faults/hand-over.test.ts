// Connections that go from one request to the next that waits for the same worker: when, to whom,
// how often, and what may go wrong.

import { describe, expect, it } from 'vitest';
import { endRecord, type Reply, stdoutRecord } from '../peers/fastcgi-server.ts';
import { type Ask, ask } from '../support/clients/http-client.ts';
import { eventually } from '../support/eventually.ts';
import { startProxy } from '../support/program/proxy.ts';
import { answer, answering, fakeWorker, holding } from '../support/servers/fake-worker.ts';

const HEAD = 'Content-Type: text/plain\r\n\r\n';

/**
 * One worker of one slot whose answers the test gives, and requests that come in a row while the
 * first is held.
 */
async function row(words: readonly string[] = []) {
  const { handler, next } = holding();
  const worker = await fakeWorker(handler);
  const proxy = await startProxy(['--upstream', worker.path, '--max-conns', '1', ...words]);
  /**
   * Sends the first request, then those that wait; gives their answers and the worker's side of the
   * first.
   */
  const start = async (...following: readonly Ask[]) => {
    const responses = [ask(proxy.path, { path: '/first' })];
    const first = await next();
    for (const [at, options] of following.entries()) {
      responses.push(ask(proxy.path, options));
      await eventually(() => expect(proxy.program.pool.waiting).toBe(at + 1));
    }
    return { responses, first };
  };
  return { worker, next, start };
}

describe('a connection to a worker of one slot', () => {
  it('goes to the request that waited for it, under another request id, and is closed when none waits', async () => {
    const { worker, next, start } = await row();
    const { responses, first } = await start({ path: '/second' });
    expect([first.request.keepConn, first.request.id]).toEqual([true, 1]);
    answer(first, 'one');
    const second = await next();
    expect(second.request.id).toBe(2);
    expect(second.socket).toBe(first.socket);
    answer(second, 'two');
    await second.closed;
    expect((await Promise.all(responses)).map(({ body }) => body.toString())).toEqual(['one', 'two']);
    expect(worker.connections()).toBe(1);
  });

  it('goes to no request that must not be sent twice: a POST gets a fresh one', async () => {
    const { worker, next, start } = await row();
    const { responses, first } = await start({ method: 'POST', body: 'x' });
    answer(first, 'one');
    const second = await next();
    expect(second.request.id).toBe(1);
    answer(second, 'two');
    expect((await Promise.all(responses)).map(({ body }) => body.toString())).toEqual(['one', 'two']);
    expect(worker.connections()).toBe(2);
  });

  it('is dialled anew after 16 requests, so that other clients of the socket get their turn', async () => {
    const worker = await fakeWorker(answering('fine'));
    const proxy = await startProxy(['--upstream', worker.path, '--max-conns', '1']);
    const answers = await Promise.all(Array.from({ length: 40 }, () => ask(proxy.path)));
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 40 }, () => 200));
    expect(worker.connections()).toBeGreaterThanOrEqual(3);
  });

  it('is never handed over with --hand-over off', async () => {
    const { worker, next, start } = await row(['--hand-over', 'off']);
    const { responses, first } = await start({ path: '/second' });
    expect(first.request.keepConn).toBe(false);
    answer(first, 'one');
    answer(await next(), 'two');
    expect((await Promise.all(responses)).map(({ body }) => body.toString())).toEqual(['one', 'two']);
    expect(worker.connections()).toBe(2);
  });

  it('that the worker closes unread costs the next request nothing, and after three of them none is handed over', async () => {
    let requests = 0;
    const ids: number[] = [];
    const worker = await fakeWorker((reply: Reply) => {
      if (reply.request.id > 1) {
        reply.socket.destroy();
        return;
      }
      requests += 1;
      ids.push(reply.request.id);
      answer(reply, `answer ${requests}`);
    });
    const proxy = await startProxy(['--upstream', worker.path, '--max-conns', '1', '--attempts', '1']);
    const answers = await Promise.all(Array.from({ length: 12 }, () => ask(proxy.path)));
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 12 }, () => 200));
    expect(ids).toEqual(Array.from({ length: 12 }, () => 1));
    // A connection for each request; the stale ones were tried, not dialled for.
    expect(worker.connections()).toBe(12);
  });

  it('carries no late word of one request into the answer of the next', async () => {
    const { worker, next, start } = await row();
    const { responses, first } = await start({ path: '/second' });
    answer(first, 'one');
    const second = await next();
    // What a confused worker still says of its first request comes while the second one runs.
    second.raw(Buffer.concat([stdoutRecord(`${HEAD}poison`), endRecord()]));
    await second.closed;
    answer(second, 'for nobody');
    const again = await next();
    expect(again.socket).not.toBe(first.socket);
    answer(again, 'two');
    expect((await Promise.all(responses)).map(({ body }) => body.toString())).toEqual(['one', 'two']);
    expect(worker.connections()).toBe(2);
  });
});
