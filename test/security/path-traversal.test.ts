// Paths: what climbs above the root or hides a control character is refused before any worker sees
// it; the rest has one form.

import { describe, expect, it } from 'vitest';
import { testClient } from '../support/clients/http-client.ts';
import { startProxy } from '../support/program/proxy.ts';
import { answering, fakeWorker } from '../support/servers/fake-worker.ts';

async function request(target: string) {
  let params: ReadonlyMap<string, string> | undefined;
  const worker = await fakeWorker((reply) => {
    ({ params } = reply.request);
    return answering('fine')(reply);
  });
  const proxy = await startProxy(['--upstream', worker.path, '--max-conns', '1']);
  const client = testClient(proxy.path);
  client.write(Buffer.from(`GET ${target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`, 'latin1'));
  const { received } = await client.closed;
  return { status: Number(/^HTTP\/1\.1 (\d+)/.exec(received)?.[1]), params };
}

const CLIMBING = [
  '/..',
  '/../',
  '/../etc/passwd',
  '/a/../../b',
  '/%2e%2e/x',
  '/%2E./x',
  '/.%2e%2fx',
  '/..%2f..%2fetc',
  '/a/..%2f..',
  '//../x',
];
const CONTROL = ['/%00', '/a%00.php', '/%0a', '/index.php/%0a', '/%0d%0aSet-Cookie:x', '/%7f', '/a%1fb', '/%09'];
const BROKEN = ['/%', '/%4', '/%zz', '/a%2', '/%u0041', '/%-1'];

describe('a path', () => {
  for (const target of [...CLIMBING, ...CONTROL, ...BROKEN]) {
    it(`${target} gets 400, and no worker sees it`, async () => {
      const { status, params } = await request(target);
      expect([status, params]).toEqual([400, undefined]);
    });
  }

  for (const [target, path] of [
    ['/a/../b', '/b'],
    ['/a/./b', '/a/b'],
    ['/a//b///c', '/a/b/c'],
    ['/a/b/..', '/a/'],
    ['/%61%2Fb', '/a/b'],
    ['/...', '/...'],
    ['/..a/b..', '/..a/b..'],
    ['/%c3%a9', '/\u00c3\u00a9'],
    ['/a%25zz', '/a%zz'],
    ['/a?x=/../..&y=%00%0a', '/a'],
  ] as const) {
    it(`${target} is ${path} for the worker, which also gets what was sent`, async () => {
      const { status, params } = await request(target);
      expect(status).toBe(200);
      expect(params?.get('PATH_INFO')).toBe(path);
      expect(params?.get('DOCUMENT_URI')).toBe(path);
      expect(params?.get('REQUEST_URI')).toBe(target);
    });
  }

  it('keeps its query as it came', async () => {
    const { params } = await request('/a?x=%2e%2e/%00&y=1?z');
    expect(params?.get('QUERY_STRING')).toBe('x=%2e%2e/%00&y=1?z');
  });
});
