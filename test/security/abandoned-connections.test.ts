// Whatever a client does after the last answer of its connection, its descriptor comes back, and
// the service goes on.

import { connect, type Socket } from 'node:net';
import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { ask } from '../support/clients/http-client.ts';
import { eventually } from '../support/eventually.ts';
import { buildIfMissing, startCli } from '../support/program/cli-process.ts';
import { descriptorsOf } from '../support/program/process-cost.ts';
import { startProxy } from '../support/program/proxy.ts';
import { answer, answering, fakeWorker, holding } from '../support/servers/fake-worker.ts';
import { freePort } from '../support/servers/free-port.ts';

beforeAll(buildIfMissing);

/** Connections of each kind with each manner. */
const MANY = 10;

const CONNECT = 'CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n';

/** Requests after whose answer a connection carries no other. */
const LAST: ReadonlyArray<readonly [what: string, request: string, status: number]> = [
  ['CONNECT', CONNECT, 405],
  ['noise', '\x00\x01\x02\r\n\r\n', 400],
  ['a head that is too large', `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(5000)}\r\n\r\n`, 431],
  ['a head that is never whole', 'GET / HTTP/1.1\r\nHost: a', 408],
  ['a method of its own', 'FROB / HTTP/1.1\r\nHost: a\r\n\r\n', 200],
  ['h2c, once', 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close, Upgrade\r\nUpgrade: h2c\r\n\r\n', 200],
  ['h2c, on a kept connection', 'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n', 200],
];

/** What a client does once it has sent its request. It closes its side only where that is said. */
const MANNERS: Readonly<Record<string, (socket: Socket) => void>> = {
  'closes with its answer': (socket) => void socket.once('data', () => socket.end()),
  'sends more and closes with its answer': (socket) => {
    socket.write('more');
    socket.once('data', () => socket.end());
  },
  'closes before its answer': (socket) => void socket.end(),
  'resets with its answer': (socket) => void socket.once('data', () => socket.resetAndDestroy()),
  'resets before its answer': (socket) => void socket.resetAndDestroy(),
  'never closes': () => undefined,
  'never closes and never reads': (socket) => void socket.pause(),
  'never closes and goes on sending': (socket) => {
    const more = (): void => {
      if (socket.writable) socket.write('x'.repeat(1000), () => void setTimeout(more, 50));
    };
    more();
  },
};

/** Those manners that wait for the answer, so that it must be right. */
const READS: ReadonlySet<string> = new Set(['closes with its answer', 'never closes']);

async function served() {
  const port = await freePort();
  const worker = await fakeWorker(answering('fine'), { maxConns: 100, single: false });
  const limits = ['--header-timeout', '1s', '--client-keepalive', '1s', '--max-header', '4k'];
  const cli = startCli(['--upstream', worker.path, '--listen', `127.0.0.1:${port}`, '--admin', 'off', ...limits]);
  await cli.says('listening on');
  // What the program opens once, it opens now.
  for (let i = 0; i < 5; i += 1) expect((await ask({ port })).status).toBe(200);
  return { cli, port };
}

async function opened(port: number, request: string, manner: (socket: Socket) => void): Promise<() => string> {
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
  onTestFinished(() => void socket.destroy());
  let received = '';
  socket.on('data', (chunk: Buffer) => {
    received += chunk.toString('latin1');
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  socket.on('error', () => undefined);
  await new Promise<void>((resolve) => socket.write(Buffer.from(request, 'latin1'), () => resolve()));
  manner(socket);
  return () => received;
}

describe('the descriptor of a client', () => {
  it('comes back, whatever it asked for and however it leaves or stays', async () => {
    const { cli, port } = await served();
    const before = descriptorsOf(cli.pid);
    const clients = await Promise.all(
      Object.entries(MANNERS).flatMap(([manner, act]) =>
        LAST.flatMap(([what, request, status]) =>
          Array.from({ length: MANY }, async () => ({ manner, what, status, received: await opened(port, request, act) })),
        ),
      ),
    );
    // Once this is answered, all that came before has been accepted.
    expect((await ask({ port })).status).toBe(200);
    await vi.waitFor(() => expect(descriptorsOf(cli.pid)).toBeLessThanOrEqual(before), { timeout: 25_000, interval: 50 });
    for (const { manner, what, status, received } of clients) {
      if (!READS.has(manner)) continue;
      expect(received(), `${what}, from a client that ${manner}`).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    }
    expect((await ask({ port })).status).toBe(200);
  }, 60_000);
});

describe('a drain', () => {
  it('answers a CONNECT that comes meanwhile, and does not wait for clients that never close', async () => {
    const { handler, next } = holding();
    const worker = await fakeWorker(handler);
    const proxy = await startProxy(['--upstream', worker.path, '--max-conns', '1', '--listen', '127.0.0.1:0']);
    const early = await opened(proxy.port, CONNECT, () => undefined);
    const waiting = ask({ port: proxy.port });
    const reply = await next();
    await eventually(() => expect(early()).toMatch(/^HTTP\/1\.1 405 /));
    const kept = connect({ host: '127.0.0.1', port: proxy.port, allowHalfOpen: true });
    onTestFinished(() => void kept.destroy());
    await new Promise<void>((resolve) => kept.once('connect', resolve));
    let received = '';
    kept.on('data', (chunk: Buffer) => {
      received += chunk.toString('latin1');
    });
    // What has not been accepted when the listener closes is lost.
    expect((await ask({ port: proxy.port }, { method: 'POST', headers: { 'Content-Length': 'x' } })).status).toBe(400);
    const stopped = proxy.stop();
    kept.write(CONNECT);
    await eventually(() => expect(received).toMatch(/^HTTP\/1\.1 405 /));
    answer(reply, 'fine');
    expect((await waiting).status).toBe(200);
    await stopped;
  });
});
