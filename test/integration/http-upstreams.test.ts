// HTTP upstreams: what they get of a request, what the client gets of their answer, and the one
// queue before them.

import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { Agent, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ask, testClient } from '../support/clients/http-client.ts';
import { eventually, settled } from '../support/eventually.ts';
import { startProxy } from '../support/program/proxy.ts';
import { rawWorker } from '../support/servers/fake-worker.ts';
import { bodyOf, httpUpstream } from '../support/servers/http-server.ts';
import { tempDir } from '../support/temp-dir.ts';

/** Names and values in turn, without what node:http adds by itself. */
function shown(rawHeaders: readonly string[]): string[][] {
  const pairs = rawHeaders.flatMap((name, i) => (i % 2 === 0 ? [[name, rawHeaders[i + 1] ?? '']] : []));
  return pairs.filter(([name]) => name !== 'Date' && name !== 'Connection' && name !== 'Keep-Alive');
}

describe('an HTTP upstream', () => {
  it('gets the request as the client sent it, with what the proxy knows of the client', async () => {
    const upstream = await httpUpstream((_request, response) => response.end('ok'));
    const proxy = await startProxy(['--upstream', upstream.address]);
    const client = testClient(proxy.path);
    client.write('GET /a/%2E%2e//%ff;x?q=%zz HTTP/1.1\r\nhost: A.example:81\r\nX-One: 1\r\nx-one: 2\r\nTE: trailers\r\n');
    client.write('Connection: close, X-Hop\r\nX-Hop: 1\r\nX-Forwarded-For: 10.0.0.9\r\n\r\n');
    await client.closed;
    const [request] = upstream.seen;
    expect(request?.method).toBe('GET');
    expect(request?.url).toBe('/a/%2E%2e//%ff;x?q=%zz');
    expect(request?.rawHeaders).toEqual([
      ...['Host', 'A.example:81', 'X-One', '1', 'X-One', '2'],
      ...[
        'X-Forwarded-For',
        '10.0.0.9, unix:',
        'X-Request-ID',
        expect.stringMatching(/^[0-9a-f]{32}$/),
        'X-Forwarded-Host',
        'A.example:81',
        'X-Forwarded-Proto',
        'http',
      ],
      ...['Connection', 'close'],
    ]);
  });

  it('is asked by the authority of an absolute target, and by its own name when the client names none', async () => {
    const upstream = await httpUpstream((_request, response) => response.end('ok'));
    const proxy = await startProxy(['--upstream', upstream.address]);
    const absolute = testClient(proxy.path);
    absolute.write('GET http://b.example/x?y HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n');
    await absolute.closed;
    const old = testClient(proxy.path);
    old.write('GET /old HTTP/1.0\r\n\r\n');
    await old.closed;
    expect(upstream.seen.map(({ url, headers }) => [url, headers.host])).toEqual([
      ['/x?y', 'b.example'],
      ['/old', upstream.address.replace('http://', '')],
    ]);
  });

  it('gets any method, any Content-Type and none, and a body with its length', async () => {
    const upstream = await httpUpstream(async (request, response) => {
      response.end(JSON.stringify([request.method, request.headers['content-type'] ?? null, String(await bodyOf(request))]));
    });
    const proxy = await startProxy(['--upstream', upstream.address]);
    const answers = [
      await ask(proxy.path, { method: 'POST', headers: { 'Content-Type': 'garbage' }, body: 'a' }),
      await ask(proxy.path, { method: 'PROPFIND', body: ['b', 'c'] }),
      await ask(proxy.path, { method: 'GET', body: 'd' }),
      await ask(proxy.path, { method: 'DELETE', headers: { 'Content-Type': 'application/json' }, body: 'no json' }),
      await ask(proxy.path, { method: 'PUT' }),
    ];
    expect(answers.map(({ body }) => JSON.parse(body.toString()))).toEqual([
      ['POST', 'garbage', 'a'],
      ['PROPFIND', null, 'bc'],
      ['GET', null, 'd'],
      ['DELETE', 'application/json', 'no json'],
      ['PUT', null, ''],
    ]);
    expect(upstream.seen.map(({ headers }) => [headers['content-length'], headers['transfer-encoding']])).toEqual([
      ['1', undefined],
      ['2', undefined],
      ['1', undefined],
      ['7', undefined],
      ['0', undefined],
    ]);
  });

  it('gets a method of its own as it is spelled', async () => {
    let first = '';
    const upstream = await rawWorker((socket) => {
      socket.once('data', (chunk: Buffer) => {
        first = chunk.toString('latin1').split('\r\n')[0] ?? '';
        socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
      });
      socket.resume();
    });
    const proxy = await startProxy(['--upstream', `http+unix:${upstream.address}`]);
    const client = testClient(proxy.path);
    client.write('frobnicate /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    expect((await client.closed).received).toMatch(/^HTTP\/1\.1 200 /);
    expect(first).toBe('frobnicate /x HTTP/1.1');
  });

  it('gets an upload of 5 MiB in chunks to the last byte', async () => {
    const hashes: string[] = [];
    const upstream = await httpUpstream(async (request, response) => {
      const body = await bodyOf(request);
      hashes.push(createHash('sha256').update(body).digest('hex'));
      response.end(request.headers['content-length']);
    });
    const proxy = await startProxy(['--upstream', upstream.address]);
    const parts = Array.from({ length: 80 }, () => randomBytes(65_536));
    const answer = await ask(proxy.path, { method: 'POST', body: parts });
    expect(answer.body.toString()).toBe(String(80 * 65_536));
    expect(hashes).toEqual([createHash('sha256').update(Buffer.concat(parts)).digest('hex')]);
  });

  it('gets a body while it comes when bodies are not buffered', async () => {
    const upstream = await httpUpstream(async (request, response) => {
      const [first] = (await once(request, 'data')) as [Buffer];
      response.write(first);
      for await (const chunk of request) response.write(chunk);
      response.end();
    });
    const proxy = await startProxy(['--upstream', upstream.address, '--request-buffering', 'off']);
    const client = testClient(proxy.path);
    client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\nConnection: close\r\n\r\none');
    await client.until((text) => text.includes('one'));
    client.write('two');
    expect((await client.closed).received).toContain('two');
  });

  it('is not blamed for a client that is slow to send a body', async () => {
    const upstream = await httpUpstream(async (request, response) => response.end(String(await bodyOf(request))));
    const limits = ['--send-timeout', '60ms', '--read-timeout', '60ms'];
    const proxy = await startProxy(['--upstream', upstream.address, '--request-buffering', 'off', ...limits]);
    const client = testClient(proxy.path);
    client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\nConnection: close\r\n\r\none');
    await eventually(() => expect(upstream.seen).toHaveLength(1));
    await new Promise((resolve) => setTimeout(resolve, 200));
    client.write('two');
    expect((await client.closed).received).toContain('onetwo');
  });

  it('has its answer passed on: status, reason, fields and body, without what concerned its connection', async () => {
    const upstream = await httpUpstream((_request, response) => {
      response.writeHead(418, 'Short and stout', [
        ...['Set-Cookie', 'a=1', 'Set-Cookie', 'b=2', 'X-Odd-CASE', 'v', 'Status', '200 OK'],
        ...['Connection', 'close, X-Hop', 'X-Hop', '1', 'X-Accel-Redirect', '/internal'],
      ]);
      response.write('a');
      response.end('b');
    });
    const proxy = await startProxy(['--upstream', upstream.address]);
    const answer = await ask(proxy.path);
    expect([answer.status, answer.reason, answer.body.toString()]).toEqual([418, 'Short and stout', 'ab']);
    const fields = shown(answer.rawHeaders);
    // Node 26 finds out the length of a body that it is given in one go.
    expect([
      ['Transfer-Encoding', 'chunked'],
      ['Content-Length', '2'],
    ]).toContainEqual(fields.pop());
    expect(fields).toEqual([
      ['Set-Cookie', 'a=1'],
      ['Set-Cookie', 'b=2'],
      ['X-Odd-CASE', 'v'],
    ]);
  });

  it('answers HEAD, 204 and 304 without a body, and the connections go on', async () => {
    const upstream = await httpUpstream((request, response) => {
      const status = request.url === '/204' ? 204 : request.url === '/304' ? 304 : 200;
      response.writeHead(status, status === 200 ? { 'Content-Length': '5' } : { ETag: '"x"' });
      response.end(status === 200 ? 'hello' : undefined);
    });
    const proxy = await startProxy(['--upstream', upstream.address]);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const head = await ask(proxy.path, { method: 'HEAD', agent });
    expect([head.status, head.headers['content-length'], head.body.length]).toEqual([200, '5', 0]);
    for (const path of ['/204', '/304']) {
      const answer = await ask(proxy.path, { path, agent });
      expect([answer.status, answer.headers.etag, answer.body.length]).toEqual([Number(path.slice(1)), '"x"', 0]);
    }
    expect((await ask(proxy.path, { agent })).body.toString()).toBe('hello');
    agent.destroy();
  });

  it('has 103 and 102 passed on and 100 kept back', async () => {
    const upstream = await httpUpstream((_request, response) => {
      response.writeContinue();
      response.writeProcessing();
      response.writeEarlyHints({ link: '</a.css>; rel=preload' });
      response.end('ok');
    });
    const proxy = await startProxy(['--upstream', upstream.address]);
    const client = testClient(proxy.path);
    client.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    const { received } = await client.closed;
    expect(received.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 102', 'HTTP/1.1 103', 'HTTP/1.1 200']);
    expect(received).toContain('\r\nLink: </a.css>; rel=preload\r\n');
    const old = testClient(proxy.path);
    old.write('GET / HTTP/1.0\r\nHost: a\r\n\r\n');
    expect((await old.closed).received.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200']);
  });

  it('streams events without delay', async () => {
    let events: ServerResponse | undefined;
    const upstream = await httpUpstream((_request, response) => {
      response.writeHead(200, { 'Content-Type': 'text/event-stream' });
      response.write('data: 1\n\n');
      events = response;
    });
    const proxy = await startProxy(['--upstream', upstream.address]);
    const client = testClient(proxy.path);
    client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await client.until((text) => text.includes('data: 1'));
    events?.write('data: 2\n\n');
    await client.until((text) => text.includes('data: 2'));
    events?.end();
    await client.until((text) => text.endsWith('0\r\n\r\n'));
  });

  it('speaks over a unix socket as well', async () => {
    const upstream = await httpUpstream((request, response) => response.end(request.headers.host), 'unix');
    expect(upstream.address).toMatch(/^http\+unix:\//);
    const proxy = await startProxy(['--upstream', upstream.address]);
    expect((await ask(proxy.path)).body.toString()).toBe('test.example');
    expect(await proxy.accessLine(1)).toMatchObject({ upstream: upstream.address, status: 200 });
  });

  it('fills the same fields of the access log as a FastCGI worker', async () => {
    const upstream = await httpUpstream((_request, response) => response.end('hello'));
    const proxy = await startProxy(['--upstream', upstream.address]);
    await ask(proxy.path, { path: '/p' });
    const line = await proxy.accessLine(1);
    expect(line).toMatchObject({
      client: 'unix:',
      method: 'GET',
      path: '/p',
      status: 200,
      bytes: 5,
      attempts: 1,
      error: undefined,
    });
    expect(line.upstream).toBe(upstream.address);
    for (const stage of ['queue', 'connect', 'head', 'total'] as const) expect(line[stage]).toBeGreaterThanOrEqual(0);
  });
});

describe('a pool of HTTP upstreams', () => {
  it('sends any number of requests to an upstream when max_conns is auto', async () => {
    const waiting: ServerResponse[] = [];
    const upstream = await httpUpstream((_request, response) => void waiting.push(response));
    const proxy = await startProxy(['--upstream', upstream.address]);
    const answers = Array.from({ length: 20 }, () => ask(proxy.path));
    await eventually(() => expect(waiting).toHaveLength(20));
    for (const response of waiting) response.end('ok');
    for (const { status } of await Promise.all(answers)) expect(status).toBe(200);
  });

  it('gives an upstream no more than max_conns, and the rest wait in order of arrival', async () => {
    const order: string[] = [];
    const running: ServerResponse[] = [];
    const upstream = await httpUpstream((request, response) => {
      order.push(request.url ?? '');
      running.push(response);
    });
    const proxy = await startProxy(['--upstream', upstream.address, '--max-conns', '1']);
    const paths = ['/0', '/1', '/2', '/3', '/4'];
    const answers: Promise<unknown>[] = [];
    for (const [i, path] of paths.entries()) {
      answers.push(ask(proxy.path, { path }));
      await eventually(() => expect(running.length + proxy.program.pool.waiting).toBe(i + 1));
    }
    for (let done = 1; done <= paths.length; done += 1) {
      expect(running).toHaveLength(done);
      running.at(-1)?.end('ok');
      await proxy.accessLine(done);
      await eventually(() => expect(running).toHaveLength(Math.min(done + 1, paths.length)));
    }
    await Promise.all(answers);
    expect(order).toEqual(paths);
  });

  it('serves a slow reader from its own memory and disk, so that the slot is free meanwhile', async () => {
    const big = Buffer.alloc(8 * 1024 * 1024, 'x');
    const upstream = await httpUpstream((request, response) => response.end(request.url === '/big' ? big : 'small'));
    const proxy = await startProxy(['--upstream', upstream.address, '--max-conns', '1']);
    const slow = testClient(proxy.path);
    slow.socket.pause();
    slow.write('GET /big HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    await eventually(() => expect(upstream.seen).toHaveLength(1));
    expect((await ask(proxy.path)).body.toString()).toBe('small');
    slow.socket.resume();
    const { received } = await slow.closed;
    expect(received.length - received.indexOf('\r\n\r\n') - 4).toBe(big.length);
  });

  it('holds the upstream back when a client is slow and nothing may be kept for it', async () => {
    const chunk = Buffer.alloc(65_536, 'x');
    let written = 0;
    const upstream = await httpUpstream((_request, response) => {
      const push = (): void => {
        while (written < 128 * 1024 * 1024) {
          written += chunk.length;
          if (!response.write(chunk)) {
            response.once('drain', push);
            return;
          }
        }
        response.end();
      };
      push();
    });
    const proxy = await startProxy(['--upstream', upstream.address, '--response-buffering', 'off']);
    const slow = testClient(proxy.path);
    slow.socket.pause();
    slow.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await eventually(() => expect(upstream.seen).toHaveLength(1));
    // The kernel's buffers of a TCP connection grow to some 36 MiB (tcp_wmem, tcp_rmem); without
    // limit would be all of it.
    expect(await settled(() => written)).toBeLessThan(64 * 1024 * 1024);
    slow.socket.destroy();
    await proxy.accessLine(1);
  });

  it('may be found by a glob of their sockets, and they come and go like others', async () => {
    const directory = tempDir();
    await httpUpstream((_request, response) => response.end('a'), join(directory, 'app1.sock'));
    const proxy = await startProxy(['--upstream', `http+unix:${directory}/app*.sock`]);
    expect((await ask(proxy.path)).body.toString()).toBe('a');
    await httpUpstream((_request, response) => response.end('b'), join(directory, 'app2.sock'));
    const names = ['app1', 'app2'].map((name) => `http+unix:${directory}/${name}.sock`);
    await eventually(() => expect([...proxy.program.pool.upstreams].map(({ name }) => name).sort()).toEqual(names));
  });

  it.each([
    [['--php', '--root', '/srv'], 'PHP and parameters are for FastCGI workers'],
    [['--param', 'A=b'], 'PHP and parameters are for FastCGI workers'],
  ])('refuses %j, which would do nothing', async (words, why) => {
    await expect(startProxy(['--upstream', 'http://127.0.0.1:9', ...words])).rejects.toThrow(why);
  });

  it('refuses to have FastCGI workers in it', async () => {
    const words = ['--upstream', 'http://127.0.0.1:9', '/run/a.sock'];
    await expect(startProxy(words)).rejects.toThrow('pool default has FastCGI and HTTP upstreams; expected one kind');
  });
});

describe('kept connections to an HTTP upstream', () => {
  it('are not kept unless asked for', async () => {
    const upstream = await httpUpstream((_request, response) => response.end('ok'));
    const proxy = await startProxy(['--upstream', upstream.address]);
    for (let i = 0; i < 3; i += 1) await ask(proxy.path);
    expect(upstream.connections()).toBe(3);
    await eventually(() => expect(upstream.open()).toBe(0));
  });

  it('carry one request after the other, but none that must not be repeated', async () => {
    const upstream = await httpUpstream(async (request, response) => response.end(String(await bodyOf(request))));
    const proxy = await startProxy(['--upstream', upstream.address, '--keepalive', '30s']);
    for (let i = 0; i < 3; i += 1) expect((await ask(proxy.path, { method: 'PUT', body: 'x' })).body.toString()).toBe('x');
    expect(upstream.connections()).toBe(1);
    expect((await ask(proxy.path, { method: 'POST', body: 'y' })).body.toString()).toBe('y');
    expect(upstream.connections()).toBe(2);
  });

  it('are closed when idle for too long, and when the program stops', async () => {
    const upstream = await httpUpstream((_request, response) => response.end('ok'));
    const short = await startProxy(['--upstream', upstream.address, '--keepalive', '50ms']);
    await ask(short.path);
    await eventually(() => expect(upstream.open()).toBe(0));
    const long = await startProxy(['--upstream', upstream.address, '--keepalive', '1h']);
    await ask(long.path);
    expect(upstream.open()).toBe(1);
    await long.stop();
    await eventually(() => expect(upstream.open()).toBe(0));
  });

  it('are closed when the server says something unasked, which would be taken for the next answer', async () => {
    const sockets: Socket[] = [];
    const upstream = await rawWorker((socket) => {
      sockets.push(socket);
      socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'));
      socket.resume();
    });
    const proxy = await startProxy(['--upstream', `http+unix:${upstream.address}`, '--keepalive', '30s']);
    for (let i = 0; i < 2; i += 1) expect((await ask(proxy.path)).body.toString()).toBe('ok');
    const [kept] = sockets;
    const closed = new Promise((resolve) => kept?.on('close', resolve));
    kept?.on('end', () => kept.end());
    kept?.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil');
    await closed;
    expect((await ask(proxy.path)).body.toString()).toBe('ok');
    expect(sockets).toHaveLength(2);
  });

  it('that died unnoticed are replaced, which is no attempt', async () => {
    let died = false;
    const upstream = await httpUpstream((request, response) => {
      if (request.url === '/dies' && !died) {
        died = true;
        request.socket.destroy();
      } else response.end('ok');
    });
    const proxy = await startProxy(['--upstream', upstream.address, '--keepalive', '30s', '--attempts', '1']);
    await ask(proxy.path);
    expect((await ask(proxy.path, { path: '/dies' })).body.toString()).toBe('ok');
    expect(await proxy.accessLine(2)).toMatchObject({ status: 200, attempts: 1, error: undefined });
    expect(upstream.connections()).toBe(2);
  });
});
