// nginx as an HTTP upstream, over a unix socket and with kept connections.

import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { launch } from '../peers/launch.ts';
import { ask } from '../support/clients/http-client.ts';
import { itWith, programPath } from '../support/program/programs.ts';
import { startProxy } from '../support/program/proxy.ts';
import { tempDir } from '../support/temp-dir.ts';

/**
 * An nginx that serves a directory, takes uploads with PUT, and says what it saw of a request.
 * @returns its socket
 */
async function startNginx(): Promise<string> {
  const directory = tempDir();
  const root = join(directory, 'www');
  const socket = join(directory, 'n.sock');
  mkdirSync(root, { mode: 0o777 });
  const temp = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${directory}/${name};`);
  const see = 'return 200 "$request_method $request_uri $host $http_x_forwarded_for $http_connection";';
  writeFileSync(
    join(directory, 'nginx.conf'),
    `daemon off; master_process off; pid ${directory}/pid; error_log stderr; events {}
    http {
      access_log off; ${temp.join(' ')} client_max_body_size 64m;
      server { listen unix:${socket}; root ${root}; location / { dav_methods PUT DELETE; } location /see { ${see} } }
    }`,
  );
  await launch(programPath('nginx'), ['-c', join(directory, 'nginx.conf'), '-e', 'stderr'], { socket });
  return socket;
}

itWith('nginx')('nginx as an HTTP upstream takes uploads and gives back files, ranges, conditions and redirects', async () => {
  const socket = await startNginx();
  const proxy = await startProxy(['--upstream', `http+unix:${socket}`, '--keepalive', '30s', '--max-conns', '2']);
  const seen = await ask(proxy.path, { path: '/see/a%2Fb//c?x=%20' });
  expect(seen.body.toString()).toBe('GET /see/a%2Fb//c?x=%20 test.example unix: keep-alive');

  const file = randomBytes(5 * 1024 * 1024);
  expect((await ask(proxy.path, { method: 'PUT', path: '/f', body: [file] })).status).toBe(201);
  const whole = await ask(proxy.path, { path: '/f' });
  expect(createHash('sha256').update(whole.body).digest('hex')).toBe(createHash('sha256').update(file).digest('hex'));
  const head = await ask(proxy.path, { method: 'HEAD', path: '/f' });
  expect([head.headers['content-length'], head.body.length]).toEqual([String(file.length), 0]);
  const part = await ask(proxy.path, { path: '/f', headers: { Range: 'bytes=10-19' } });
  expect([part.status, part.body.equals(file.subarray(10, 20))]).toEqual([206, true]);
  const etag = String(whole.headers.etag);
  expect((await ask(proxy.path, { path: '/f', headers: { 'If-None-Match': etag } })).status).toBe(304);
  expect((await ask(proxy.path, { path: '/missing' })).status).toBe(404);
  expect((await ask(proxy.path, { method: 'DELETE', path: '/f' })).status).toBe(204);

  const many = await Promise.all(Array.from({ length: 40 }, (_, i) => ask(proxy.path, { path: `/see/${i}` })));
  expect(many.map(({ body }) => body.toString().split(' ')[1])).toEqual(Array.from({ length: 40 }, (_, i) => `/see/${i}`));
  expect(proxy.access.map(({ error }) => error)).toEqual(proxy.access.map(() => undefined));
});
