// Requests of every kind reach the worker as they were sent: methods, media types, versions,
// framings, pipelines.

import { describe, expect, it } from 'vitest';
import type { Handler } from '../peers/fastcgi-server.ts';
import { ask, testClient } from '../support/clients/http-client.ts';
import { startProxy } from '../support/program/proxy.ts';
import { fakeWorker, holding } from '../support/servers/fake-worker.ts';

/** Answers with what it got, as JSON. */
const echo: Handler = (reply) => {
  const { params, body } = reply.request;
  reply.stdout(`Content-Type: application/json\r\n\r\n${JSON.stringify({ ...Object.fromEntries(params), body: String(body) })}`);
  reply.end();
};

async function served(words: readonly string[] = []) {
  const worker = await fakeWorker(echo);
  return startProxy(['--upstream', worker.path, '--max-conns', '1', ...words]);
}

const parsed = (body: Buffer | string): Record<string, string> => JSON.parse(String(body)) as Record<string, string>;

describe('a method', () => {
  for (const method of ['GET', 'PROPFIND', 'REPORT', 'MKCOL', 'PURGE', 'PATCH', 'DELETE', 'OPTIONS', 'LOCK', 'SEARCH']) {
    it(`${method} passes, with a body`, async () => {
      const proxy = await served();
      const { status, body } = await ask(proxy.path, { method, path: '/dav', body: '<xml/>' });
      expect(status).toBe(200);
      expect(parsed(body)).toMatchObject({ REQUEST_METHOD: method, CONTENT_LENGTH: '6', body: '<xml/>' });
      expect(await proxy.accessLine(1)).toMatchObject({ method, path: '/dav' });
    });
  }

  it('of the application itself passes', async () => {
    const proxy = await served();
    const client = testClient(proxy.path);
    client.write('RTSYNC /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    expect((await client.closed).received).toContain('"REQUEST_METHOD":"RTSYNC"');
  });
});

describe('a Content-Type', () => {
  for (const type of [
    'application/json',
    'text/xml; charset="utf-8"',
    'no-slash',
    ';;;',
    '*/*',
    'a/b, c/d',
    '\u00e9\u00fc/\u00ff',
  ]) {
    it(`'${type}' passes as it is`, async () => {
      const proxy = await served();
      const client = testClient(proxy.path);
      const head = `POST / HTTP/1.1\r\nHost: a\r\nContent-Type: ${type}\r\nContent-Length: 3\r\nConnection: close\r\n\r\n`;
      client.write(Buffer.from(`${head}{"x`, 'latin1'));
      const { received } = await client.closed;
      // What the worker saw as byte strings came back as UTF-8.
      const json = Buffer.from(received.slice(received.indexOf('{')), 'latin1').toString('latin1');
      expect(parsed(json)).toMatchObject({ CONTENT_TYPE: type, body: '{"x' });
    });
  }

  it('that is missing stays missing', async () => {
    const proxy = await served();
    const { body } = await ask(proxy.path, { method: 'POST', body: 'x' });
    expect(parsed(body)).not.toHaveProperty('CONTENT_TYPE');
    expect(parsed(body)).not.toHaveProperty('HTTP_CONTENT_TYPE');
  });
});

describe('a body', () => {
  it('in chunks comes whole, with its length', async () => {
    const proxy = await served();
    const { body } = await ask(proxy.path, { method: 'POST', body: ['one ', 'two ', 'three'] });
    expect(parsed(body)).toMatchObject({ CONTENT_LENGTH: '13', body: 'one two three' });
    expect(parsed(body)).not.toHaveProperty('HTTP_TRANSFER_ENCODING');
    expect(parsed(body)).not.toHaveProperty('HTTP_CONTENT_LENGTH');
  });

  it('in chunks over 64 KiB, kept in a file, comes whole as well', async () => {
    const proxy = await served();
    const parts = Array.from({ length: 20 }, (_, i) => String.fromCharCode(97 + i).repeat(10_000));
    const { body } = await ask(proxy.path, { method: 'POST', body: parts });
    expect(parsed(body)['CONTENT_LENGTH']).toBe('200000');
    expect(parsed(body)['body']).toBe(parts.join(''));
  });

  it('of length 0 has CONTENT_LENGTH 0, and no body has none', async () => {
    const proxy = await served();
    expect(parsed((await ask(proxy.path, { method: 'POST', body: '' })).body)['CONTENT_LENGTH']).toBe('0');
    expect(parsed((await ask(proxy.path)).body)).not.toHaveProperty('CONTENT_LENGTH');
  });

  for (const size of [1, 7, 8, 65_527, 65_528, 65_529, 65_535, 65_536, 131_056, 131_057]) {
    it(`of ${size} bytes arrives to the last byte`, async () => {
      const proxy = await served();
      const sent = 'x'.repeat(size - 1).concat('y');
      expect(parsed((await ask(proxy.path, { method: 'POST', body: sent })).body)['body']).toBe(sent);
    });
  }
});

describe('HTTP/1.0', () => {
  it('without Host is served, and the connection closed after the answer', async () => {
    const proxy = await served();
    const client = testClient(proxy.path);
    client.write('GET /old HTTP/1.0\r\n\r\n');
    const { received, error } = await client.closed;
    expect(error).toBeUndefined();
    expect(received).toContain('"SERVER_PROTOCOL":"HTTP/1.0"');
    expect(received).not.toMatch(/transfer-encoding/i);
  });

  it('never gets chunks, although the length is not known at the head', async () => {
    const { handler, next } = holding();
    const worker = await fakeWorker(handler);
    const proxy = await startProxy(['--upstream', worker.path, '--max-conns', '1']);
    const client = testClient(proxy.path);
    client.write('GET /old HTTP/1.0\r\nConnection: keep-alive\r\n\r\n');
    const reply = await next();
    reply.stdout('Content-Type: text/plain\r\n\r\none ');
    await client.until((text) => text.endsWith('one '));
    reply.stdout('two');
    reply.end();
    const { received } = await client.closed;
    expect(received).toMatch(/\r\n\r\none two$/);
    expect(received).not.toMatch(/transfer-encoding/i);
  });
});
