// WebSocket through the proxy: the change of protocol, the bytes after it, the slot it holds, and
// everything that is not granted.

import type { Duplex } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { ask, testClient } from '../support/clients/http-client.ts';
import { agreement, clientFrame, echoFrames, handshake, serverFrame } from '../support/clients/web-socket.ts';
import { eventually, settled } from '../support/eventually.ts';
import { type Proxy as RunningProxy, startProxy } from '../support/program/proxy.ts';
import { answering, fakeWorker, rawWorker } from '../support/servers/fake-worker.ts';
import { type HttpUpstream, httpUpstream } from '../support/servers/http-server.ts';

/**
 * A server that agrees to every WebSocket and hands its connection out; to requests it answers
 * `plain`.
 */
async function webSocketServer(use: (socket: Duplex) => void, where?: string): Promise<HttpUpstream> {
  const upstream = await httpUpstream((_request, response) => response.end('plain'), where);
  upstream.server.on('upgrade', (request, socket) => {
    socket.on('error', () => undefined);
    socket.on('end', () => socket.end());
    socket.write(agreement(request));
    use(socket);
  });
  return upstream;
}

function inFlight(proxy: RunningProxy): number {
  return [...proxy.program.pool.upstreams].reduce((sum, upstream) => sum + upstream.inFlight, 0);
}

const accepted = (text: string): boolean => text.includes('\r\n\r\n');

describe('a WebSocket', () => {
  it('is opened with the handshake of the two, and carries frames both ways', async () => {
    const upstream = await webSocketServer(echoFrames, 'unix');
    const proxy = await startProxy(['--upstream', upstream.address]);
    const client = testClient(proxy.path);
    client.write(handshake('/chat?x=1', 'Sec-WebSocket-Protocol: chat\r\nX-Forwarded-For: 10.0.0.1\r\n'));
    const head = await client.until(accepted);
    expect(head).toMatch(/^HTTP\/1\.1 101 Switching Protocols\r\n/);
    expect(head).toContain('\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n');
    expect(head.match(/^(?:Connection|Upgrade): .*$/gim)).toEqual(['Connection: Upgrade', 'Upgrade: websocket']);
    client.write(clientFrame('hello'));
    await client.until((text) => text.endsWith(serverFrame('hello')));
    client.write(clientFrame('again'));
    await client.until((text) => text.endsWith(serverFrame('again')));
    client.socket.destroy();
    const line = await proxy.accessLine(1);
    expect(line).toMatchObject({ method: 'GET', path: '/chat?x=1', status: 101, bytes: 14, attempts: 1, error: undefined });
    expect(line.upstream).toBe(upstream.address);
    expect(inFlight(proxy)).toBe(0);
  });

  it('asks the upstream with the fields of the client and those of the proxy', async () => {
    let rawHeaders: readonly string[] = [];
    const upstream = await httpUpstream(() => undefined);
    upstream.server.on('upgrade', (request, socket) => {
      rawHeaders = request.rawHeaders;
      socket.end(agreement(request));
    });
    const proxy = await startProxy(['--upstream', upstream.address]);
    const client = testClient(proxy.path);
    client.write(handshake('/', 'Sec-WebSocket-Protocol: chat\r\n'));
    await client.closed;
    expect(rawHeaders).toEqual([
      ...['Host', 'a.example', 'Sec-WebSocket-Version', '13', 'Sec-WebSocket-Protocol', 'chat'],
      ...['Sec-WebSocket-Key', 'dGhlIHNhbXBsZSBub25jZQ=='],
      ...['X-Request-ID', expect.stringMatching(/^[0-9a-f]{32}$/)],
      ...['X-Forwarded-For', 'unix:', 'X-Forwarded-Host', 'a.example', 'X-Forwarded-Proto', 'http'],
      ...['Connection', 'Upgrade', 'Upgrade', 'websocket'],
    ]);
  });

  it('loses no byte that the upstream sends together with its agreement, nor any of a megabyte', async () => {
    const big = 'x'.repeat(1024 * 1024);
    const upstream = await webSocketServer((socket) => {
      socket.write('first');
      socket.end(big);
    });
    const proxy = await startProxy(['--upstream', upstream.address]);
    const client = testClient(proxy.path);
    client.write(handshake());
    const { received } = await client.closed;
    expect(received.slice(received.indexOf('\r\n\r\n') + 4)).toBe(`first${big}`);
    expect(await proxy.accessLine(1)).toMatchObject({ status: 101, bytes: 5 + big.length });
  });

  it('holds the sender back when the other side does not read', async () => {
    let written = 0;
    const chunk = Buffer.alloc(65_536);
    const upstream = await webSocketServer((socket) => {
      const push = (): void => {
        while (!socket.destroyed && written < 128 * 1024 * 1024) {
          written += chunk.length;
          if (!socket.write(chunk)) {
            socket.once('drain', push);
            return;
          }
        }
      };
      push();
    });
    const proxy = await startProxy(['--upstream', upstream.address]);
    const client = testClient(proxy.path);
    client.write(handshake());
    await client.until(accepted);
    client.socket.pause();
    // The kernel's buffers of a TCP connection grow to some 36 MiB (tcp_wmem, tcp_rmem); without
    // limit would be all of it.
    expect(await settled(() => written)).toBeLessThan(64 * 1024 * 1024);
    client.socket.destroy();
    await eventually(() => expect(inFlight(proxy)).toBe(0));
  });

  it('holds its slot as long as it is open, and those who come after wait', async () => {
    let server: Duplex | undefined;
    const upstream = await webSocketServer((socket) => {
      server = socket;
    });
    const proxy = await startProxy(['--upstream', upstream.address, '--max-conns', '1']);
    const client = testClient(proxy.path);
    client.write(handshake());
    await client.until(accepted);
    const next = ask(proxy.path);
    await eventually(() => expect(proxy.program.pool.waiting).toBe(1));
    expect(inFlight(proxy)).toBe(1);
    server?.end();
    expect((await next).body.toString()).toBe('plain');
    await client.closed;
  });

  it('waits in the queue like any request, and leaves it with its client', async () => {
    const sockets: Duplex[] = [];
    const upstream = await webSocketServer((socket) => void sockets.push(socket));
    const proxy = await startProxy(['--upstream', upstream.address, '--max-conns', '1']);
    const first = testClient(proxy.path);
    first.write(handshake());
    await first.until(accepted);
    const gone = testClient(proxy.path);
    gone.write(handshake());
    const second = testClient(proxy.path);
    await eventually(() => expect(proxy.program.pool.waiting).toBe(1));
    second.write(handshake());
    await eventually(() => expect(proxy.program.pool.waiting).toBe(2));
    gone.socket.destroy();
    await eventually(() => expect(proxy.program.pool.waiting).toBe(1));
    first.socket.destroy();
    await second.until(accepted);
    expect(sockets).toHaveLength(2);
    expect(proxy.access.map(({ status }) => status).sort()).toEqual([101, 499]);
  });

  it('ends for one side when the other is cut off', async () => {
    for (const cut of ['client', 'upstream'] as const) {
      let server: Duplex | undefined;
      const upstream = await webSocketServer((socket) => {
        server = socket;
        socket.resume();
      });
      const proxy = await startProxy(['--upstream', upstream.address]);
      const client = testClient(proxy.path);
      client.write(handshake());
      await client.until(accepted);
      await eventually(() => expect(server).toBeDefined());
      const serverClosed = new Promise<void>((resolve) => server?.on('close', resolve));
      if (cut === 'client') client.socket.destroy();
      else server?.destroy();
      await Promise.all([client.closed, serverClosed]);
      await eventually(() => expect(inFlight(proxy)).toBe(0));
      expect(await proxy.accessLine(1)).toMatchObject({ status: 101, error: undefined });
    }
  });

  it('may be opened on a connection that carried requests before', async () => {
    const upstream = await webSocketServer(echoFrames);
    const proxy = await startProxy(['--upstream', upstream.address]);
    const client = testClient(proxy.path);
    client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await client.until((text) => text.endsWith('plain'));
    client.write(handshake());
    await client.until((text) => text.includes('101 Switching'));
    client.write(clientFrame('hello'));
    await client.until((text) => text.endsWith(serverFrame('hello')));
  });

  it('works over TCP as it does over unix sockets', async () => {
    const upstream = await webSocketServer(echoFrames);
    const proxy = await startProxy(['--upstream', upstream.address, '--listen', '127.0.0.1:0']);
    const client = testClient({ port: proxy.port });
    client.write(handshake());
    await client.until(accepted);
    client.write(clientFrame('hello'));
    await client.until((text) => text.endsWith(serverFrame('hello')));
    client.socket.destroy();
    expect(await proxy.accessLine(1)).toMatchObject({ client: '127.0.0.1', status: 101 });
  });
});

describe('a WebSocket that does not come about', () => {
  it.each([
    ['HTTP/1.1 400 Bad Request\r\nContent-Length: 3\r\n\r\nbad', 400],
    ['HTTP/1.1 426 Upgrade Required\r\nSec-WebSocket-Version: 12\r\nContent-Length: 0\r\n\r\n', 426],
    [`HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n${'x'.repeat(300_000)}`, 200],
  ])('has the refusal of the upstream passed on, and the connection closed: %#', async (bytes, status) => {
    const upstream = await rawWorker((socket) => {
      socket.once('data', () => socket.end(bytes));
      socket.resume();
    });
    const proxy = await startProxy(['--upstream', `http+unix:${upstream.address}`]);
    const client = testClient(proxy.path);
    client.write(handshake());
    const { received } = await client.closed;
    expect(received).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(received.split('\r\n\r\n')[1]).toBe(bytes.split('\r\n\r\n')[1]);
    expect(received).toContain('\r\nConnection: close\r\n');
    expect(await proxy.accessLine(1)).toMatchObject({ status, attempts: 1, error: undefined });
  });

  it('is answered 503 when nobody is there', async () => {
    const proxy = await startProxy(['--upstream', 'http+unix:/nonexistent/a.sock', '--queue-timeout', '100ms']);
    const client = testClient(proxy.path);
    client.write(handshake());
    expect((await client.closed).received).toMatch(/^HTTP\/1\.1 503 /);
    expect(await proxy.accessLine(1)).toMatchObject({ status: 503, attempts: 0, error: 'FCGI_LB_QUEUE_TIMEOUT' });
  });

  it('is answered 502 when the upstream changes to something else', async () => {
    const upstream = await rawWorker((socket) => {
      socket.once('data', () => socket.write('HTTP/1.1 101 X\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n'));
      socket.resume();
    });
    const proxy = await startProxy(['--upstream', `http+unix:${upstream.address}`, '--attempts', '1']);
    const client = testClient(proxy.path);
    client.write(handshake());
    expect((await client.closed).received).toMatch(/^HTTP\/1\.1 502 /);
    expect(await proxy.accessLine(1)).toMatchObject({ error: 'FCGI_LB_UPSTREAM_BAD_HEAD' });
    expect(inFlight(proxy)).toBe(0);
  });

  it('is answered 504 when the upstream does not answer', async () => {
    const upstream = await rawWorker((socket) => void socket.resume());
    const proxy = await startProxy([
      ...['--upstream', `http+unix:${upstream.address}`, '--read-timeout', '100ms', '--attempts', '1'],
    ]);
    const client = testClient(proxy.path);
    client.write(handshake());
    expect((await client.closed).received).toMatch(/^HTTP\/1\.1 504 /);
  });

  it('goes to another upstream when the first dies over it', async () => {
    const dying = await rawWorker((socket) => {
      socket.once('data', () => socket.destroy());
      socket.resume();
    });
    const live = await webSocketServer(echoFrames);
    const proxy = await startProxy([...['--upstream', `http+unix:${dying.address}`, live.address, '--balance', 'first']]);
    const client = testClient(proxy.path);
    client.write(handshake());
    expect(await client.until(accepted)).toContain('101 Switching');
    client.socket.destroy();
    expect(await proxy.accessLine(1)).toMatchObject({ status: 101, attempts: 2 });
  });
});

describe('a request with an Upgrade field that is no WebSocket', () => {
  it('is an ordinary one, and its connection goes on: h2c, which would hide requests from the proxy', async () => {
    const upstream = await webSocketServer(echoFrames);
    const proxy = await startProxy(['--upstream', upstream.address]);
    const client = testClient(proxy.path);
    const fields = 'Host: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n';
    client.write(`GET /1 HTTP/1.1\r\n${fields}\r\n`);
    await client.until((text) => text.endsWith('plain'));
    client.write('GET /2 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    await client.closed;
    expect(upstream.seen.map(({ url }) => url)).toEqual(['/1', '/2']);
    expect(upstream.seen[0]?.rawHeaders.join()).not.toMatch(/upgrade|http2/i);
  });

  it('keeps its body', async () => {
    const upstream = await httpUpstream((request, response) => void request.pipe(response));
    const proxy = await startProxy(['--upstream', upstream.address]);
    for (const name of ['h2c', 'websocket']) {
      const client = testClient(proxy.path);
      const fields = `Host: a\r\nConnection: Upgrade, close\r\nUpgrade: ${name}\r\nContent-Length: 6\r\n`;
      client.write(`POST / HTTP/1.1\r\n${fields}\r\none`);
      await eventually(() => expect(proxy.program.pool.upstreams.size).toBe(1));
      client.write('two');
      expect((await client.closed).received).toMatch(/onetwo/);
    }
    const [first] = upstream.seen;
    expect(first?.headers['upgrade']).toBeUndefined();
  });

  it('is an ordinary one for FastCGI workers, whatever it asks for', async () => {
    const worker = await fakeWorker(answering('hello'));
    const proxy = await startProxy(['--upstream', worker.path]);
    const client = testClient(proxy.path);
    client.write(handshake());
    await client.until((text) => text.endsWith('hello'));
    client.write('GET /2 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    const { received } = await client.closed;
    expect(received.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 200']);
  });

  it('closes the connection when it overtakes a request that is still running', async () => {
    const upstream = await httpUpstream(() => undefined);
    const proxy = await startProxy(['--upstream', upstream.address]);
    const client = testClient(proxy.path);
    client.write(`GET / HTTP/1.1\r\nHost: a\r\n\r\n${handshake()}`);
    expect((await client.closed).received).toBe('');
    expect(await proxy.accessLine(1)).toMatchObject({ status: 499 });
  });
});

describe('a program with an open WebSocket', () => {
  it('waits for it when it stops, and takes no new one', async () => {
    const upstream = await webSocketServer(echoFrames);
    const proxy = await startProxy(['--upstream', upstream.address]);
    const client = testClient(proxy.path);
    client.write(handshake());
    await client.until(accepted);
    let over = false;
    const stopped = proxy.stop().then(() => {
      over = true;
    });
    await proxy.logLine(({ message }) => message.startsWith('stopping'));
    client.write(clientFrame('hello'));
    await client.until((text) => text.endsWith(serverFrame('hello')));
    expect(over).toBe(false);
    client.socket.destroy();
    await stopped;
  });

  it('cuts it at the shutdown timeout', async () => {
    const upstream = await webSocketServer(echoFrames);
    const proxy = await startProxy(['--upstream', upstream.address, '--shutdown-timeout', '100ms']);
    const client = testClient(proxy.path);
    client.write(handshake());
    await client.until(accepted);
    await proxy.stop();
    await client.closed;
    await eventually(() => expect(upstream.open()).toBe(0));
  });

  it('lets it go on while its upstream is drained, and opens no other there', async () => {
    const upstream = await webSocketServer(echoFrames);
    const other = await webSocketServer(echoFrames);
    const proxy = await startProxy(['--upstream', upstream.address, other.address, '--balance', 'first']);
    const client = testClient(proxy.path);
    client.write(handshake());
    await client.until(accepted);
    const [first] = [...proxy.program.pool.upstreams];
    first?.want('drain', 'the test');
    client.write(clientFrame('hello'));
    await client.until((text) => text.endsWith(serverFrame('hello')));
    const second = testClient(proxy.path);
    second.write(handshake());
    await second.until(accepted);
    expect([upstream.open(), other.open()]).toEqual([1, 1]);
    expect([...proxy.program.pool.upstreams].map((each) => each.inFlight)).toEqual([1, 1]);
  });
});
