// Slow clients: neither one that takes its answer slowly nor one that sends its body slowly holds a
// worker.

import { createHash } from 'node:crypto';
import type { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import type { Handler } from '../peers/fastcgi-server.ts';
import { ask, testClient } from '../support/clients/http-client.ts';
import { startProxy } from '../support/program/proxy.ts';
import { answer, answering, fakeWorker } from '../support/servers/fake-worker.ts';

const MIB = 1024 ** 2;
const PIECE = 65_528;
const PIECES = 400;

/** The piece number `i` of a body in which no two pieces are the same. */
function piece(i: number): Buffer {
  const bytes = Buffer.alloc(PIECE);
  for (let at = 0; at < PIECE; at += 4) bytes.writeUInt32LE((Math.imul(at + i * 2_654_435, 40_503) ^ i) >>> 0, at);
  return bytes;
}

/**
 * Answers /large with 25 MiB, waiting for the front end to take them, and anything else with a
 * word.
 */
const large: Handler = async (reply) => {
  if (reply.request.params.get('REQUEST_URI') !== '/large') {
    answer(reply, 'small');
    return;
  }
  reply.stdout('Content-Type: application/octet-stream\r\n\r\n');
  for (let i = 0; i < PIECES; i += 1) {
    reply.stdout(piece(i));
    if (reply.socket.writableNeedDrain) await drained(reply.socket);
  }
  reply.end();
};

function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      socket.off('drain', done);
      socket.off('close', done);
      resolve();
    };
    socket.on('drain', done);
    socket.on('close', done);
  });
}

/** The bytes of a chunked body. */
function dechunked(bytes: Buffer): Buffer {
  const parts: Buffer[] = [];
  let at = 0;
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n', at);
    const size = Number.parseInt(bytes.toString('latin1', at, lineEnd), 16);
    if (size === 0) return Buffer.concat(parts);
    parts.push(bytes.subarray(lineEnd + 2, lineEnd + 2 + size));
    at = lineEnd + 2 + size + 2;
  }
}

describe('a client that reads nothing of a 25 MiB answer', () => {
  it('does not hold the worker, and gets every byte right when it reads at last', async () => {
    const worker = await fakeWorker(large);
    const proxy = await startProxy(['--upstream', worker.path, '--max-conns', '1']);
    const client = testClient(proxy.path);
    client.socket.pause();
    client.write('GET /large HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    // The one worker serves the next request: its answer to the first was taken whole.
    const before = process.memoryUsage().rss;
    expect((await ask(proxy.path, { path: '/small' })).body.toString()).toBe('small');
    expect(client.received()).toBe('');
    expect(process.memoryUsage().rss - before).toBeLessThan(100 * MIB);
    client.socket.resume();
    const { received, error } = await client.closed;
    expect(error).toBeUndefined();
    const bytes = Buffer.from(received, 'latin1');
    const body = dechunked(bytes.subarray(bytes.indexOf('\r\n\r\n') + 4));
    const expected = createHash('sha256');
    for (let i = 0; i < PIECES; i += 1) expected.update(piece(i));
    expect(body.length).toBe(PIECE * PIECES);
    expect(createHash('sha256').update(body).digest('hex')).toBe(expected.digest('hex'));
    const entry = proxy.access.find(({ path }) => path === '/large');
    expect(entry).toMatchObject({ status: 200, bytes: PIECE * PIECES, error: undefined });
  });

  it('is given up after --client-send-timeout', async () => {
    const worker = await fakeWorker(large);
    const proxy = await startProxy(['--upstream', worker.path, '--max-conns', '1', '--client-send-timeout', '200ms']);
    const client = testClient(proxy.path);
    client.socket.pause();
    client.write('GET /large HTTP/1.1\r\nHost: a\r\n\r\n');
    expect(await proxy.accessLine(1)).toMatchObject({ error: 'FCGI_LB_CLIENT_STALLED' });
    expect((await ask(proxy.path, { path: '/small' })).status).toBe(200);
  });
});

describe('a client that sends its body slowly', () => {
  it('holds no worker while it does', async () => {
    const worker = await fakeWorker(answering('fine'));
    const proxy = await startProxy(['--upstream', worker.path, '--max-conns', '1']);
    const client = testClient(proxy.path);
    client.write('POST /slow HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\nConnection: close\r\n\r\nhalf ');
    for (let i = 1; i <= 3; i += 1) {
      expect((await ask(proxy.path, { path: `/${i}` })).status).toBe(200);
      expect(worker.connections()).toBe(i);
    }
    client.write('whole');
    expect((await client.closed).received).toMatch(/fine(?:\r\n0\r\n\r\n)?$/);
    expect(worker.connections()).toBe(4);
  });

  it('holds no worker either when its body is chunked and --request-buffering is off: its length is not known', async () => {
    const worker = await fakeWorker((reply) => answer(reply, `${reply.request.params.get('CONTENT_LENGTH')}`));
    const proxy = await startProxy(['--upstream', worker.path, '--max-conns', '1', '--request-buffering', 'off']);
    const client = testClient(proxy.path);
    client.write('POST /slow HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n5\r\nhalf \r\n');
    expect((await ask(proxy.path)).status).toBe(200);
    expect(worker.connections()).toBe(1);
    client.write('5\r\nwhole\r\n0\r\n\r\n');
    expect((await client.closed).received).toMatch(/10$/);
  });
});
