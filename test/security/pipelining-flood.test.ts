// Pipelined requests behind one that hangs: the rest of them waits outside, and all are answered in
// order in the end.

import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Handler } from '../peers/fastcgi-server.ts';
import { ask, rawClient, testClient } from '../support/clients/http-client.ts';
import { eventually, settled } from '../support/eventually.ts';
import { buildIfMissing, startCli } from '../support/program/cli-process.ts';
import { memoryOf } from '../support/program/process-cost.ts';
import { startProxy } from '../support/program/proxy.ts';
import { answer, fakeWorker, holding } from '../support/servers/fake-worker.ts';
import { tempDir } from '../support/temp-dir.ts';

beforeAll(buildIfMissing);

const MIB = 1024 ** 2;

/**
 * Keeps the requests for /hang until the test answers them, and answers the others with their path.
 */
function hanging() {
  const { handler: hold, next } = holding();
  const handler: Handler = (reply) => {
    const uri = reply.request.params.get('REQUEST_URI') ?? '';
    if (uri === '/hang') hold(reply);
    else answer(reply, `<${uri}>`);
  };
  return { handler, next };
}

const get = (uri: string, fields = ''): string => `GET ${uri} HTTP/1.1\r\nHost: a\r\n${fields}\r\n`;

describe('pipelined requests behind one that hangs', () => {
  it('cost a bounded amount of memory, were they 400,000', async () => {
    const { handler, next } = hanging();
    const worker = await fakeWorker(handler, { maxConns: 10, single: false });
    const path = join(tempDir(), 'http.sock');
    const cli = startCli([
      '--upstream',
      worker.path,
      '--max-conns',
      '10',
      '--listen',
      path,
      '--admin',
      'off',
      '--access-log',
      'off',
    ]);
    await cli.says('listening on');
    expect((await ask(path)).status).toBe(200);
    const before = memoryOf(cli.pid);
    const client = testClient(path);
    client.write(get('/hang'));
    const hung = await next();
    client.write(get('/').repeat(400_000));
    await settled(() => client.socket.writableLength);
    expect(memoryOf(cli.pid) - before).toBeLessThan(64 * MIB);
    // Most of it has not left the client.
    expect(client.socket.writableLength).toBeGreaterThan(5 * MIB);
    expect((await ask(path)).status).toBe(200);
    client.socket.destroy();
    answer(hung, 'late');
    expect((await ask(path)).status).toBe(200);
  }, 120_000);

  for (const [what, fields] of [
    ['on an ordinary connection', ''],
    ['on a connection that asked for h2c', 'Connection: Upgrade\r\nUpgrade: h2c\r\n'],
  ] as const) {
    it(`are all answered in order when it ends, ${what}, however long that takes`, async () => {
      const many = 20_000;
      const { handler, next } = hanging();
      const worker = await fakeWorker(handler, { maxConns: 10, single: false });
      // A head that is half read when reading stops must not count as one that comes too slowly:
      // that is looked at each 5 s.
      const proxy = await startProxy(['--upstream', worker.path, '--max-conns', '10', '--header-timeout', '1s']);
      const client = rawClient(proxy.path);
      client.write(get('/hang', fields));
      const hung = await next();
      const all = Array.from({ length: many }, (_, i) => get(`/${i}`, i === many - 1 ? 'Connection: close\r\n' : ''));
      client.write(all.join(''));
      await settled(() => client.socket.writableLength);
      expect(client.socket.writableLength).toBeGreaterThan(0);
      await new Promise((resolve) => setTimeout(resolve, 7000));
      answer(hung, '<hung>');
      const { received, error } = await client.closed;
      expect(error).toBeUndefined();
      expect(received.match(/<[^>]+>/g)).toEqual(['<hung>', ...all.map((_, i) => `</${i}>`)]);
    }, 120_000);
  }

  it('do not let a client be slow with a head once they are answered', async () => {
    const { handler, next } = hanging();
    const worker = await fakeWorker(handler, { maxConns: 10, single: false });
    const proxy = await startProxy(['--upstream', worker.path, '--max-conns', '10', '--header-timeout', '1s']);
    const client = testClient(proxy.path);
    client.write(get('/hang'));
    const hung = await next();
    client.write(`${get('/').repeat(3000)}GET /slow HTTP/1.1\r\nHost: a\r\n`);
    await new Promise((resolve) => setTimeout(resolve, 7000));
    answer(hung, '<hung>');
    const { received } = await client.closed;
    expect(received.match(/<\/>/g)).toHaveLength(3000);
  }, 60_000);

  it('are given up with their client, and a drain does not wait for those that were not read', async () => {
    const { handler, next } = hanging();
    const worker = await fakeWorker(handler, { maxConns: 10, single: false });
    const proxy = await startProxy(['--upstream', worker.path, '--max-conns', '10']);
    const client = testClient(proxy.path);
    client.write(get('/hang'));
    const hung = await next();
    client.write(get('/').repeat(20_000));
    await settled(() => client.socket.writableLength);
    const stopped = proxy.stop();
    answer(hung, 'late');
    await stopped;
    await client.closed;
    await eventually(() => expect(proxy.access.length).toBeLessThan(20_000));
  });
});
