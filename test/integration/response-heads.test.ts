// Heads of answers: what passes to the client, what stays here, and statuses that carry no body.

import { describe, expect, it } from 'vitest';
import { ask, testClient } from '../support/clients/http-client.ts';
import { startProxy } from '../support/program/proxy.ts';
import { answer, fakeWorker } from '../support/servers/fake-worker.ts';

async function saying(text: string) {
  const worker = await fakeWorker((reply) => {
    if (reply.request.params.get('REQUEST_URI') === '/next') answer(reply, 'the next answer');
    else {
      reply.stdout(Buffer.from(text, 'latin1'));
      reply.end();
    }
  });
  return startProxy(['--upstream', worker.path, '--max-conns', '1']);
}

describe('an answer without a body', () => {
  for (const [what, method, head] of [
    ['HEAD', 'HEAD', 'Content-Type: text/plain\r\n\r\n'],
    ['HEAD with a length', 'HEAD', 'Content-Length: 9\r\n\r\n'],
    ['204', 'GET', 'Status: 204\r\n\r\n'],
    ['204 with a length', 'GET', 'Status: 204 No Content\r\nContent-Length: 9\r\n\r\n'],
    ['304', 'GET', 'Status: 304\r\nETag: "x"\r\n\r\n'],
    ['304 with a length', 'GET', 'Status: 304\r\nContent-Length: 9\r\n\r\n'],
  ] as const) {
    it(`(${what}) has none although the worker sends one, and the next answer on the connection is right`, async () => {
      const proxy = await saying(`${head}unwanted!`);
      const client = testClient(proxy.path);
      client.write(`${method} / HTTP/1.1\r\nHost: a\r\n\r\nGET /next HTTP/1.1\r\nHost: a\r\n\r\n`);
      const received = await client.until((text) => text.includes('the next answer'));
      expect(received).not.toContain('unwanted');
      expect(received.match(/HTTP\/1\.1 /g)).toHaveLength(2);
      expect(received.split('\r\n\r\n')[0]).not.toMatch(/transfer-encoding/i);
    });
  }

  it('(204) has no Content-Length', async () => {
    const proxy = await saying('Status: 204\r\nContent-Length: 0\r\n\r\n');
    expect((await ask(proxy.path)).headers['content-length']).toBeUndefined();
  });

  it('(HEAD) keeps the length that a GET would have', async () => {
    const proxy = await saying('Content-Length: 12345\r\n\r\n');
    expect((await ask(proxy.path, { method: 'HEAD' })).headers['content-length']).toBe('12345');
  });
});

describe('headers of an answer', () => {
  it('may hold many cookies: each stays a header of its own, in order', async () => {
    const cookies = Array.from({ length: 30 }, (_, i) => `c${i}=${i}; Path=/; HttpOnly`);
    const proxy = await saying(`${cookies.map((cookie) => `Set-Cookie: ${cookie}\r\n`).join('')}\r\nfine`);
    expect((await ask(proxy.path)).headers['set-cookie']).toEqual(cookies);
  });

  it('keep their spelling, order and bytes', async () => {
    const proxy = await saying(
      'x-LOWER: a\r\nX-Upper: caf\u00e9 \u00ff\r\nWWW-Authenticate: Basic\r\nWWW-Authenticate: Digest\r\n\r\n',
    );
    const { rawHeaders } = await ask(proxy.path);
    const pairs = rawHeaders.flatMap((name, i) => (i % 2 === 0 ? [`${name}: ${rawHeaders[i + 1]}`] : []));
    expect(pairs.slice(0, 4)).toEqual([
      'x-LOWER: a',
      'X-Upper: caf\u00e9 \u00ff',
      'WWW-Authenticate: Basic',
      'WWW-Authenticate: Digest',
    ]);
  });

  it('that concern the connection, or only the server, stay here', async () => {
    const own = ['Connection: keep-alive, X-A', 'Keep-Alive: timeout=99', 'Transfer-Encoding: chunked', 'Upgrade: h2c'];
    const server = ['X-Accel-Redirect: /internal/secret', 'X-Accel-Expires: 1', 'Trailer: X-B', 'TE: trailers'];
    const proxy = await saying(`${[...own, ...server, 'X-Mine: 1'].join('\r\n')}\r\n\r\nbody`);
    const { status, headers, body } = await ask(proxy.path);
    expect([status, body.toString(), headers['x-mine']]).toEqual([200, 'body', '1']);
    for (const name of ['keep-alive', 'transfer-encoding', 'upgrade', 'x-accel-redirect', 'x-accel-expires', 'trailer', 'te']) {
      expect(headers).not.toHaveProperty(name);
    }
    expect(headers.connection).toBe('close');
  });

  it('say the length of a body that came in one piece', async () => {
    const proxy = await saying('Content-Type: text/plain\r\n\r\nin one piece');
    expect((await ask(proxy.path)).headers['content-length']).toBe('12');
  });
});

describe('a Status', () => {
  for (const [line, status, reason] of [
    ['200', 200, 'OK'],
    ['404', 404, 'Not Found'],
    ['404 Gone Fishing', 404, 'Gone Fishing'],
    ['599 Odd', 599, 'Odd'],
    ['299', 299, 'unknown'],
  ] as const) {
    it(`of '${line}' becomes ${status} ${reason}`, async () => {
      const proxy = await saying(`Status: ${line}\r\n\r\n`);
      const answered = await ask(proxy.path);
      expect([answered.status, answered.reason]).toEqual([status, reason]);
    });
  }

  for (const line of ['100 Continue', '103', '20', '2000', 'OK', '', '-1', '099']) {
    it(`of '${line}' is no final status: 502`, async () => {
      const proxy = await saying(`Status: ${line}\r\nX-Secret: s\r\n\r\nbody`);
      const answered = await ask(proxy.path);
      expect(answered.status).toBe(502);
      expect(answered.headers).not.toHaveProperty('x-secret');
    });
  }

  it('that comes twice, differently, is 502', async () => {
    const proxy = await saying('Status: 200\r\nStatus: 500\r\n\r\n');
    expect((await ask(proxy.path)).status).toBe(502);
  });
});
