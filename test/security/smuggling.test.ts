// Request smuggling: where two readers of a message could see two different ends of it, it is
// refused and the connection closed.

import { describe, expect, it } from 'vitest';
import { testClient } from '../support/clients/http-client.ts';
import { startProxy } from '../support/program/proxy.ts';
import { answering, fakeWorker, recording } from '../support/servers/fake-worker.ts';

const SMUGGLED = 'GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n';
const CHUNKED = 'Transfer-Encoding: chunked';

const post = (lines: readonly string[], body: string, version = '1.1'): string =>
  `POST /front HTTP/${version}\r\nHost: a\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n${body}`;

const REFUSED: ReadonlyArray<readonly [what: string, request: string]> = [
  ['Content-Length and Transfer-Encoding', post(['Content-Length: 5', CHUNKED], `0\r\n\r\n${SMUGGLED}`)],
  ['Transfer-Encoding and Content-Length', post([CHUNKED, 'Content-Length: 5'], `0\r\n\r\n${SMUGGLED}`)],
  ['two different Content-Lengths', post(['Content-Length: 0', `Content-Length: ${SMUGGLED.length}`], SMUGGLED)],
  ['two equal Content-Lengths', post(['Content-Length: 1', 'Content-Length: 1'], `x${SMUGGLED}`)],
  ['a list of Content-Lengths', post([`Content-Length: 0, ${SMUGGLED.length}`], SMUGGLED)],
  ['a Content-Length with a sign', post(['Content-Length: +0'], SMUGGLED)],
  ['a negative Content-Length', post(['Content-Length: -1'], SMUGGLED)],
  ['a hexadecimal Content-Length', post(['Content-Length: 0x0'], SMUGGLED)],
  ['an empty Content-Length', post(['Content-Length: '], SMUGGLED)],
  ['a Content-Length beyond all numbers', post([`Content-Length: ${'9'.repeat(30)}`], SMUGGLED)],
  ['Transfer-Encoding and Content-Length in HTTP/1.0', post([CHUNKED, 'Content-Length: 0'], SMUGGLED, '1.0')],
  ['a coding before chunked', post(['Transfer-Encoding: gzip, chunked'], `0\r\n\r\n${SMUGGLED}`)],
  ['chunked that is not last', post(['Transfer-Encoding: chunked, identity'], `0\r\n\r\n${SMUGGLED}`)],
  ['chunked twice', post([CHUNKED, CHUNKED], `0\r\n\r\n${SMUGGLED}`)],
  ['a vertical tab before chunked', post(['Transfer-Encoding:\x0bchunked'], `0\r\n\r\n${SMUGGLED}`)],
  ['a space before the colon', post(['Content-Length : 5'], SMUGGLED)],
  ['a folded Transfer-Encoding', post(['Transfer-Encoding:', ' chunked'], `0\r\n\r\n${SMUGGLED}`)],
  ['a bare CR as line end', `POST /front HTTP/1.1\r\nHost: a\rContent-Length: 0\r\n\r\n${SMUGGLED}`],
  ['a NUL in a name', post(['Content\x00-Length: 5'], SMUGGLED)],
];

/**
 * Here the head can be read, and what is wrong shows in what follows it: the connection may be cut
 * before the 400 is out.
 */
const CUT: ReadonlyArray<readonly [what: string, request: string]> = [
  ['Transfer-Encoding in HTTP/1.0', post([CHUNKED], `0\r\n\r\n${SMUGGLED}`, '1.0')],
  ['an unknown transfer coding', post(['Transfer-Encoding: xchunked'], `0\r\n\r\n${SMUGGLED}`)],
  ['identity', post(['Transfer-Encoding: identity'], SMUGGLED)],
  ['a quoted coding', post(['Transfer-Encoding: "chunked"'], `0\r\n\r\n${SMUGGLED}`)],
  ['a chunk size that is none', post([CHUNKED], `zz\r\n${SMUGGLED}0\r\n\r\n`)],
  ['a negative chunk size', post([CHUNKED], `-1\r\n${SMUGGLED}`)],
  ['a chunk size beyond all numbers', post([CHUNKED], `${'f'.repeat(20)}\r\n${SMUGGLED}`)],
  ['a chunk longer than its size', post([CHUNKED], `1\r\nxyz\r\n0\r\n\r\n${SMUGGLED}`)],
  ['a chunk size with 0x', post([CHUNKED], `0x1\r\nx\r\n0\r\n\r\n${SMUGGLED}`)],
];

async function served(words: readonly string[] = []) {
  const { handler, seen } = recording(answering('fine'));
  const worker = await fakeWorker(handler);
  const proxy = await startProxy(['--upstream', worker.path, '--max-conns', '1', ...words]);
  return { proxy, seen };
}

describe('a request with', () => {
  for (const [what, request] of REFUSED) {
    it(`${what} gets 400 and the end of its connection, and no worker sees any of it`, async () => {
      const { proxy, seen } = await served();
      const client = testClient(proxy.path);
      client.write(Buffer.from(request, 'latin1'));
      const { received } = await client.closed;
      expect(received).toMatch(/^HTTP\/1\.1 400 /);
      expect(received.match(/HTTP\/1\.1 /g)).toHaveLength(1);
      expect(seen).toEqual([]);
    });
  }

  for (const [what, request] of CUT) {
    it(`${what} ends its connection, and no worker sees any of it`, async () => {
      const { proxy, seen } = await served();
      const client = testClient(proxy.path);
      client.write(Buffer.from(request, 'latin1'));
      const { received } = await client.closed;
      expect(received).toMatch(/^(?:HTTP\/1\.1 400 (?:(?!HTTP\/1)[\s\S])*)?$/);
      expect(seen).toEqual([]);
    });
  }

  for (const coding of ['xchunked', 'identity', 'gzip, chunked', '"chunked"', 'chunked, chunked']) {
    it(`the transfer coding ${coding} gets 400 when nothing follows the head`, async () => {
      const { proxy, seen } = await served();
      const client = testClient(proxy.path);
      client.write(post([`Transfer-Encoding: ${coding}`], ''));
      expect(await client.until((received) => received.includes('\r\n\r\n'))).toMatch(/^HTTP\/1\.1 400 /);
      expect(seen).toEqual([]);
    });
  }

  it('a body that looks like a request is one request', async () => {
    const { proxy, seen } = await served();
    const client = testClient(proxy.path);
    client.write(post([`Content-Length: ${SMUGGLED.length}`, 'Connection: close'], SMUGGLED));
    expect((await client.closed).received.match(/HTTP\/1\.1 200 /g)).toHaveLength(1);
    expect(seen).toEqual(['/front']);
  });

  it('a body that nobody asked for, on a GET, is taken off the connection all the same', async () => {
    const { proxy, seen } = await served();
    const client = testClient(proxy.path);
    const body = `Content-Length: ${SMUGGLED.length}\r\n\r\n${SMUGGLED}`;
    client.write(`GET /front HTTP/1.1\r\nHost: a\r\n${body}GET /next HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
    expect((await client.closed).received.match(/HTTP\/1\.1 200 /g)).toHaveLength(2);
    expect(seen.sort()).toEqual(['/front', '/next']);
  });

  it('an error page and an unread body: what follows in the body is not read as a request', async () => {
    const { proxy, seen } = await served(['--max-body', '10']);
    const client = testClient(proxy.path);
    client.write(post([`Content-Length: ${SMUGGLED.length}`], SMUGGLED));
    const { received } = await client.closed;
    expect(received.match(/HTTP\/1\.1 /g)).toHaveLength(1);
    expect(seen).toEqual([]);
  });

  it('a streamed body and an early answer: what follows in the body is not read as a request', async () => {
    const seen: string[] = [];
    const worker = await fakeWorker(
      (reply) => {
        seen.push(reply.request.params.get('REQUEST_URI') ?? '');
        return answering('early')(reply);
      },
      { callAt: 'headers' },
    );
    const proxy = await startProxy(['--upstream', worker.path, '--max-conns', '1', '--request-buffering', 'off']);
    const client = testClient(proxy.path);
    client.write(post(['Content-Length: 100000'], ''));
    await client.until((received) => received.includes('early'));
    client.write(SMUGGLED.repeat(3));
    const { received } = await client.closed;
    expect(received.match(/HTTP\/1\.1 /g)).toHaveLength(1);
    expect(seen).toEqual(['/front']);
  });
});
