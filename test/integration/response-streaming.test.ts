// Answers that must not wait: events, and whatever the worker or the operator says is not to be
// buffered.

import { describe, expect, it } from 'vitest';
import { testClient } from '../support/clients/http-client.ts';
import { startProxy } from '../support/program/proxy.ts';
import { fakeWorker, holding } from '../support/servers/fake-worker.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';

for (const [name, head, words] of [
  ['text/event-stream', 'Content-Type: text/event-stream\r\n\r\n', []],
  ['X-Accel-Buffering: no', 'Content-Type: text/plain\r\nX-Accel-Buffering: no\r\n\r\n', []],
  ['--response-buffering off', 'Content-Type: text/plain\r\n\r\n', ['--response-buffering', 'off']],
  ['a plain answer whose client keeps up', 'Content-Type: text/plain\r\n\r\n', []],
] as const) {
  describe(name, () => {
    it('reaches the client event by event, each before the worker has made the next', async () => {
      const { handler, next } = holding();
      const worker = await fakeWorker(handler);
      const proxy = await startProxy(['--upstream', worker.path, '--max-conns', '1', ...words]);
      const client = testClient(proxy.path);
      client.write(GET);
      const reply = await next();
      reply.stdout(head);
      const first = await client.until((received) => received.includes('\r\n\r\n'));
      expect(first).not.toMatch(/x-accel/i);
      for (let i = 1; i <= 3; i += 1) {
        reply.stdout(`event ${i}\n\n`);
        await client.until((received) => received.includes(`event ${i}`));
      }
      reply.end();
      const { received, error } = await client.closed;
      expect(error).toBeUndefined();
      expect(received.endsWith('\r\n0\r\n\r\n')).toBe(true);
    });
  });
}
