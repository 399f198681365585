// Workers that fail after the head of their answer: the client must see a broken connection, never
// a clean end.

import { describe, expect, it } from 'vitest';
import { systemCode } from '../../src/core/errors.ts';
import { endRecord, type Handler, type Reply, record } from '../peers/fastcgi-server.ts';
import { ask, testClient } from '../support/clients/http-client.ts';
import { startProxy } from '../support/program/proxy.ts';
import { answer, answering, fakeWorker, holding } from '../support/servers/fake-worker.ts';

const ONE = ['--max-conns', '1'];

/** A proxy on TCP before one worker that answers when the test says so. */
async function over(listen: 'tcp' | 'unix') {
  const { handler, next } = holding();
  const worker = await fakeWorker(handler);
  const proxy = await startProxy(['--upstream', worker.path, ...ONE, ...(listen === 'tcp' ? ['--listen', '127.0.0.1:0'] : [])]);
  return { proxy, next, where: listen === 'tcp' ? { port: proxy.port } : proxy.path };
}

const ENDS: ReadonlyArray<readonly [name: string, end: (reply: Reply) => void, code: string]> = [
  ['closes without END_REQUEST', (reply) => void reply.socket.end(), 'FCGI_LB_UPSTREAM_CLOSED'],
  ['dies', (reply) => void reply.socket.destroy(), 'FCGI_LB_UPSTREAM_CLOSED'],
  ['sends noise', (reply) => reply.raw(Buffer.alloc(16, 0xee)), 'FCGI_LB_UPSTREAM_BAD_RECORD'],
  ['answers for another id', (reply) => reply.raw(record(6, 'x', { id: 9 })), 'FCGI_LB_UPSTREAM_BAD_RECORD'],
  ['says OVERLOADED', (reply) => reply.raw(endRecord(0, 2)), 'FCGI_LB_UPSTREAM_BAD_RECORD'],
];

const FRAMINGS: ReadonlyArray<readonly [name: string, request: string, head: string]> = [
  ['chunked', 'GET / HTTP/1.1\r\nHost: a\r\n\r\n', 'Content-Type: text/plain\r\n\r\n'],
  ['with Content-Length', 'GET / HTTP/1.1\r\nHost: a\r\n\r\n', 'Content-Length: 1000\r\n\r\n'],
  ['to an HTTP/1.0 client, ended by the close', 'GET / HTTP/1.0\r\n\r\n', 'Content-Type: text/plain\r\n\r\n'],
];

describe('after the head of its answer a worker', () => {
  for (const [how, end, code] of ENDS) {
    for (const [framing, request, head] of FRAMINGS) {
      it(`${how}: an answer ${framing} breaks off visibly`, async () => {
        const { proxy, next, where } = await over('tcp');
        const client = testClient(where);
        client.write(request);
        const reply = await next();
        reply.stdout(`${head}half a body`);
        await client.until((received) => received.includes('half a body'));
        end(reply);
        const { received, error } = await client.closed;
        expect(systemCode(error)).toBe('ECONNRESET');
        expect(received).not.toContain('\r\n0\r\n');
        expect(received).not.toContain(' 502 ');
        expect(await proxy.accessLine(1)).toMatchObject({ status: 200, error: code });
      });
    }
  }

  it('dies: a chunked answer over a unix socket has no last chunk', async () => {
    const { next, where } = await over('unix');
    const client = testClient(where);
    client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    const reply = await next();
    reply.stdout('Content-Type: text/plain\r\n\r\nhalf a body');
    await client.until((received) => received.includes('half a body'));
    reply.socket.destroy();
    expect((await client.closed).received).not.toContain('\r\n0\r\n');
  });

  it('dies: requests pipelined behind the broken answer are not answered on that connection', async () => {
    const { next, where } = await over('unix');
    const client = testClient(where);
    client.write('GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n');
    const reply = await next();
    reply.stdout('Content-Length: 100\r\n\r\nhalf a body');
    await client.until((received) => received.includes('half a body'));
    reply.socket.destroy();
    const { received } = await client.closed;
    expect(received.match(/HTTP\/1\.1 /g)).toHaveLength(1);
  });

  it('dies: the next request of another client is served', async () => {
    const { proxy, next } = await over('unix');
    const broken = testClient(proxy.path);
    broken.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    const reply = await next();
    reply.stdout('Content-Type: text/plain\r\n\r\nhalf');
    await broken.until((received) => received.includes('half'));
    reply.socket.destroy();
    await broken.closed;
    const whole = ask(proxy.path);
    answer(await next(), 'whole');
    expect((await whole).body.toString()).toBe('whole');
  });
});

describe('a body that is not as long as its Content-Length', () => {
  const twice = async (first: string) => {
    const handler: Handler = (reply) => {
      if (reply.request.params.get('REQUEST_URI') === '/first') {
        reply.stdout(first);
        reply.end();
      } else return answering('second')(reply);
    };
    const worker = await fakeWorker(handler);
    const proxy = await startProxy(['--upstream', worker.path, ...ONE]);
    const client = testClient(proxy.path);
    client.write('GET /first HTTP/1.1\r\nHost: a\r\n\r\nGET /second HTTP/1.1\r\nHost: a\r\n\r\n');
    return { proxy, client };
  };

  it('but longer is cut, and the next answer on the same client connection is right', async () => {
    const { proxy, client } = await twice('Content-Length: 5\r\n\r\nHTTP/1.1 200 OK\r\nX-Smuggled: yes\r\n\r\n');
    const received = await client.until((text) => text.includes('second'));
    expect(received).toContain('\r\n\r\nHTTP/HTTP/1.1 200 OK\r\n');
    expect(received).not.toContain('Smuggled');
    await proxy.logLine(({ message }) => message.includes('more than its Content-Length'));
  });

  it('but longer, over several records, is cut as well', async () => {
    const worker = await fakeWorker((reply) => {
      reply.stdout('Content-Length: 3\r\n\r\n');
      reply.stdout('ab');
      reply.stdout('cd');
      reply.stdout('ef');
      reply.end();
    });
    const proxy = await startProxy(['--upstream', worker.path, ...ONE]);
    const cut = await ask(proxy.path);
    expect([cut.body.toString(), cut.complete]).toEqual(['abc', true]);
  });

  it('but shorter, in one piece, is an error page: nothing has left yet', async () => {
    const worker = await fakeWorker((reply) => {
      reply.stdout('Content-Length: 50\r\n\r\nshort');
      reply.end();
    });
    const proxy = await startProxy(['--upstream', worker.path, ...ONE]);
    const page = await ask(proxy.path);
    expect([page.status, page.body.toString()]).toEqual([502, '502 Bad Gateway\n']);
    expect(await proxy.accessLine(1)).toMatchObject({ error: 'FCGI_LB_UPSTREAM_SHORT_BODY' });
  });

  it('but shorter, after some of it left, breaks the connection off, and nothing follows on it', async () => {
    const { proxy, next, where } = await over('unix');
    const client = testClient(where);
    client.write('GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n');
    const reply = await next();
    reply.stdout('Content-Length: 50\r\n\r\nshort');
    await client.until((received) => received.endsWith('short'));
    reply.end();
    const { received } = await client.closed;
    expect(received.endsWith('\r\n\r\nshort')).toBe(true);
    expect((await proxy.accessLine(1)).error).toBe('FCGI_LB_UPSTREAM_SHORT_BODY');
  });

  it('is no matter for HEAD', async () => {
    const worker = await fakeWorker((reply) => {
      reply.stdout('Content-Length: 50\r\n\r\n');
      reply.end();
    });
    const proxy = await startProxy(['--upstream', worker.path, ...ONE]);
    const head = await ask(proxy.path, { method: 'HEAD' });
    expect([head.status, head.headers['content-length'], head.complete]).toEqual([200, '50', true]);
  });
});
