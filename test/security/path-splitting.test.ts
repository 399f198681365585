// PHP path splitting: the script is what the path says byte by byte, so that an uploaded picture is
// never run as one.

import { describe, expect, it } from 'vitest';
import { testClient } from '../support/clients/http-client.ts';
import { startProxy } from '../support/program/proxy.ts';
import { answering, fakeWorker } from '../support/servers/fake-worker.ts';

async function split(target: string) {
  let params: ReadonlyMap<string, string> | undefined;
  const worker = await fakeWorker((reply) => {
    ({ params } = reply.request);
    return answering('fine')(reply);
  });
  const proxy = await startProxy(['--upstream', worker.path, '--max-conns', '1', '--root', '/srv/www', '--php']);
  const client = testClient(proxy.path);
  client.write(Buffer.from(`GET ${target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`, 'latin1'));
  const { received } = await client.closed;
  return { status: Number(/^HTTP\/1\.1 (\d+)/.exec(received)?.[1]), params };
}

describe('with --php the path', () => {
  for (const [target, script, pathInfo] of [
    ['/index.php', '/index.php', undefined],
    ['/index.php/ticket/1', '/index.php', '/ticket/1'],
    ['/index.php/', '/index.php', '/'],
    ['/a/b.php/c/d.php/e', '/a/b.php', '/c/d.php/e'],
    ['/upload/evil.jpg/x.php', '/upload/evil.jpg/x.php', undefined],
    ['/upload/evil.php.jpg', '/index.php', undefined],
    ['/upload/evil.php.jpg/x', '/index.php', undefined],
    ['/upload/evil.phpx/x', '/index.php', undefined],
    ['/upload/evil.PHP', '/index.php', undefined],
    ['/.php', '/index.php', undefined],
    ['/a/.php/b', '/index.php', undefined],
    ['/', '/index.php', undefined],
    ['/sub/', '/sub/index.php', undefined],
    ['/pretty/url', '/index.php', undefined],
    ['/a.php/../b.php', '/b.php', undefined],
    ['/a%2ephp/x', '/a.php', '/x'],
    // A letter whose lower case has another length must not shift the place of the split
    // (CVE-2026-27590).
    ['/%c8%ba%c8%ba.php/x.txt', '/\u00c8\u00ba\u00c8\u00ba.php', '/x.txt'],
    ['/%e1%ba%9e.txt/x.php', '/\u00e1\u00ba\u009e.txt/x.php', undefined],
  ] as const) {
    it(`${target} runs ${script}${pathInfo === undefined ? '' : ` with PATH_INFO ${pathInfo}`}`, async () => {
      const { status, params } = await split(target);
      expect(status).toBe(200);
      expect(params?.get('SCRIPT_NAME')).toBe(script);
      expect(params?.get('SCRIPT_FILENAME')).toBe(`/srv/www${script}`);
      // Absent, never empty (CVE-2019-11043).
      expect(params?.get('PATH_INFO')).toBe(pathInfo);
      expect(params?.get('PATH_TRANSLATED')).toBe(pathInfo === undefined ? undefined : `/srv/www${pathInfo}`);
    });
  }

  for (const target of ['/a.php%00.jpg', '/index.php%0a', '/index.php/%0a', '/../a.php', '/a.php/../../../etc/passwd']) {
    it(`${target} gets 400, and no worker sees it`, async () => {
      const { status, params } = await split(target);
      expect([status, params]).toEqual([400, undefined]);
    });
  }
});
