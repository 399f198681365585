// Peers that do not read: whoever sends to them has to wait, and the proxy holds little of what
// they sent.

import type { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { stdoutRecord } from '../peers/fastcgi-server.ts';
import { testClient } from '../support/clients/http-client.ts';
import { startProxy } from '../support/program/proxy.ts';
import { fakeWorker, rawWorker } from '../support/servers/fake-worker.ts';

const TOTAL = 64 * 1024 ** 2;
/** Both socket buffers, the high-water marks of a few streams, and plenty of room. */
const BOUND = 4 * 1024 ** 2;

/**
 * Writes `total` bytes, each piece when the one before has left for the kernel; says how many have.
 */
function pour(socket: Socket, piece: Buffer, total: number): { readonly poured: () => number } {
  let poured = 0;
  const more = (): void => {
    if (socket.destroyed || poured >= total) return;
    socket.write(piece, (error) => {
      if (error) return;
      poured += piece.length;
      more();
    });
  };
  more();
  return { poured: () => poured };
}

describe('back-pressure', () => {
  it('holds back a client whose streamed body the worker does not read', async () => {
    const worker = await rawWorker(() => undefined);
    const proxy = await startProxy([
      ...['--upstream', worker.address, '--max-conns', '1', '--request-buffering', 'off'],
      ...['--send-timeout', '400ms', '--linger-timeout', '1ms'],
    ]);
    const client = testClient(proxy.path);
    client.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${TOTAL}\r\n\r\n`);
    const body = pour(client.socket, Buffer.alloc(65_536, 'b'), TOTAL);
    // Once the page is out the rest of the body is read and dropped, so this is counted at the
    // failure.
    await proxy.logLine(({ fields }) => fields['code'] === 'FCGI_LB_UPSTREAM_SEND_TIMEOUT');
    expect(body.poured()).toBeGreaterThan(0);
    expect(body.poured()).toBeLessThan(BOUND);
    await client.until((received) => received.startsWith('HTTP/1.1 504 '));
  });

  it('holds back a worker whose unbuffered answer the client does not read', async () => {
    let poured = (): number => 0;
    const worker = await fakeWorker((reply) => {
      reply.stdout('Content-Type: text/plain\r\n\r\n');
      ({ poured } = pour(reply.socket, stdoutRecord(Buffer.alloc(65_528, 'b')), TOTAL));
    });
    const proxy = await startProxy([
      ...['--upstream', worker.path, '--max-conns', '1', '--response-buffering', 'off'],
      ...['--client-send-timeout', '400ms', '--linger-timeout', '1ms'],
    ]);
    const client = testClient(proxy.path);
    client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    client.socket.pause();
    const seen = await proxy.accessLine(1);
    expect(seen).toMatchObject({ status: 200, error: 'FCGI_LB_CLIENT_STALLED' });
    expect(seen.bytes).toBeLessThan(BOUND);
    expect(poured()).toBeGreaterThan(0);
    expect(poured()).toBeLessThan(BOUND);
  });

  it('holds back a worker that streams events to a client that does not read', async () => {
    let poured = (): number => 0;
    const worker = await fakeWorker((reply) => {
      reply.stdout('Content-Type: text/event-stream\r\n\r\n');
      ({ poured } = pour(reply.socket, stdoutRecord(`data: ${'b'.repeat(1000)}\n\n`), TOTAL));
    });
    const proxy = await startProxy([
      ...['--upstream', worker.path, '--max-conns', '1'],
      ...['--client-send-timeout', '400ms', '--linger-timeout', '1ms'],
    ]);
    const client = testClient(proxy.path);
    client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    client.socket.pause();
    expect(await proxy.accessLine(1)).toMatchObject({ error: 'FCGI_LB_CLIENT_STALLED' });
    expect(poured()).toBeLessThan(BOUND);
  });

  it('starts the flow again when the client reads: every byte arrives', async () => {
    const size = 16 * 1024 ** 2;
    const worker = await fakeWorker(async (reply) => {
      reply.stdout(`Content-Length: ${size}\r\n\r\n`);
      for (let at = 0; at < size; at += 65_536) {
        await new Promise<void>((resolve) => reply.socket.write(stdoutRecord(Buffer.alloc(65_528, 'b')), () => resolve()));
        reply.stdout('12345678');
      }
      reply.end();
    });
    const proxy = await startProxy(['--upstream', worker.path, '--max-conns', '1', '--response-buffering', 'off']);
    const client = testClient(proxy.path);
    client.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    await client.until((received) => received.includes('\r\n\r\n'));
    // Reads a little, stops, reads on: many times.
    const stutter = setInterval(() => {
      client.socket.pause();
      setImmediate(() => client.socket.resume());
    }, 1);
    const { received, error } = await client.closed;
    clearInterval(stutter);
    expect(error).toBeUndefined();
    expect(received.length - received.indexOf('\r\n\r\n') - 4).toBe(size);
    expect(received.endsWith('b12345678')).toBe(true);
  });
});
