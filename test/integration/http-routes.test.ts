// Routes to HTTP upstreams: what is changed of a request on its way there.

import { createServer } from 'node:http';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ask } from '../support/clients/http-client.ts';
import { writeFiles } from '../support/program/config-files.ts';
import { startProxy } from '../support/program/proxy.ts';
import { tempDir } from '../support/temp-dir.ts';

async function site(route: string) {
  const socket = join(tempDir(), 'u.sock');
  const seen: { url: string | undefined; headers: Readonly<Record<string, unknown>> }[] = [];
  const server = createServer((request, response) => {
    seen.push({ url: request.url, headers: request.headers });
    response.writeHead(200, { 'X-Powered-By': 'a' }).end('fine');
  });
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const directory = writeFiles({
    'f.yaml': `pools: { u: { upstreams: ["http+unix:${socket}"] } }\nroutes:\n  - { pool: u, ${route} }\n`,
  });
  return { ...(await startProxy(['--config', join(directory, 'f.yaml')])), seen };
}

describe('an HTTP upstream', () => {
  it('is asked for the path below the prefix, and gets the headers that the route makes', async () => {
    const { path, seen } = await site(
      'strip_prefix: /app, request_headers: { set: { X-User: none, Host: "inner.$host" }, hide: [Cookie] }, response_headers: { set: { X-Path: $uri }, hide: [X-Powered-By] }',
    );
    const headers = { 'x-user': 'root', Cookie: 'a=1', Accept: '*/*' };
    const answer = await ask(path, { path: '/app/a%20b%3f/../c?d=%20', headers });
    expect([answer.status, answer.headers['x-path'], answer.headers['x-powered-by']]).toEqual([200, '/app/c', undefined]);
    await ask(path, { path: '/app' });
    await ask(path, { path: '/apple/../%61pple?x' });
    await ask(path, { path: '/app/%2525%3F?x' });
    expect(seen.map(({ url }) => url)).toEqual(['/c?d=%20', '/', '/apple/../%61pple?x', '/%2525%3F?x']);
    expect(seen[0]?.headers).toMatchObject({ 'x-user': 'none', host: 'inner.test.example', accept: '*/*' });
    expect(seen[0]?.headers).not.toHaveProperty('cookie');
  });
});
