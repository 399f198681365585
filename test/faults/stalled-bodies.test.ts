// --request-buffering off: a client that stalls in its body holds a worker for the body timeout and
// no longer.

import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import type { Handler, Reply } from '../peers/fastcgi-server.ts';
import { ask, type RawClient, testClient } from '../support/clients/http-client.ts';
import { eventually } from '../support/eventually.ts';
import { type Proxy as Site, startProxy } from '../support/program/proxy.ts';
import { answer, fakeWorker, holding } from '../support/servers/fake-worker.ts';
import { bodyOf, httpUpstream } from '../support/servers/http-server.ts';

const POST = 'POST /stalls HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n';
const HEAD = 'Content-Type: text/plain\r\n\r\n';

function streaming(address: string, ...words: readonly string[]): Promise<Site> {
  return startProxy(['--upstream', address, '--max-conns', '1', '--request-buffering', 'off', ...words]);
}

/** Ends, as libfcgi does, when its front end has stopped writing. */
function endingWithTheBody(then: Handler): Handler {
  return (reply) => {
    if (reply.request.params.get('REQUEST_URI') !== '/stalls') return answer(reply, 'served');
    reply.socket.once('end', () => reply.socket.end());
    return then(reply);
  };
}

/**
 * Sends a body byte by byte, the next one when the last has arrived, for more than the body
 * timeout.
 */
async function dribble(client: RawClient, timeout: number, arrived: () => number): Promise<void> {
  const began = performance.now();
  for (let sent = 1; sent <= 1000; sent += 1) {
    if (performance.now() - began > timeout * 2) {
      client.write('x'.repeat(1000 - sent + 1));
      return;
    }
    client.write('x');
    await eventually(() => expect(arrived()).toBe(sent));
  }
}

describe('a client that stalls in a streamed body', () => {
  it('is answered 408 at the body timeout, and the worker is free for the next request', async () => {
    const { handler, next } = holding();
    const worker = await fakeWorker(endingWithTheBody(handler), { callAt: 'headers' });
    const proxy = await streaming(worker.path, '--body-timeout', '150ms');
    const client = testClient(proxy.path);
    client.write(`${POST}only a part`);
    const reply = await next();
    const second = ask(proxy.path, { path: '/next' });
    expect(await client.until((text) => text.includes('\r\n\r\n'))).toMatch(/^HTTP\/1\.1 408 /);
    expect(client.received()).toMatch(/\r\nConnection: close\r\n/i);
    expect((await second).body.toString()).toBe('served');
    expect(reply.aborted()).toBe(true);
    client.socket.destroy();
    await proxy.accessLine(2);
    expect(proxy.access.find(({ status }) => status === 408)).toMatchObject({ attempts: 1, error: 'FCGI_LB_REQUEST_TIMEOUT' });
  });

  it('and whose worker goes on computing leaves the slot taken until the linger timeout', async () => {
    const { handler, next } = holding();
    const worker = await fakeWorker(handler, { callAt: 'headers' });
    const proxy = await streaming(worker.path, '--body-timeout', '100ms', '--linger-timeout', '200ms');
    const client = testClient(proxy.path);
    client.write(`${POST}only a part`);
    await next();
    await client.until((text) => text.startsWith('HTTP/1.1 408 '));
    const [upstream] = [...proxy.program.pool.upstreams];
    expect(upstream?.inFlight).toBe(1);
    await eventually(() => expect(upstream?.inFlight).toBe(0));
  });

  it('after its answer has begun is cut off', async () => {
    const worker = await fakeWorker(
      endingWithTheBody((reply) => reply.stdout(`X-Accel-Buffering: no\r\n${HEAD}half`)),
      { callAt: 'headers' },
    );
    const proxy = await streaming(worker.path, '--body-timeout', '150ms');
    const client = testClient(proxy.path);
    client.write(`${POST}only a part`);
    expect((await client.closed).received).toMatch(/half\r\n$/);
    expect(await proxy.accessLine(1)).toMatchObject({ status: 200, error: 'FCGI_LB_REQUEST_TIMEOUT' });
    expect((await ask(proxy.path)).body.toString()).toBe('served');
  });

  it('is not hidden by a worker that goes on writing', async () => {
    const worker = await fakeWorker(
      endingWithTheBody((reply) => {
        reply.stdout(`X-Accel-Buffering: no\r\n${HEAD}`);
        const timer = setInterval(() => reply.stdout('.'), 20);
        void reply.closed.then(() => clearInterval(timer));
      }),
      { callAt: 'headers' },
    );
    const proxy = await streaming(worker.path, '--body-timeout', '150ms');
    const client = testClient(proxy.path);
    client.write(`${POST}only a part`);
    await client.closed;
    expect(await proxy.accessLine(1)).toMatchObject({ error: 'FCGI_LB_REQUEST_TIMEOUT' });
  });

  it('but sends a byte now and then is served', async () => {
    const { handler, next } = holding();
    const worker = await fakeWorker(handler, { callAt: 'headers' });
    const proxy = await streaming(worker.path, '--body-timeout', '400ms');
    const client = testClient(proxy.path);
    client.write(POST);
    const reply = await next();
    await dribble(client, 400, () => reply.request.body.length);
    await eventually(() => expect(reply.request.body).toHaveLength(1000));
    answer(reply, 'got it');
    expect(await client.until((text) => text.includes('got it'))).toMatch(/^HTTP\/1\.1 200 /);
  });

  it('gets the whole answer of a worker that wants no body', async () => {
    const worker = await fakeWorker(
      (reply) => {
        reply.socket.pause();
        reply.stdout('Status: 403 Forbidden\r\n\r\nnot you');
        reply.end();
      },
      { callAt: 'headers' },
    );
    const proxy = await streaming(worker.path, '--body-timeout', '150ms');
    const client = testClient(proxy.path);
    client.write(`${POST}only a part`);
    expect((await client.closed).received).toMatch(/^HTTP\/1\.1 403 [\s\S]*not you/);
    expect((await proxy.accessLine(1)).error).toBeUndefined();
    expect([...proxy.program.pool.upstreams].map(({ inFlight }) => inFlight)).toEqual([0]);
  });

  it('is not blamed for a worker that does not read', async () => {
    const replies: Reply[] = [];
    const worker = await fakeWorker(
      (reply) => {
        reply.socket.pause();
        replies.push(reply);
      },
      { callAt: 'headers' },
    );
    const proxy = await streaming(worker.path, '--body-timeout', '100ms', '--send-timeout', '400ms');
    const body = Buffer.alloc(10 * 1024 ** 2, 'b');
    expect((await ask(proxy.path, { method: 'POST', body })).status).toBe(504);
    expect(await proxy.accessLine(1)).toMatchObject({ error: 'FCGI_LB_UPSTREAM_SEND_TIMEOUT' });
    expect(replies).toHaveLength(1);
  });
});

describe('a client of an HTTP upstream that stalls in a streamed body', () => {
  it('is answered 408 at the body timeout, and the upstream is free for the next request', async () => {
    const broken: IncomingMessage[] = [];
    const upstream = await httpUpstream((request, response) => {
      request.on('error', () => broken.push(request));
      request.on('end', () => response.end('served'));
      request.resume();
    });
    const proxy = await streaming(upstream.address, '--body-timeout', '150ms');
    const client = testClient(proxy.path);
    client.write(`${POST}only a part`);
    await eventually(() => expect(upstream.seen).toHaveLength(1));
    const second = ask(proxy.path, { path: '/next' });
    expect(await client.until((text) => text.includes('\r\n\r\n'))).toMatch(/^HTTP\/1\.1 408 /);
    expect((await second).body.toString()).toBe('served');
    expect(broken).toHaveLength(1);
  });

  it('after its answer has begun is cut off, and the upstream is free', async () => {
    const upstream = await httpUpstream((request, response) => {
      request.on('error', () => undefined);
      response.setHeader('X-Accel-Buffering', 'no');
      response.write('half');
      if (request.url !== '/stalls') response.end();
    });
    const proxy = await streaming(upstream.address, '--body-timeout', '150ms');
    const client = testClient(proxy.path);
    client.write(`${POST}only a part`);
    expect((await client.closed).received).toMatch(/half\r\n$/);
    expect(await proxy.accessLine(1)).toMatchObject({ status: 200, error: 'FCGI_LB_REQUEST_TIMEOUT' });
    expect((await ask(proxy.path)).body.toString()).toBe('half');
  });

  it('but sends a byte now and then is served', async () => {
    let arrived = 0;
    const upstream = await httpUpstream((request, response) => {
      request.on('data', (chunk: Buffer) => {
        arrived += chunk.length;
      });
      void bodyOf(request).then((body) => response.end(`got ${body.length}`));
    });
    const proxy = await streaming(upstream.address, '--body-timeout', '400ms');
    const client = testClient(proxy.path);
    client.write(POST);
    await dribble(client, 400, () => arrived);
    expect(await client.until((text) => text.includes('got 1000'))).toMatch(/^HTTP\/1\.1 200 /);
  });
});
