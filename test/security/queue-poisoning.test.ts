// Response-queue poisoning: on a kept connection, nothing a worker sends outside its own answer
// reaches another client.

import { describe, expect, it } from 'vitest';
import { endRecord, type Reply, record, stdoutRecord } from '../peers/fastcgi-server.ts';
import { ask } from '../support/clients/http-client.ts';
import { startProxy } from '../support/program/proxy.ts';
import { answer, fakeWorker, holding } from '../support/servers/fake-worker.ts';

const WHOLE = [stdoutRecord('Content-Type: text/plain\r\n\r\nright'), endRecord()];
const POISON = Buffer.concat([stdoutRecord('Content-Type: text/plain\r\n\r\npoison'), endRecord()]);

async function kept() {
  const { handler, next } = holding();
  const worker = await fakeWorker(handler, { single: false });
  const proxy = await startProxy(['--upstream', worker.path, '--max-conns', '1', '--keepalive', '30s']);
  const victim = async (): Promise<string> => {
    const response = ask(proxy.path, { path: '/victim' });
    answer(await next(), 'for the victim');
    return (await response).body.toString();
  };
  const attack = async (send: (reply: Reply) => void) => {
    const response = ask(proxy.path, { path: '/attack' });
    const reply = await next();
    send(reply);
    return { reply, body: (await response).body.toString() };
  };
  return { worker, victim, attack };
}

describe('on a kept connection', () => {
  for (const [what, surplus] of [
    ['a second answer', POISON],
    ['a second END_REQUEST', endRecord()],
    ['more STDOUT', stdoutRecord('more')],
    ['half a record', POISON.subarray(0, 11)],
    ['one byte', Buffer.from([1])],
    ['a management record', record(10, '', { id: 0 })],
  ] as const) {
    it(`${what} in the same bytes as the answer ends the connection, and the next client gets its own answer`, async () => {
      const { worker, victim, attack } = await kept();
      const { reply, body } = await attack(({ raw }) => raw(Buffer.concat([...WHOLE, surplus])));
      expect(body).toBe('right');
      await reply.closed;
      expect(await victim()).toBe('for the victim');
      expect(worker.connections()).toBe(2);
    });

    it(`${what} while it is idle ends the connection, and the next client gets its own answer`, async () => {
      const { worker, victim, attack } = await kept();
      const { reply, body } = await attack((it) => answer(it, 'right'));
      expect(body).toBe('right');
      reply.raw(surplus);
      await reply.closed;
      expect(await victim()).toBe('for the victim');
      expect(worker.connections()).toBe(2);
    });
  }

  it('padding of END_REQUEST that comes late is part of the answer, not poison', async () => {
    const { worker, victim, attack } = await kept();
    const end = record(3, Buffer.alloc(8), { padding: 200 });
    const { body } = await attack((reply) => {
      reply.raw(Buffer.concat([stdoutRecord('Content-Type: text/plain\r\n\r\nright'), end]));
    });
    expect(body).toBe('right');
    expect(await victim()).toBe('for the victim');
    expect(worker.connections()).toBe(1);
  });

  it('an answer to a client that has left does not go to the next one', async () => {
    const { handler, next } = holding();
    const worker = await fakeWorker(handler, { single: false });
    const proxy = await startProxy([
      '--upstream',
      worker.path,
      '--max-conns',
      '1',
      '--keepalive',
      '30s',
      '--read-timeout',
      '100ms',
    ]);
    expect((await ask(proxy.path, { method: 'POST', path: '/slow', body: 'x' })).status).toBe(504);
    const response = ask(proxy.path, { path: '/victim' });
    answer(await next(), 'for one who has left');
    answer(await next(), 'for the victim');
    expect((await response).body.toString()).toBe('for the victim');
  });
});
