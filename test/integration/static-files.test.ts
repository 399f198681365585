// Files sent by a `static` route: what is there, what must never be, and what a client may ask of a
// file.

import { execFileSync } from 'node:child_process';
import { readdirSync, statSync, symlinkSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Ask, ask, testClient } from '../support/clients/http-client.ts';
import { eventually } from '../support/eventually.ts';
import { startSite, writeFiles } from '../support/program/config-files.ts';

const BIG = Buffer.alloc(5 * 1024 * 1024, 'abcdefghij');

async function site() {
  const www = writeFiles({
    'www/a.css': 'a { b: c }',
    'www/index.html': '<p>top</p>',
    'www/sub/index.html': '<p>sub</p>',
    'www/with space/\u00e9.txt': 'named',
    'www/.secret': 'no',
    'www/.git/config': 'no',
    'www/none/x': '',
    'www/big.bin': BIG,
    'www-other/x.txt': 'no',
    'outside.txt': 'no',
  });
  symlinkSync('../outside.txt', join(www, 'www/link.txt'));
  symlinkSync('..', join(www, 'www/up'));
  symlinkSync('../www-other', join(www, 'www/other'));
  symlinkSync('a.css', join(www, 'www/inside.css'));
  symlinkSync('loop', join(www, 'www/loop'));
  execFileSync('mkfifo', [join(www, 'www/fifo')]);
  const started = await startSite(
    `  - { path: /s/, static: ${www}/www, strip_prefix: /s }\n  - { static: ${www}/www, error_pages: { 404: ${www}/outside.txt } }\n`,
    [],
  );
  return { ...started, www: join(www, 'www'), get: (path: string, more: Ask = {}) => ask(started.path, { path, ...more }) };
}

/** Descriptors of this process that are open on a file. */
function openOf(path: string): number {
  const { ino } = statSync(path);
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return statSync(`/proc/self/fd/${fd}`).ino === ino;
    } catch {
      return false;
    }
  }).length;
}

describe('a file', () => {
  it.each([
    ['/a.css', 'a { b: c }', 'text/css; charset=utf-8'],
    ['/', '<p>top</p>', 'text/html; charset=utf-8'],
    ['/sub/', '<p>sub</p>', 'text/html; charset=utf-8'],
    ['/s/sub/../a.css', 'a { b: c }', 'text/css; charset=utf-8'],
    ['/s/', '<p>top</p>', 'text/html; charset=utf-8'],
    ['/with%20space/%C3%A9.txt', 'named', 'text/plain; charset=utf-8'],
    ['/inside.css', 'a { b: c }', 'text/css; charset=utf-8'],
    ['/none/x', '', 'application/octet-stream'],
  ])('below the directory is sent: %s', async (path, text, type) => {
    const { get } = await site();
    const answer = await get(path);
    expect([answer.status, answer.body.toString(), answer.headers['content-type'], answer.headers['content-length']]).toEqual([
      200,
      text,
      type,
      String(text.length),
    ]);
  });

  it.each([
    '/.secret',
    '/.git/config',
    '/%2esecret',
    '/sub/%2e%2e/.secret',
    '/link.txt',
    '/up/outside.txt',
    '/up/www-other/x.txt',
    '/other/x.txt',
    '/loop',
    '/fifo',
    '/none/',
    '/a.css/',
    '/a.css/x',
    '/A.CSS',
    `/${'x'.repeat(300)}`,
    '/s../a.css',
    '/with%20space/%E9.txt',
  ])('that is hidden, elsewhere or none is not there: %s', async (path) => {
    const { get } = await site();
    const answer = await get(path);
    expect([path, answer.status, answer.body.toString()]).toEqual([path, 404, 'no']);
  });

  it.each(['/../outside.txt', '/%2e%2e/outside.txt', '/s/%2e%2e%2f%2e%2e/outside.txt', '/a%00.css'])(
    'is not looked for where the path is refused: %s',
    async (path) => {
      const { path: socket } = await site();
      const client = testClient(socket);
      client.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
      expect(await client.until((text) => text.includes('\r\n\r\n'))).toMatch(/^HTTP\/1\.1 400 /);
    },
  );

  it('can only be read', async () => {
    const { get } = await site();
    const answer = await get('/a.css', { method: 'DELETE' });
    expect([answer.status, answer.headers.allow]).toEqual([405, 'GET, HEAD']);
    const head = await get('/a.css', { method: 'HEAD' });
    expect([head.status, head.headers['content-length'], head.body.length]).toEqual([200, '10', 0]);
  });

  it('of a directory without its slash is redirected to, on this host', async () => {
    const { get } = await site();
    expect((await get('/sub?a=b')).headers.location).toBe('/sub/?a=b');
    expect((await get('/s/with%20space')).headers.location).toBe('/s/with%20space/');
    expect((await get('//sub')).headers.location).toBe('/sub/');
  });

  it('is not sent again to who has it', async () => {
    const { get, www } = await site();
    const { headers } = await get('/a.css');
    const { etag = '', 'last-modified': modified = '' } = headers;
    expect(Date.parse(modified)).toBe(Math.floor(statSync(join(www, 'a.css')).mtimeMs / 1000) * 1000);
    const later = new Date(Date.parse(modified) + 5000).toUTCString();
    const earlier = new Date(Date.parse(modified) - 5000).toUTCString();
    const status = async (fields: Record<string, string>) => (await get('/a.css', { headers: fields })).status;
    expect(await status({ 'If-None-Match': etag })).toBe(304);
    expect(await status({ 'If-None-Match': `"x", W/${etag}` })).toBe(304);
    expect(await status({ 'If-None-Match': '*' })).toBe(304);
    expect(await status({ 'If-None-Match': '"x"', 'If-Modified-Since': later })).toBe(200);
    expect(await status({ 'If-Modified-Since': modified })).toBe(304);
    expect(await status({ 'If-Modified-Since': later })).toBe(304);
    expect(await status({ 'If-Modified-Since': earlier })).toBe(200);
    expect(await status({ 'If-Modified-Since': 'nonsense' })).toBe(200);
    const fresh = await get('/a.css', { headers: { 'If-None-Match': etag } });
    expect([fresh.headers.etag, fresh.headers['content-length'], fresh.body.length]).toEqual([etag, undefined, 0]);
  });

  it.each([
    ['bytes=0-3', 206, 'a { ', 'bytes 0-3/10'],
    ['bytes=8-', 206, ' }', 'bytes 8-9/10'],
    ['bytes=-1', 206, '}', 'bytes 9-9/10'],
    ['bytes=-99', 206, 'a { b: c }', 'bytes 0-9/10'],
    ['bytes=5-99', 206, ': c }', 'bytes 5-9/10'],
    ['bytes=10-', 416, undefined, 'bytes */10'],
    ['bytes=-0', 416, undefined, 'bytes */10'],
    ['bytes=5-2', 200, 'a { b: c }', undefined],
    ['bytes=0-1,3-4', 200, 'a { b: c }', undefined],
    ['lines=1-2', 200, 'a { b: c }', undefined],
    ['bytes=-', 200, 'a { b: c }', undefined],
  ])('is sent in part to who asks for %s', async (range, status, text, shown) => {
    const { get } = await site();
    const answer = await get('/a.css', { headers: { Range: range } });
    expect([answer.status, answer.headers['content-range']]).toEqual([status, shown]);
    if (text !== undefined)
      expect([answer.body.toString(), answer.headers['content-length']]).toEqual([text, String(text.length)]);
  });

  it('is sent whole to who has part of another version', async () => {
    const { get } = await site();
    const { headers } = await get('/a.css');
    const part = (condition: string | undefined) =>
      get('/a.css', { headers: { Range: 'bytes=0-0', 'If-Range': condition ?? '' } });
    expect((await part(headers.etag)).status).toBe(206);
    expect((await part(headers['last-modified'])).status).toBe(206);
    expect((await part('"old"')).status).toBe(200);
  });

  it('of any size arrives whole, and is closed whether it does or not', async () => {
    const { get, path, accessLine, www } = await site();
    const whole = await get('/big.bin');
    expect(whole.body.equals(BIG)).toBe(true);
    const client = testClient(path);
    client.write('GET /big.bin HTTP/1.1\r\nHost: a\r\n\r\n');
    await client.until((text) => text.length > 100_000);
    client.socket.destroy();
    expect(await accessLine(2)).toMatchObject({ status: 200, error: 'FCGI_LB_CLIENT_GONE' });
    await eventually(() => expect(openOf(join(www, 'big.bin'))).toBe(0));
    expect(await accessLine(1)).toMatchObject({ status: 200, bytes: BIG.length, error: undefined });
  });

  it('that becomes shorter while it is sent ends in a broken connection, not in one that looks whole', async () => {
    const { path, accessLine, www } = await site();
    const client = testClient(path);
    client.socket.pause();
    client.write('GET /big.bin HTTP/1.1\r\nHost: a\r\n\r\n');
    await eventually(() => expect(openOf(join(www, 'big.bin'))).toBe(1));
    truncateSync(join(www, 'big.bin'), 100);
    client.socket.resume();
    const { received } = await client.closed;
    expect(received.length).toBeLessThan(BIG.length);
    expect(await accessLine(1)).toMatchObject({ error: 'FCGI_LB_FILE_FAILED' });
  });
});
