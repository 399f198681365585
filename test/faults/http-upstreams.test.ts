// HTTP upstreams that fail at every stage: what the client gets, how often each was asked, and that
// no slot stays taken.

import { readdirSync, readlinkSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ask, testClient } from '../support/clients/http-client.ts';
import { eventually } from '../support/eventually.ts';
import { startProxy } from '../support/program/proxy.ts';
import { rawWorker } from '../support/servers/fake-worker.ts';
import { bodyOf, httpUpstream } from '../support/servers/http-server.ts';
import { deadSocket, fullSocket } from '../support/servers/sockets.ts';
import { tempDir } from '../support/temp-dir.ts';

const SHORT_QUEUE = ['--queue-timeout', '200ms'];

/**
 * A server that says these bytes to whatever is asked, and then does as told; counts what it was
 * asked.
 */
async function saying(
  bytes: string,
  then: 'stay' | 'end' | 'reset' = 'end',
): Promise<{ readonly address: string; readonly asked: () => number }> {
  const { address, connections } = await rawWorker((socket) => {
    socket.once('data', () => {
      socket.write(bytes, 'latin1', () => {
        if (then === 'end') socket.end();
        if (then === 'reset') socket.destroy();
      });
    });
    socket.resume();
  });
  return { address: `http+unix:${address}`, asked: connections };
}

/** What this process has open; a file that was removed is still there by its old path. */
function openFiles(): string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      // The one the listing itself was read with.
      return [];
    }
  });
}

const OK = 'HTTP/1.1 200 OK\r\n';

describe('an HTTP upstream that cannot be connected to', () => {
  it('leaves every request to another one: missing, refused or with a full backlog', async () => {
    const path = tempDir();
    await deadSocket(join(path, 'dead'));
    await fullSocket(join(path, 'full'));
    const live = await httpUpstream((_request, response) => response.end('alive'));
    for (const name of ['missing', 'dead', 'full']) {
      const proxy = await startProxy(['--upstream', `http+unix:${join(path, name)}`, live.address, '--balance', 'round-robin']);
      for (let i = 1; i <= 4; i += 1) {
        expect((await ask(proxy.path, { method: 'POST', body: 'x' })).body.toString()).toBe('alive');
        expect(await proxy.accessLine(i)).toMatchObject({ status: 200, attempts: 1 });
      }
    }
    expect(live.seen).toHaveLength(12);
  });

  it.each([
    ['missing', 'FCGI_LB_CONNECT_MISSING'],
    ['dead', 'FCGI_LB_CONNECT_REFUSED'],
    ['full', 'FCGI_LB_CONNECT_BUSY'],
  ])('is logged with the code it has for FastCGI: %s', async (name, code) => {
    const path = join(tempDir(), name);
    if (name === 'dead') await deadSocket(path);
    if (name === 'full') await fullSocket(path);
    const proxy = await startProxy(['--upstream', `http+unix:${path}`, ...SHORT_QUEUE]);
    expect((await ask(proxy.path)).status).toBe(503);
    expect(await proxy.logLine(({ level }) => level === 'warn')).toMatchObject({ fields: { code } });
    expect(await proxy.accessLine(1)).toMatchObject({ attempts: 0, error: 'FCGI_LB_QUEUE_TIMEOUT' });
  });

  it('is left alone for a moment, and tried again when it is back', async () => {
    const path = join(tempDir(), 'late.sock');
    const proxy = await startProxy(['--upstream', `http+unix:${path}`]);
    const answer = ask(proxy.path, { method: 'POST', body: 'x' });
    await proxy.logLine(({ fields }) => fields['code'] === 'FCGI_LB_CONNECT_MISSING');
    await httpUpstream((_request, response) => response.end('back'), path);
    expect((await answer).body.toString()).toBe('back');
  });

  it('fails a TLS handshake that never ends at the connect timeout', async () => {
    const silent = await rawWorker((socket) => void socket.resume(), 'tcp');
    const proxy = await startProxy([
      ...['--upstream', `https://${silent.address}`],
      ...['--connect-timeout', '100ms', ...SHORT_QUEUE],
    ]);
    expect((await ask(proxy.path)).status).toBe(504);
    expect((await proxy.accessLine(1)).attempts).toBe(0);
    expect(await proxy.logLine(({ level }) => level === 'warn')).toMatchObject({
      fields: { code: 'FCGI_LB_CONNECT_TIMEOUT' },
    });
  });
});

describe('an HTTP upstream that fails before its answer', () => {
  it.each([
    ['closes without a word', '', 'FCGI_LB_UPSTREAM_CLOSED'],
    ['closes in the middle of its head', 'HTTP/1.1 200 OK\r\nContent-Le', 'FCGI_LB_UPSTREAM_CLOSED'],
    ['speaks no HTTP', 'hello there\r\n\r\n', 'FCGI_LB_UPSTREAM_BAD_HEAD'],
    ['speaks FastCGI', '\x01\x06\x00\x01\x00\x00\x00\x00', 'FCGI_LB_UPSTREAM_BAD_HEAD'],
    ['breaks a field', `${OK}A b: c\r\n\r\n`, 'FCGI_LB_UPSTREAM_BAD_HEAD'],
    ['folds a control character in', `${OK}A: b\x01c\r\n\r\n`, 'FCGI_LB_UPSTREAM_BAD_HEAD'],
    ['gives two lengths', `${OK}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab`, 'FCGI_LB_UPSTREAM_BAD_HEAD'],
    [
      'gives a length and chunks',
      `${OK}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
      'FCGI_LB_UPSTREAM_BAD_HEAD',
    ],
    ['gives a coding that is not chunked', `${OK}Transfer-Encoding: gzip\r\n\r\nab`, 'FCGI_LB_UPSTREAM_BAD_HEAD'],
    ['changes the protocol unasked', 'HTTP/1.1 101 Hm\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n', 'FCGI_LB_UPSTREAM_BAD_HEAD'],
  ])('is asked again only what may be repeated, exactly --attempts times: %s', async (_name, bytes, error) => {
    const upstream = await saying(bytes);
    const proxy = await startProxy(['--upstream', upstream.address, '--attempts', '3']);
    expect((await ask(proxy.path)).status).toBe(502);
    expect(await proxy.accessLine(1)).toMatchObject({ status: 502, attempts: 3, error });
    expect(upstream.asked()).toBe(3);
    expect((await ask(proxy.path, { method: 'POST', body: 'x' })).status).toBe(502);
    expect(await proxy.accessLine(2)).toMatchObject({ status: 502, attempts: 1, error });
    expect(upstream.asked()).toBe(4);
  });

  it('costs 502 at once when its head is larger than allowed', async () => {
    const upstream = await saying(`${OK}A: ${'x'.repeat(9000)}\r\n\r\n`);
    const proxy = await startProxy(['--upstream', upstream.address, '--max-response-head', '8k']);
    expect((await ask(proxy.path)).status).toBe(502);
    expect(await proxy.accessLine(1)).toMatchObject({ attempts: 1, error: 'FCGI_LB_UPSTREAM_HEAD_TOO_LARGE' });
  });

  it('may send a head of thousands of fields below that size', async () => {
    const fields = Array.from({ length: 3000 }, (_, i) => `F${i}: 1\r\n`).join('');
    const upstream = await saying(`${OK}${fields}Content-Length: 2\r\n\r\nok`);
    const proxy = await startProxy(['--upstream', upstream.address]);
    const client = testClient(proxy.path);
    client.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    expect((await client.closed).received).toContain('\r\nF2999: 1\r\n');
  });

  it('loses a GET to another one and costs a POST 504 at the read timeout', async () => {
    const silent = await httpUpstream(() => undefined);
    const live = await httpUpstream((_request, response) => response.end('alive'));
    const proxy = await startProxy([
      ...['--upstream', silent.address, live.address, '--balance', 'round-robin', '--read-timeout', '100ms'],
    ]);
    expect((await ask(proxy.path)).body.toString()).toBe('alive');
    expect(await proxy.accessLine(1)).toMatchObject({ status: 200, attempts: 2 });
    const posts = [await ask(proxy.path, { method: 'POST', body: 'x' }), await ask(proxy.path, { method: 'POST', body: 'x' })];
    expect(posts.map(({ status }) => status).sort()).toEqual([200, 504]);
    expect(proxy.access.map(({ attempts }) => attempts)).toEqual([2, 1, 1]);
    expect(silent.seen.map(({ method }) => method)).toEqual(['GET', 'POST']);
  });

  it('keeps a limited slot after the timeout until it closes or answers', async () => {
    const sockets: Socket[] = [];
    const silent = await rawWorker((socket) => {
      socket.resume();
      sockets.push(socket);
    });
    const proxy = await startProxy([
      ...['--upstream', `http+unix:${silent.address}`, '--max-conns', '1', '--read-timeout', '100ms'],
    ]);
    for (const [i, bytes] of ['', `${OK}\r\n`].entries()) {
      expect((await ask(proxy.path, { method: 'POST', body: 'x' })).status).toBe(504);
      expect([...proxy.program.pool.upstreams].map(({ inFlight }) => inFlight)).toEqual([1]);
      if (bytes === '') sockets[i]?.end();
      else sockets[i]?.write(bytes);
      await eventually(() => expect([...proxy.program.pool.upstreams].map(({ inFlight }) => inFlight)).toEqual([0]));
    }
  });

  it('costs the send timeout when it does not read the request', async () => {
    const stuck = await rawWorker(() => undefined);
    const proxy = await startProxy(['--upstream', `http+unix:${stuck.address}`, '--send-timeout', '150ms']);
    const answer = await ask(proxy.path, { method: 'POST', body: Buffer.alloc(4 * 1024 * 1024) });
    expect(answer.status).toBe(504);
    expect(await proxy.accessLine(1)).toMatchObject({ error: 'FCGI_LB_UPSTREAM_SEND_TIMEOUT', attempts: 1 });
  });
});

describe('an answer with an error status', () => {
  it('is passed on and not asked for again by anybody: 503 with Retry-After', async () => {
    const upstream = await httpUpstream((_request, response) => {
      response.writeHead(503, { 'Retry-After': '0' });
      response.end('busy');
    });
    const proxy = await startProxy(['--upstream', upstream.address]);
    const answer = await ask(proxy.path);
    expect([answer.status, answer.headers['retry-after'], answer.body.toString()]).toEqual([503, '0', 'busy']);
    expect(upstream.seen).toHaveLength(1);
  });

  it('may come before the request was read to its end', async () => {
    const upstream = await saying(`HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig`, 'reset');
    const proxy = await startProxy(['--upstream', upstream.address]);
    const answer = await ask(proxy.path, { method: 'POST', body: Buffer.alloc(4 * 1024 * 1024) });
    expect([answer.status, answer.body.toString()]).toEqual([413, 'big']);
    expect(await proxy.accessLine(1)).toMatchObject({ attempts: 1, error: undefined });
  });

  it('has any status of three digits', async () => {
    const upstream = await saying('HTTP/1.1 799 Odd\r\nContent-Length: 2\r\n\r\nok');
    const proxy = await startProxy(['--upstream', upstream.address]);
    expect(await ask(proxy.path)).toMatchObject({ status: 799, reason: 'Odd' });
  });
});

describe('an answer that ends too early', () => {
  const long = 'x'.repeat(100_000);

  it.each([
    ['with a length', `${OK}Content-Length: 200000\r\n\r\n${long}`],
    ['in chunks', `${OK}Transfer-Encoding: chunked\r\n\r\n186a0\r\n${long}\r\n`],
    ['in broken chunks', `${OK}Transfer-Encoding: chunked\r\n\r\n186a0\r\n${long}\r\nnot hex\r\n`],
  ])('breaks the client connection off: %s', async (_name, bytes) => {
    const upstream = await saying(bytes);
    const proxy = await startProxy(['--upstream', upstream.address]);
    const answer = await ask(proxy.path);
    expect([answer.status, answer.complete]).toEqual([200, false]);
    expect(upstream.asked()).toBe(1);
    expect((await proxy.accessLine(1)).error).toMatch(/^FCGI_LB_UPSTREAM_(?:CLOSED|BAD_RECORD)$/);
  });

  it('breaks the client connection off when the upstream falls silent', async () => {
    const upstream = await saying(`${OK}Content-Length: 200000\r\n\r\n${long}`, 'stay');
    const proxy = await startProxy(['--upstream', upstream.address, '--read-timeout', '100ms']);
    expect((await ask(proxy.path)).complete).toBe(false);
    expect(await proxy.accessLine(1)).toMatchObject({ error: 'FCGI_LB_UPSTREAM_READ_TIMEOUT' });
  });

  it('is whole when it was to end with the connection', async () => {
    const upstream = await saying(`${OK}\r\n${long}`);
    const proxy = await startProxy(['--upstream', upstream.address]);
    expect(await ask(proxy.path)).toMatchObject({ status: 200, complete: true, body: Buffer.from(long) });
  });

  it('that is longer than its length poisons no other answer', async () => {
    const upstream = await saying(`${OK}Content-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil`, 'stay');
    const proxy = await startProxy(['--upstream', upstream.address, '--keepalive', '30s']);
    for (let i = 0; i < 2; i += 1) expect((await ask(proxy.path)).body.toString()).toBe('ok');
    expect(upstream.asked()).toBe(2);
  });
});

describe('a client that leaves', () => {
  it('is followed by the connection to the upstream', async () => {
    const upstream = await httpUpstream(() => undefined);
    const proxy = await startProxy(['--upstream', upstream.address]);
    const client = testClient(proxy.path);
    client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await eventually(() => expect(upstream.seen).toHaveLength(1));
    const [request] = upstream.seen as [IncomingMessage];
    const closed = new Promise((resolve) => request.on('close', resolve));
    client.socket.destroy();
    await closed;
    expect(request.destroyed).toBe(true);
    expect(await proxy.accessLine(1)).toMatchObject({ status: 499, error: 'FCGI_LB_CLIENT_GONE' });
    expect([...proxy.program.pool.upstreams].map(({ inFlight }) => inFlight)).toEqual([0]);
  });

  it('is followed in the middle of the answer as well', async () => {
    const upstream = await httpUpstream((_request, response) => void response.write('a'));
    const proxy = await startProxy(['--upstream', upstream.address, '--max-conns', '1']);
    const client = testClient(proxy.path);
    client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await client.until((text) => text.endsWith('a\r\n'));
    client.socket.destroy();
    await eventually(() => expect(upstream.open()).toBe(0));
    await eventually(() => expect([...proxy.program.pool.upstreams].map(({ inFlight }) => inFlight)).toEqual([0]));
  });

  it('frees a limited slot when the upstream has answered or closed, not before; the upstream hears of it at once', async () => {
    const sockets: Array<{ readonly end: () => void; readonly ended: Promise<void> }> = [];
    const upstream = await rawWorker((socket) => {
      const ended = new Promise<void>((resolve) => socket.on('end', resolve));
      socket.resume();
      sockets.push({ end: () => void socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'), ended });
    });
    const proxy = await startProxy(['--upstream', `http+unix:${upstream.address}`, '--max-conns', '1']);
    const client = testClient(proxy.path);
    client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await eventually(() => expect(sockets).toHaveLength(1));
    client.socket.destroy();
    await sockets[0]?.ended;
    const second = ask(proxy.path);
    await eventually(() => expect(proxy.program.pool.waiting).toBe(1));
    expect(upstream.connections()).toBe(1);
    sockets[0]?.end();
    await eventually(() => expect(sockets).toHaveLength(2));
    sockets[1]?.end();
    expect((await second).body.toString()).toBe('ok');
  });

  it('is not waited for longer than the linger timeout', async () => {
    const upstream = await rawWorker((socket) => void socket.resume());
    const proxy = await startProxy([
      ...['--upstream', `http+unix:${upstream.address}`, '--max-conns', '1', '--linger-timeout', '100ms'],
    ]);
    const client = testClient(proxy.path);
    client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await eventually(() => expect(upstream.connections()).toBe(1));
    client.socket.destroy();
    await eventually(() => expect([...proxy.program.pool.upstreams].map(({ inFlight }) => inFlight)).toEqual([0]));
  });

  it('takes the rest of a streamed upload with it', async () => {
    const upstream = await httpUpstream((request) => void request.resume());
    const proxy = await startProxy(['--upstream', upstream.address, '--request-buffering', 'off']);
    const client = testClient(proxy.path);
    client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc');
    await eventually(() => expect(upstream.seen).toHaveLength(1));
    const [request] = upstream.seen as [IncomingMessage];
    client.socket.destroy();
    await expect(bodyOf(request)).rejects.toThrow('aborted');
    expect(await proxy.accessLine(1)).toMatchObject({ status: 499 });
  });
});

describe('the program at its end', () => {
  it('finishes what runs on an HTTP upstream', async () => {
    const upstream = await httpUpstream((_request, response) => void response.write('begun '));
    const proxy = await startProxy(['--upstream', upstream.address]);
    const client = testClient(proxy.path);
    client.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    await client.until((text) => text.includes('begun'));
    const stopped = proxy.stop();
    const [socket] = upstream.seen.map((request) => request.socket);
    socket?.write('5\r\nended\r\n0\r\n\r\n');
    expect((await client.closed).received).toContain('ended');
    await stopped;
  });

  it('cuts it at the shutdown timeout', async () => {
    const upstream = await httpUpstream(() => undefined);
    const proxy = await startProxy(['--upstream', upstream.address, '--max-conns', '1', '--shutdown-timeout', '100ms']);
    const client = testClient(proxy.path);
    client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await eventually(() => expect(upstream.seen).toHaveLength(1));
    await proxy.stop();
    await eventually(() => expect(upstream.open()).toBe(0));
  });
});

describe('bodies on disk', () => {
  it('leave no file behind when an upstream fails', async () => {
    const upstream = await saying('', 'end');
    const directory = tempDir();
    const proxy = await startProxy(['--upstream', upstream.address, '--temp-dir', directory]);
    for (const method of ['PUT', 'POST']) {
      expect((await ask(proxy.path, { method, body: Buffer.alloc(1024 * 1024) })).status).toBe(502);
    }
    await proxy.stop();
    expect(readdirSync(directory)).toEqual([]);
    await eventually(() => expect(openFiles().filter((path) => path.startsWith(directory))).toEqual([]));
  });
});
