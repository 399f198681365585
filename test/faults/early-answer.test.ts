// Workers that answer before they have read the body, and close: the answer counts, not the failed
// write.

import { describe, expect, it } from 'vitest';
import { endRecord, type Handler, stdoutRecord } from '../peers/fastcgi-server.ts';
import { ask } from '../support/clients/http-client.ts';
import { startProxy } from '../support/program/proxy.ts';
import { fakeWorker } from '../support/servers/fake-worker.ts';

const BODY = Buffer.alloc(1024 ** 2, 'b');

/** Answers in one write when the parameters are there, and closes with most of the body unread. */
const early: Handler = (reply) => {
  reply.socket.pause();
  const bytes = Buffer.concat([stdoutRecord('Status: 403 Forbidden\r\n\r\nnot you'), endRecord()]);
  reply.socket.end(bytes, () => reply.socket.destroy());
};

describe('a worker that answers early and closes', () => {
  it('gets its answer through, 50 times of 50, from a body at hand', async () => {
    const worker = await fakeWorker(early, { callAt: 'headers' });
    const proxy = await startProxy(['--upstream', worker.path, '--max-conns', '1']);
    for (let i = 0; i < 50; i += 1) {
      const answer = await ask(proxy.path, { method: 'POST', body: BODY });
      expect([answer.status, answer.body.toString()]).toEqual([403, 'not you']);
    }
    expect(proxy.access.filter(({ attempts, error }) => attempts === 1 && error === undefined)).toHaveLength(50);
  });

  it('gets its answer through, 50 times of 50, while the client is still sending', async () => {
    const worker = await fakeWorker(early, { callAt: 'headers' });
    const proxy = await startProxy(['--upstream', worker.path, '--max-conns', '1', '--request-buffering', 'off']);
    for (let i = 0; i < 50; i += 1) {
      const answer = await ask(proxy.path, { method: 'POST', body: BODY });
      expect([answer.status, answer.body.toString()]).toEqual([403, 'not you']);
    }
  });

  it('and leaves its END_REQUEST for later is waited for', async () => {
    const worker = await fakeWorker(
      (reply) => {
        reply.socket.pause();
        reply.stdout('Status: 403 Forbidden\r\n\r\nnot ');
        setImmediate(() => {
          reply.stdout('you');
          reply.end();
        });
      },
      { callAt: 'headers' },
    );
    const proxy = await startProxy(['--upstream', worker.path, '--max-conns', '1']);
    const answer = await ask(proxy.path, { method: 'POST', body: BODY });
    expect([answer.status, answer.body.toString(), answer.complete]).toEqual([403, 'not you', true]);
  });

  it('without END_REQUEST has not answered: 502', async () => {
    const worker = await fakeWorker(
      (reply) => {
        reply.socket.pause();
        reply.socket.destroy();
      },
      { callAt: 'headers' },
    );
    const proxy = await startProxy(['--upstream', worker.path, '--max-conns', '1']);
    expect((await ask(proxy.path, { method: 'POST', body: BODY })).status).toBe(502);
  });
});
