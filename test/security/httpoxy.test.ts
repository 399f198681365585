// httpoxy (CVE-2016-5385): a client's Proxy header must not become HTTP_PROXY, which HTTP clients
// in applications obey.

import { describe, expect, it } from 'vitest';
import { testClient } from '../support/clients/http-client.ts';
import { startProxy } from '../support/program/proxy.ts';
import { answering, fakeWorker } from '../support/servers/fake-worker.ts';

describe('a Proxy header', () => {
  for (const name of ['Proxy', 'proxy', 'PROXY', 'pRoXy']) {
    it(`spelled ${name} does not reach the worker`, async () => {
      const params: Array<ReadonlyMap<string, string>> = [];
      const worker = await fakeWorker((reply) => {
        params.push(reply.request.params);
        return answering('fine')(reply);
      });
      const proxy = await startProxy(['--upstream', worker.path, '--max-conns', '1']);
      const client = testClient(proxy.path);
      client.write(
        `GET / HTTP/1.1\r\nHost: a\r\nX-First: 1\r\n${name}: http://evil.example:8080\r\nX-Last: 2\r\nConnection: close\r\n\r\n`,
      );
      expect((await client.closed).received).toMatch(/^HTTP\/1\.1 200 /);
      const seen = params[0] ?? new Map<string, string>();
      expect([...seen.keys()].filter((key) => /proxy/i.test(key))).toEqual([]);
      expect([...seen.values()].filter((value) => value.includes('evil'))).toEqual([]);
      expect([seen.get('HTTP_X_FIRST'), seen.get('HTTP_X_LAST')]).toEqual(['1', '2']);
    });
  }
});
