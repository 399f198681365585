// Clients that leave: nothing of their request is left behind, and the worker's slot is free only
// when the worker is.

import { readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, testClient } from '../support/clients/http-client.ts';
import { eventually } from '../support/eventually.ts';
import { startProxy } from '../support/program/proxy.ts';
import { answer, answering, fakeWorker, holding } from '../support/servers/fake-worker.ts';
import { tempDir } from '../support/temp-dir.ts';

/** What Node says when a file is closed only because nobody remembers it. */
const warnings: string[] = [];
const onWarning = (warning: Error): void => void warnings.push(warning.message);

beforeAll(() => void process.on('warning', onWarning));
afterAll(() => {
  process.off('warning', onWarning);
  expect(warnings.filter((text) => text.includes('garbage collection'))).toEqual([]);
});

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

/** Temporary files below `directory` that this process holds open; their names are gone already. */
function openTempFiles(directory: string): string[] {
  const found: string[] = [];
  for (const fd of readdirSync('/proc/self/fd')) {
    try {
      const target = readlinkSync(join('/proc/self/fd', fd));
      if (target.startsWith(`${directory}/fcgi-lb-`)) found.push(target);
    } catch {
      // The descriptor that read the directory.
    }
  }
  return found;
}

describe('a client that leaves', () => {
  it('while it sends its body leaves no temporary file, and no worker is troubled', async () => {
    const worker = await fakeWorker(answering('fine'));
    const directory = tempDir();
    const proxy = await startProxy(['--upstream', worker.path, '--max-conns', '1', '--temp-dir', directory]);
    const client = testClient(proxy.path);
    client.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n${'b'.repeat(300_000)}`);
    // Its name is removed a moment after it is made.
    await eventually(() => expect(openTempFiles(directory)).toEqual([expect.stringMatching(/ \(deleted\)$/)]));
    client.socket.destroy();
    await eventually(() => expect(openTempFiles(directory)).toHaveLength(0));
    expect(await proxy.accessLine(1)).toMatchObject({ status: 499, attempts: 0, error: 'FCGI_LB_CLIENT_GONE' });
    expect(worker.connections()).toBe(0);
  });

  it('half-way through a chunked body leaves no temporary file either', async () => {
    const worker = await fakeWorker(answering('fine'));
    const directory = tempDir();
    const proxy = await startProxy(['--upstream', worker.path, '--max-conns', '1', '--temp-dir', directory]);
    const client = testClient(proxy.path);
    client.write(`POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n30d40\r\n${'b'.repeat(200_000)}\r\n`);
    await eventually(() => expect(openTempFiles(directory)).toHaveLength(1));
    client.socket.end();
    await eventually(() => expect(openTempFiles(directory)).toHaveLength(0));
    expect(worker.connections()).toBe(0);
  });

  it('while its uploaded body waits for a worker leaves no temporary file', async () => {
    const { handler, next } = holding();
    const worker = await fakeWorker(handler);
    const directory = tempDir();
    const proxy = await startProxy(['--upstream', worker.path, '--max-conns', '1', '--temp-dir', directory]);
    const first = ask(proxy.path);
    const holder = await next();
    const client = testClient(proxy.path);
    client.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\n${'b'.repeat(300_000)}`);
    await eventually(() => expect(proxy.program.pool.waiting).toBe(1));
    expect(openTempFiles(directory)).toHaveLength(1);
    client.socket.destroy();
    await eventually(() => expect(openTempFiles(directory)).toHaveLength(0));
    expect(proxy.program.pool.waiting).toBe(0);
    answer(holder, 'done');
    expect((await first).status).toBe(200);
  });

  it('while a single-request worker computes: the worker is told, and its slot is free when it ends, not before', async () => {
    const { handler, next } = holding();
    const worker = await fakeWorker(handler);
    const proxy = await startProxy(['--upstream', worker.path, '--max-conns', '1']);
    const client = testClient(proxy.path);
    client.write(GET);
    const reply = await next();
    client.socket.destroy();
    expect(await proxy.accessLine(1)).toMatchObject({ status: 499, attempts: 1 });
    await eventually(() => expect(reply.aborted()).toBe(true));
    const second = ask(proxy.path);
    await eventually(() => expect(proxy.program.pool.waiting).toBe(1));
    expect(worker.connections()).toBe(1);
    reply.end();
    answer(await next(), 'second');
    expect((await second).body.toString()).toBe('second');
  });

  it('while a worker without a limit computes: its connection is closed at once', async () => {
    const { handler, next } = holding();
    const worker = await fakeWorker(handler, { single: false });
    const proxy = await startProxy(['--upstream', worker.path, '--max-conns', 'unlimited']);
    const client = testClient(proxy.path);
    client.write(GET);
    const reply = await next();
    client.socket.destroy();
    await reply.closed;
    const [upstream] = [...proxy.program.pool.upstreams];
    expect(upstream?.inFlight).toBe(0);
  });

  it('while it takes a large answer leaves no temporary file, and the worker is done all the same', async () => {
    const { handler, next } = holding();
    const worker = await fakeWorker(handler);
    const directory = tempDir();
    const proxy = await startProxy(['--upstream', worker.path, '--max-conns', '1', '--temp-dir', directory]);
    const client = testClient(proxy.path);
    client.write(GET);
    const reply = await next();
    reply.stdout('Content-Type: text/plain\r\n\r\n');
    await client.until((received) => received.includes('200 OK'));
    client.socket.pause();
    for (let i = 0; i < 64; i += 1) reply.stdout(Buffer.alloc(65_528, 'b'));
    await eventually(() => expect(openTempFiles(directory)).toHaveLength(1));
    client.socket.destroy();
    await eventually(() => expect(openTempFiles(directory)).toHaveLength(0));
    const entry = await proxy.accessLine(1);
    expect(entry).toMatchObject({ status: 200, error: 'FCGI_LB_CLIENT_GONE' });
    expect(entry.bytes).toBeLessThan(64 * 65_528);
    reply.end();
    const second = ask(proxy.path);
    answer(await next(), 'second');
    expect((await second).status).toBe(200);
  });

  it('with a request pipelined behind another takes both away', async () => {
    const { handler, next } = holding();
    const worker = await fakeWorker(handler);
    const proxy = await startProxy(['--upstream', worker.path, '--max-conns', '1']);
    const client = testClient(proxy.path);
    client.write(`${GET}${GET}`);
    const reply = await next();
    client.socket.destroy();
    await proxy.accessLine(2);
    expect(proxy.access.map(({ status }) => status)).toEqual([499, 499]);
    expect(proxy.program.pool.waiting).toBe(0);
    reply.end();
    await eventually(() => expect([...proxy.program.pool.upstreams].map(({ inFlight }) => inFlight)).toEqual([0]));
    expect(worker.connections()).toBe(1);
  });
});
