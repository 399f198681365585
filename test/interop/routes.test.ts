// What real php-fpm and Perl make of routes: split paths, mounted applications, parameters with
// variables.

import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { startPerlWorker } from '../peers/perl-worker.ts';
import { PHP_ROOT, startPhpFpm } from '../peers/php-fpm.ts';
import { ask } from '../support/clients/http-client.ts';
import { writeFiles } from '../support/program/config-files.ts';
import { itWith } from '../support/program/programs.ts';
import { startProxy } from '../support/program/proxy.ts';
import { readEnvironment } from './php-site.ts';

const itPhp = itWith('php-fpm');
const itPerl = itWith('perl FCGI');

async function site(socket: string, route: string) {
  const directory = writeFiles({
    'f.yaml': `pools: { app: { upstreams: ["${socket}"] } }\nroutes:\n  - { pool: app, ${route} }\n`,
  });
  return startProxy(['--config', join(directory, 'f.yaml')]);
}

describe('php-fpm', () => {
  async function seenBy(route: string, path: string, headers: Record<string, string> = {}) {
    const fpm = await startPhpFpm({ children: 1 });
    const { path: socket } = await site(fpm.socket, route);
    const answer = await ask(socket, { path, headers });
    expect([answer.status, answer.body.toString('latin1').slice(0, 100)]).toEqual([200, expect.stringMatching(/^\{/)]);
    return Object.fromEntries(readEnvironment(answer.body));
  }

  itPhp('runs the script that split_path finds', async () => {
    const route = `path_regex: '\\.php(/|$)', root: ${PHP_ROOT}, split_path: '^(.+?\\.php)(/.*)$'`;
    expect(await seenBy(route, '/env.php/user/a%20b?x')).toMatchObject({
      SCRIPT_FILENAME: `${PHP_ROOT}/env.php`,
      SCRIPT_NAME: '/env.php',
      PATH_INFO: '/user/a b',
      PHP_SELF: '/env.php/user/a b',
      REQUEST_URI: '/env.php/user/a%20b?x',
    });
    const plain = await seenBy(route, '/env.php');
    expect(plain).toMatchObject({ SCRIPT_FILENAME: `${PHP_ROOT}/env.php`, SCRIPT_NAME: '/env.php' });
    expect(plain).not.toHaveProperty('PATH_INFO');
  });

  itPhp('runs scripts below a prefix, and knows of it', async () => {
    expect(await seenBy(`path: /app, root: ${PHP_ROOT}, php: true, strip_prefix: /app`, '/app/env.php/x')).toMatchObject({
      SCRIPT_FILENAME: `${PHP_ROOT}/env.php`,
      SCRIPT_NAME: '/app/env.php',
      PATH_INFO: '/x',
      PHP_SELF: '/app/env.php/x',
      REQUEST_URI: '/app/env.php/x',
    });
  });

  itPhp("gets parameters with nginx's variables, which may even say which script to run", async () => {
    const params = 'SCRIPT_FILENAME: $document_root/env.php, SITE: "$host $cookie_a", HTTPS: on';
    const seen = await seenBy(
      `root: ${PHP_ROOT}, params: { ${params} }, request_headers: { set: { X-B: "$uri" }, hide: [Cookie] }`,
      '/any%22',
      {
        Cookie: 'a=1',
        'X-B': 'client',
      },
    );
    expect(seen).toMatchObject({ SITE: 'test.example 1', HTTPS: 'on', HTTP_X_B: '/any"' });
    expect(seen).not.toHaveProperty('HTTP_COOKIE');
  });
});

describe('a Perl application below a prefix', () => {
  itPerl('finds its path, whether by PATH_INFO or by REQUEST_URI without SCRIPT_NAME as Plack does', async () => {
    const worker = await startPerlWorker();
    const { path: socket } = await site(worker.socket, 'path: /app/, strip_prefix: /app');
    const answer = await ask(socket, { path: '/app/env?a=%20b' });
    const seen = new Map(
      answer.body
        .toString('latin1')
        .split('\n')
        .map((line) => line.split(/=(.*)/s, 2) as [string, string]),
    );
    const uri = seen.get('REQUEST_URI') ?? '';
    const mount = seen.get('SCRIPT_NAME') ?? '';
    expect([uri, mount, seen.get('PATH_INFO')]).toEqual(['/app/env?a=%20b', '/app', '/env']);
    expect(uri.slice(mount.length)).toBe('/env?a=%20b');
  });
});
