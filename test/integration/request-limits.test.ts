// What clients may send and how much of it: each refusal has its status, and the client gets to
// read it.

import { describe, expect, it } from 'vitest';
import { ask, testClient } from '../support/clients/http-client.ts';
import { startProxy } from '../support/program/proxy.ts';
import { answering, fakeWorker, recording } from '../support/servers/fake-worker.ts';

async function served(words: readonly string[]) {
  const { handler, seen } = recording(answering('fine'));
  const worker = await fakeWorker(handler);
  const proxy = await startProxy(['--upstream', worker.path, '--max-conns', '1', ...words]);
  return { proxy, seen };
}

const TCP = ['--listen', '127.0.0.1:0'];
const MIB = 1024 ** 2;

describe('a body over --max-body', () => {
  it('of a Content-Length gets 413 before any of it is read', async () => {
    const { proxy, seen } = await served(['--max-body', '10k']);
    const client = testClient(proxy.path);
    client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10241\r\n\r\n');
    const received = await client.until((text) => text.endsWith('413 Payload Too Large\n'));
    expect(received).toMatch(/^HTTP\/1\.1 413 .*\r\n/);
    expect(received).toMatch(/\r\nConnection: close\r\n/i);
    client.socket.destroy();
    expect(await proxy.accessLine(1)).toMatchObject({ status: 413, error: 'FCGI_LB_REQUEST_BODY_TOO_LARGE', attempts: 0 });
    expect(seen).toEqual([]);
  });

  it('of exactly the limit passes', async () => {
    const { proxy } = await served(['--max-body', '10k']);
    expect((await ask(proxy.path, { method: 'POST', body: Buffer.alloc(10_240) })).status).toBe(200);
    expect((await ask(proxy.path, { method: 'POST', body: [Buffer.alloc(10_000), Buffer.alloc(240)] })).status).toBe(200);
  });

  it('of a Content-Length: a client over TCP that sends it all the same can read the 413', async () => {
    const { proxy } = await served(['--max-body', '10k', ...TCP]);
    const client = testClient({ port: proxy.port });
    client.socket.pause();
    await new Promise<void>((resolve) => {
      client.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${8 * MIB}\r\n\r\n`);
      client.socket.write(Buffer.alloc(8 * MIB, 'b'), () => resolve());
    });
    client.socket.resume();
    const { received, error } = await client.closed;
    expect(error).toBeUndefined();
    expect(received).toMatch(/^HTTP\/1\.1 413 [\s\S]*\r\n\r\n413 Payload Too Large\n$/);
  });

  it('that comes in chunks gets 413 in the middle, and a client that goes on sending can read it', async () => {
    const { proxy, seen } = await served(['--max-body', '100k', ...TCP]);
    const client = testClient({ port: proxy.port });
    client.socket.pause();
    client.write('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n');
    const chunk = `10000\r\n${'c'.repeat(65_536)}\r\n`;
    for (let i = 0; i < 64; i += 1) client.write(chunk);
    await new Promise<void>((resolve) => client.socket.write('0\r\n\r\n', () => resolve()));
    client.socket.resume();
    const { received, error } = await client.closed;
    expect(error).toBeUndefined();
    expect(received).toMatch(/^HTTP\/1\.1 413 [\s\S]*\r\n\r\n413 Payload Too Large\n$/);
    expect(seen).toEqual([]);
  });

  it('that comes in chunks gets 413 although the client never ends it', async () => {
    const { proxy } = await served(['--max-body', '10k']);
    const client = testClient(proxy.path);
    client.write(`POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4e20\r\n${'c'.repeat(20_000)}\r\n`);
    expect(await client.until((text) => text.includes('\n'))).toMatch(/^HTTP\/1\.1 413 /);
  });
});

describe('a head over --max-header', () => {
  it('gets 431', async () => {
    const { proxy, seen } = await served(['--max-header', '2k']);
    const client = testClient(proxy.path);
    client.write(`GET / HTTP/1.1\r\nHost: a\r\nX-Large: ${'h'.repeat(3000)}\r\n\r\n`);
    expect((await client.closed).received).toMatch(/^HTTP\/1\.1 431 /);
    expect(seen).toEqual([]);
  });

  it('gets 431 that a client over TCP can read although it goes on sending', async () => {
    const { proxy } = await served(['--max-header', '2k', ...TCP]);
    const client = testClient({ port: proxy.port });
    client.socket.pause();
    client.write(`GET / HTTP/1.1\r\nHost: a\r\nX-Large: ${'h'.repeat(200_000)}`);
    await new Promise<void>((resolve) => client.socket.write(`${'h'.repeat(200_000)}\r\n\r\n`, () => resolve()));
    client.socket.resume();
    const { received } = await client.closed;
    expect(received).toMatch(/^HTTP\/1\.1 431 /);
  });

  it('but not by much passes', async () => {
    const { proxy } = await served(['--max-header', '4k']);
    expect((await ask(proxy.path, { headers: { 'X-Large': 'h'.repeat(3000) } })).status).toBe(200);
  });
});

describe('a request that is none', () => {
  for (const [what, bytes] of [
    ['noise', '\x00\x01\x02\x03\r\n\r\n'],
    ['a TLS hello', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
    ['no version', 'GET /\r\n\r\n'],
    ['a version of the future', 'GET / HTTP/7.3\r\nHost: a\r\n\r\n'],
    ['a version of another protocol', 'GET / HTTP/2.0\r\nHost: a\r\n\r\n'],
    ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['a header without a colon', 'GET / HTTP/1.1\r\nHost: a\r\nnonsense\r\n\r\n'],
    ['a space before the colon', 'GET / HTTP/1.1\r\nHost: a\r\nX-One : 1\r\n\r\n'],
    ['a control character in a header', 'GET / HTTP/1.1\r\nHost: a\r\nX-One: 1\x002\r\n\r\n'],
    ['no Host', 'GET / HTTP/1.1\r\n\r\n'],
    ['two Hosts', 'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n'],
    ['a Host that is none', 'GET / HTTP/1.1\r\nHost: a/b@c\r\n\r\n'],
    ['two Content-Types', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Type: a/b\r\nContent-Type: c/d\r\n\r\n'],
    ['a target that is no path', 'GET example HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a Content-Length that is no number', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1x\r\n\r\n'],
  ] as const) {
    it(`(${what}) gets 400, and no worker sees it`, async () => {
      const { proxy, seen } = await served([]);
      const client = testClient(proxy.path);
      client.write(Buffer.from(bytes, 'latin1'));
      expect(await client.until((text) => text.includes('\r\n'))).toMatch(/^HTTP\/1\.1 400 /);
      expect(seen).toEqual([]);
      client.socket.destroy();
      expect((await ask(proxy.path)).status).toBe(200);
    });
  }

  it('(CONNECT) gets 405', async () => {
    const { proxy } = await served([]);
    const client = testClient(proxy.path);
    client.write('CONNECT example.org:443 HTTP/1.1\r\nHost: example.org\r\n\r\n');
    expect((await client.closed).received).toMatch(/^HTTP\/1\.1 405 /);
  });
});

describe('a chunked body whose chunks are none', () => {
  it('gets 400, and no worker sees it', async () => {
    const { proxy, seen } = await served([]);
    const client = testClient(proxy.path);
    client.write('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n');
    expect((await client.closed).received).toMatch(/^HTTP\/1\.1 400 /);
    expect(seen).toEqual([]);
  });
});

describe('a client that stops in the middle of a body', () => {
  it('gets 408 at the body timeout, and no worker is troubled', async () => {
    const { proxy, seen } = await served(['--body-timeout', '150ms']);
    const client = testClient(proxy.path);
    client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf');
    expect(await client.until((text) => text.includes('\r\n'))).toMatch(/^HTTP\/1\.1 408 /);
    expect(seen).toEqual([]);
  });
});
