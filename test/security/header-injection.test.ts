// Response splitting: a worker's head with anything in it that could become another header or
// another response is refused whole.

import { describe, expect, it } from 'vitest';
import { testClient } from '../support/clients/http-client.ts';
import { startProxy } from '../support/program/proxy.ts';
import { answer, fakeWorker } from '../support/servers/fake-worker.ts';

const EVIL = 'Set-Cookie: session=evil';

const HEADS: ReadonlyArray<readonly [what: string, head: string]> = [
  ['a bare CR in a value', `X-A: 1\r${EVIL}\r\n\r\n`],
  ['a bare CR at the start of a line', `X-A: 1\r\n\r${EVIL}\r\n\r\n`],
  ['two CRs before the LF', `X-A: ${EVIL}\r\r\n\r\n`],
  ['a NUL in a value', `X-A: 1\x00${EVIL}\r\n\r\n`],
  ['an escape character in a value', `X-A: \x1b[31m${EVIL}\r\n\r\n`],
  ['a vertical tab in a value', `X-A: 1\x0b${EVIL}\r\n\r\n`],
  ['a form feed in a value', `X-A: 1\x0c${EVIL}\r\n\r\n`],
  ['DEL in a value', `X-A: 1\x7f${EVIL}\r\n\r\n`],
  ['a folded line', `X-A: 1\r\n ${EVIL}\r\n\r\n`],
  ['a line folded with a tab', `X-A: 1\r\n\t${EVIL}\r\n\r\n`],
  ['a space before the colon', `X-A : 1\r\n${EVIL}\r\n\r\n`],
  ['a space in a name', `X A: 1\r\n${EVIL}\r\n\r\n`],
  ['an empty name', `: 1\r\n${EVIL}\r\n\r\n`],
  ['a byte over 127 in a name', `X-\xe9: 1\r\n${EVIL}\r\n\r\n`],
  ['a NUL in a name', `X-\x00A: 1\r\n${EVIL}\r\n\r\n`],
  ['a line without a colon', `HTTP/1.1 200 OK\r\n${EVIL}\r\n\r\n`],
  ['a control character in the reason', `Status: 200 OK\r${EVIL}\r\n\r\n`],
  ['a NUL in a Location', `Status: 302\r\nLocation: /\x00${EVIL}\r\n\r\n`],
  ['two different lengths', `Content-Length: 5\r\nContent-Length: 50\r\n${EVIL}\r\n\r\n`],
  ['a negative length', `Content-Length: -5\r\n${EVIL}\r\n\r\n`],
  ['a length with a plus sign', `Content-Length: +5\r\n${EVIL}\r\n\r\n`],
  ['a list of lengths', `Content-Length: 5, 5\r\n${EVIL}\r\n\r\n`],
];

describe('an answer', () => {
  for (const [what, head] of HEADS) {
    it(`with ${what} gets 502, nothing of it is sent, and the next answer on the connection is right`, async () => {
      const worker = await fakeWorker((reply) => {
        if (reply.request.params.get('REQUEST_URI') === '/next') {
          answer(reply, 'the next answer');
          return;
        }
        reply.stdout(Buffer.from(`${head}EVIL BODY`, 'latin1'));
        reply.end();
      });
      const proxy = await startProxy(['--upstream', worker.path, '--max-conns', '1', '--attempts', '1']);
      const client = testClient(proxy.path);
      client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /next HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
      const { received } = await client.closed;
      expect(received).toMatch(/^HTTP\/1\.1 502 Bad Gateway\r\n/);
      expect(received).not.toMatch(/evil|X-A/i);
      expect(received.match(/HTTP\/1\.1 /g)).toHaveLength(2);
      expect(received).toMatch(/the next answer(?:\r\n0\r\n\r\n)?$/);
      await proxy.logLine(({ fields }) => fields['code'] === 'FCGI_LB_UPSTREAM_BAD_HEAD');
    });
  }

  it('whose CR and LF come in two records is not mistaken for an attack', async () => {
    const worker = await fakeWorker((reply) => {
      reply.stdout('X-A: 1\r');
      reply.stdout('\nX-B: 2\r');
      reply.stdout('\n\r');
      reply.stdout('\nbody');
      reply.end();
    });
    const proxy = await startProxy(['--upstream', worker.path, '--max-conns', '1']);
    const client = testClient(proxy.path);
    client.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    expect((await client.closed).received).toMatch(/^HTTP\/1\.1 200 OK\r\nX-A: 1\r\nX-B: 2\r\n[\s\S]*body(?:\r\n0\r\n\r\n)?$/);
  });
});
