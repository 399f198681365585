// What a real php-fpm sees in $_SERVER of a request.

import { describe, expect } from 'vitest';
import { PHP_ROOT } from '../peers/php-fpm.ts';
import { ask, testClient } from '../support/clients/http-client.ts';
import { itWith } from '../support/program/programs.ts';
import { environmentOf, readEnvironment, startPhpSite } from './php-site.ts';

const itPhp = itWith('php-fpm');

describe('parameters in php-fpm', () => {
  itPhp('name the script, the path after it and the query', async () => {
    const site = await startPhpSite();
    const seen = await environmentOf(site, '/env.php/user/a%20b?x=1&y=%41');
    expect(Object.fromEntries(seen)).toMatchObject({
      SCRIPT_FILENAME: `${PHP_ROOT}/env.php`,
      SCRIPT_NAME: '/env.php',
      PATH_INFO: '/user/a b',
      PATH_TRANSLATED: `${PHP_ROOT}/user/a b`,
      PHP_SELF: '/env.php/user/a b',
      DOCUMENT_ROOT: PHP_ROOT,
      DOCUMENT_URI: '/env.php/user/a b',
      REQUEST_URI: '/env.php/user/a%20b?x=1&y=%41',
      QUERY_STRING: 'x=1&y=%41',
      REQUEST_METHOD: 'GET',
      SERVER_PROTOCOL: 'HTTP/1.1',
      GATEWAY_INTERFACE: 'CGI/1.1',
      REQUEST_SCHEME: 'http',
      REDIRECT_STATUS: '200',
      SERVER_NAME: 'test.example',
      HTTP_HOST: 'test.example',
    });
    expect(seen.get('SERVER_SOFTWARE')).toMatch(/^fcgi-lb\//);
  });

  itPhp('do not say HTTPS, nor a body, for a plain GET', async () => {
    const site = await startPhpSite();
    const seen = await environmentOf(site, '/env.php');
    // `HTTPS=off` or an empty one is "on" to PHP code that asks isset().
    for (const absent of ['HTTPS', 'CONTENT_LENGTH', 'CONTENT_TYPE', 'PATH_INFO', 'HTTP_PROXY', 'REMOTE_USER']) {
      expect(seen.has(absent), absent).toBe(false);
    }
    expect(seen.get('QUERY_STRING')).toBe('');
  });

  itPhp('say where the client and the server are on TCP', async () => {
    const site = await startPhpSite({ words: ['--listen', '127.0.0.1:0'] });
    const { body } = await ask({ port: site.port }, { path: '/env.php', headers: { Host: 'shop.example:8443' } });
    const seen = readEnvironment(body);
    expect(seen.get('REMOTE_ADDR')).toBe('127.0.0.1');
    expect(Number(seen.get('REMOTE_PORT'))).toBeGreaterThan(0);
    expect(seen.get('SERVER_ADDR')).toBe('127.0.0.1');
    expect(seen.get('SERVER_PORT')).toBe(String(site.port));
    expect(seen.get('SERVER_NAME')).toBe('shop.example');
    expect(seen.get('HTTP_HOST')).toBe('shop.example:8443');
  });

  itPhp('lead a directory to its index, and a path without a script to the front controller', async () => {
    const site = await startPhpSite();
    expect((await environmentOf(site, '/sub/')).get('SCRIPT_NAME')).toBe('/sub/index.php');
    const front = await environmentOf(site, '/tickets/17?full');
    expect(front.get('SCRIPT_FILENAME')).toBe(`${PHP_ROOT}/index.php`);
    expect(front.get('REQUEST_URI')).toBe('/tickets/17?full');
    expect(front.has('PATH_INFO')).toBe(false);
  });

  itPhp('lead to the index that --index names', async () => {
    const site = await startPhpSite({ words: ['--index', 'env.php'] });
    expect((await environmentOf(site, '/')).get('SCRIPT_NAME')).toBe('/env.php');
  });

  itPhp('hold what --param says, and keep Proxy and underscore headers out', async () => {
    const site = await startPhpSite({ words: ['--param', 'APP_ENV=test', '--param', 'HTTPS=on', '--param', 'HTTP_X_FORGED=no'] });
    const headers = { 'X-Forged': 'yes', Proxy: 'http://evil.example', X_Real_Ip: '10.0.0.1', 'X-Real-Ip': '10.0.0.2' };
    const seen = await environmentOf(site, '/env.php', headers);
    expect(seen.get('APP_ENV')).toBe('test');
    expect(seen.get('HTTPS')).toBe('on');
    expect(seen.get('HTTP_X_FORGED')).toBe('no');
    expect(seen.has('HTTP_PROXY')).toBe(false);
    expect(seen.get('HTTP_X_REAL_IP')).toBe('10.0.0.2');
  });

  itPhp('keep every byte of headers, paths and settings', async () => {
    const site = await startPhpSite({ words: ['--param', 'TOWN=K\u00f6ln'] });
    const client = testClient(site.path);
    const utf8 = Buffer.from('Gr\u00fc\u00dfe \u{1f600}').toString('latin1');
    const head = [
      'GET /env.php/caf%E9/%C3%A9?q=%E9 HTTP/1.1',
      'Host: test.example',
      'X-Latin1: caf\xe9 \xff\x80',
      `X-Utf8: ${utf8}`,
      'X-Tab: a\tb',
      'Connection: close',
    ];
    client.write(Buffer.from(`${head.join('\r\n')}\r\n\r\n`, 'latin1'));
    const { received } = await client.closed;
    const seen = readEnvironment(Buffer.from(received.slice(received.indexOf('{'), received.lastIndexOf('}') + 1), 'latin1'));
    expect(seen.get('HTTP_X_LATIN1')).toBe('caf\xe9 \xff\x80');
    expect(seen.get('HTTP_X_UTF8')).toBe(utf8);
    expect(seen.get('HTTP_X_TAB')).toBe('a\tb');
    expect(seen.get('PATH_INFO')).toBe('/caf\xe9/\xc3\xa9');
    expect(seen.get('REQUEST_URI')).toBe('/env.php/caf%E9/%C3%A9?q=%E9');
    expect(seen.get('TOWN')).toBe('K\xc3\xb6ln');
  });

  itPhp('join headers that come more than once', async () => {
    const site = await startPhpSite();
    const client = testClient(site.path);
    const fields = ['Cookie: a=1', 'Accept: x/y', 'X-Two: 1', 'cookie: b=2', 'accept: z/*', 'x-two: 2'];
    client.write(`GET /env.php HTTP/1.1\r\nHost: h\r\nConnection: close\r\n${fields.join('\r\n')}\r\n\r\n`);
    const { received } = await client.closed;
    const seen = readEnvironment(Buffer.from(received.slice(received.indexOf('{'), received.lastIndexOf('}') + 1), 'latin1'));
    expect(seen.get('HTTP_COOKIE')).toBe('a=1; b=2');
    expect(seen.get('HTTP_ACCEPT')).toBe('x/y, z/*');
    expect(seen.get('HTTP_X_TWO')).toBe('1, 2');
  });

  itPhp('arrive whole when together they take more than one record holds', async () => {
    const big = (letter: string): string => letter.repeat(20_000);
    const words = ['--max-header', '65000', '--param', `BIG_A=${big('a')}`, '--param', `BIG_B=${big('b')}`];
    const site = await startPhpSite({ words });
    // Sizes that put the limit of a record into the middle of a pair, wherever the records begin.
    const headers = Object.fromEntries(
      Array.from({ length: 60 }, (_, i) => [`X-Part-${i}`, `${i}:${String.fromCharCode(97 + (i % 26)).repeat(900 + i)}`]),
    );
    const seen = await environmentOf(site, '/env.php', headers);
    for (const [name, value] of Object.entries(headers)) {
      expect(seen.get(`HTTP_${name.toUpperCase().replaceAll('-', '_')}`), name).toBe(value);
    }
    expect(seen.get('BIG_A')).toBe(big('a'));
    expect(seen.get('BIG_B')).toBe(big('b'));
    const total = [...seen].reduce((sum, [name, value]) => sum + name.length + value.length, 0);
    expect(total).toBeGreaterThan(65_536);
  });

  itPhp('may hold one header as large as a request head may be', async () => {
    const site = await startPhpSite({ words: ['--max-header', '65000'] });
    const value = 'v'.repeat(64_800);
    const seen = await environmentOf(site, '/env.php', { 'X-Large': value });
    expect(seen.get('HTTP_X_LARGE')).toBe(value);
  });
});

describe('the capacity of php-fpm', () => {
  itPhp('is learned to be unlimited, from its own answer, at the first request', async () => {
    const site = await startPhpSite();
    expect((await ask(site.path, { path: '/env.php' })).status).toBe(200);
    const line = await site.logLine(({ message }) => message === 'capacity of the upstream is known');
    expect(line.fields).toMatchObject({ max_conns: 'unlimited', told: true });
    expect([...site.program.pool.upstreams].map((upstream) => upstream.capacity)).toEqual([Number.POSITIVE_INFINITY]);
  });
});
