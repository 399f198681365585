// Methods that node:http's parser does not know still reach the worker.

import { describe, expect, it } from 'vitest';
import { rawClient } from '../support/clients/http-client.ts';
import { startProxy } from '../support/program/proxy.ts';
import { fakeWorker } from '../support/servers/fake-worker.ts';

async function proxyThatNamesTheMethod(): Promise<string> {
  const worker = await fakeWorker((reply) => {
    const { params, body } = reply.request;
    reply.stdout(
      `Content-Type: text/plain\r\n\r\n<${params.get('REQUEST_METHOD')} ${params.get('REQUEST_URI')} ${body.toString()}>`,
    );
    reply.end();
  });
  const proxy = await startProxy(['--upstream', worker.path]);
  return proxy.path;
}

describe('a request with a method of its own', () => {
  it('reaches the worker with its body', async () => {
    const client = rawClient(await proxyThatNamesTheMethod());
    client.write('FROBNICATE /x?y HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhel');
    client.write('lo');
    const { received } = await client.closed;
    expect(received).toContain('HTTP/1.1 200 OK');
    expect(received).toContain('<FROBNICATE /x?y hello>');
  });

  it('may follow another request on the same connection', async () => {
    const client = rawClient(await proxyThatNamesTheMethod());
    client.write('GET /first HTTP/1.1\r\nHost: a\r\n\r\n');
    await client.until((received) => received.includes('<GET /first >'));
    client.write('GETX /second HTTP/1.1\r\nHost: a\r\n\r\n');
    const { received } = await client.closed;
    expect(received).toContain('<GETX /second >');
  });

  it('that is not even a token is refused', async () => {
    const client = rawClient(await proxyThatNamesTheMethod());
    client.write('G(T /x HTTP/1.1\r\nHost: a\r\n\r\n');
    const { received } = await client.closed;
    expect(received).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
  });

  it('named CONNECT is refused, since this is no forward proxy', async () => {
    const client = rawClient(await proxyThatNamesTheMethod());
    client.write('CONNECT example.org:443 HTTP/1.1\r\nHost: example.org\r\n\r\n');
    const { received } = await client.closed;
    expect(received).toMatch(/^HTTP\/1\.1 405 Method Not Allowed\r\n/);
  });
});
