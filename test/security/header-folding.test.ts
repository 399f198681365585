// Header names that fold to the same CGI name (CVE-2026-52845): only the plain spelling may become
// HTTP_*.

import { describe, expect, it } from 'vitest';
import { testClient } from '../support/clients/http-client.ts';
import { startProxy } from '../support/program/proxy.ts';
import { answering, fakeWorker } from '../support/servers/fake-worker.ts';

async function paramsOf(lines: readonly string[]): Promise<ReadonlyMap<string, string>> {
  let params: ReadonlyMap<string, string> = new Map();
  const worker = await fakeWorker((reply) => {
    ({ params } = reply.request);
    return answering('fine')(reply);
  });
  const proxy = await startProxy(['--upstream', worker.path, '--max-conns', '1']);
  const client = testClient(proxy.path);
  client.write(`GET / HTTP/1.1\r\nHost: a\r\n${lines.map((line) => `${line}\r\n`).join('')}Connection: close\r\n\r\n`);
  expect((await client.closed).received).toMatch(/^HTTP\/1\.1 200 /);
  return params;
}

describe('a header name', () => {
  for (const name of ['X_Auth_User', 'X.Auth.User', 'X-Auth_User', 'X_Auth-User', "X'Auth-User", 'X~Auth~User', 'X-Auth-User!']) {
    it(`spelled ${name} does not pass for X-Auth-User`, async () => {
      const params = await paramsOf([`${name}: root`]);
      expect([...params.values()]).not.toContain('root');
    });

    it(`spelled ${name} does not add to X-Auth-User`, async () => {
      const params = await paramsOf(['X-Auth-User: alice', `${name}: root`]);
      expect(params.get('HTTP_X_AUTH_USER')).toBe('alice');
    });
  }

  it('in two cases is one header, its values joined', async () => {
    const params = await paramsOf(['X-Auth-User: alice', 'x-auth-user: bob']);
    expect(params.get('HTTP_X_AUTH_USER')).toBe('alice, bob');
  });

  it('never becomes REMOTE_USER, AUTH_TYPE or another parameter of ours', async () => {
    const params = await paramsOf([
      ...['Remote-User: root', 'REMOTE_USER: root', 'Auth-Type: Basic', 'Script-Filename: /etc/passwd'],
      ...['SCRIPT_NAME: /x', 'Https: on', 'Server-Name: evil', 'Document_Root: /'],
    ]);
    expect(params.has('REMOTE_USER')).toBe(false);
    expect(params.has('AUTH_TYPE')).toBe(false);
    expect(params.has('SCRIPT_FILENAME')).toBe(false);
    expect(params.has('HTTPS')).toBe(false);
    expect(params.get('SCRIPT_NAME')).toBe('');
    expect(params.get('SERVER_NAME')).toBe('a');
    expect(params.has('DOCUMENT_ROOT')).toBe(false);
    expect(params.get('HTTP_REMOTE_USER')).toBe('root');
  });

  it('of a body length cannot contradict the body', async () => {
    const params = await paramsOf(['Content_Length: 5', 'Content.Length: 6', 'Content_Type: a/b']);
    expect([...params.keys()].filter((key) => key.includes('CONTENT'))).toEqual([]);
  });

  it('that concerns the connection stays here', async () => {
    const params = await paramsOf(['Keep-Alive: 5', 'TE: trailers', 'Trailer: X', 'Upgrade: h2c', 'Proxy-Connection: close']);
    const names = ['KEEP_ALIVE', 'TE', 'TRAILER', 'UPGRADE', 'PROXY_CONNECTION', 'CONNECTION'];
    for (const name of names) expect(params.has(`HTTP_${name}`)).toBe(false);
  });
});
