// Routes as clients meet them: which pool gets a request, what it is told, and what is changed on
// the way back.

import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ask, testClient } from '../support/clients/http-client.ts';
import { startSite, writeFiles } from '../support/program/config-files.ts';
import { startProxy } from '../support/program/proxy.ts';
import { fakeWorker } from '../support/servers/fake-worker.ts';

const body = async (path: string, options: Parameters<typeof ask>[1]): Promise<string> =>
  (await ask(path, options)).body.toString();

describe('a request', () => {
  it('goes to the pool of its host, its path and its method', async () => {
    const site = await startSite(
      [
        '  - { host: [a.example, "*.b.example"], pool: one }',
        '  - { path: /x/, pool: two }',
        '  - { path_regex: "[.]php$", pool: three }',
        '  - { path: /x/, method: POST, pool: one }\n',
      ].join('\n'),
      ['one', 'two', 'three'],
    );
    expect(await body(site.path, { headers: { Host: 'A.example:81' }, path: '/x/' })).toBe('one');
    expect(await body(site.path, { headers: { Host: 'any.b.example' } })).toBe('one');
    expect(await body(site.path, { path: '/%78/y' })).toBe('two');
    expect(await body(site.path, { path: '/x/y.php?q=.html' })).toBe('three');
    expect(await body(site.path, { path: '/x/', method: 'POST' })).toBe('one');
    expect(await body(site.path, { path: 'http://a.example/x/', headers: { Host: 'other.example' } })).toBe('one');
  });

  it('that no route takes is answered with 404, or with 405 and the methods that there are', async () => {
    const site = await startSite('  - { path: /a/, method: [GET, PROPFIND], pool: one }\n', ['one']);
    expect((await ask(site.path, { path: '/' })).status).toBe(404);
    expect(await site.accessLine(1)).toMatchObject({
      status: 404,
      error: 'FCGI_LB_REQUEST_NO_ROUTE',
      upstream: undefined,
      path: '/',
    });
    const refused = await ask(site.path, { path: '/a/', method: 'POST', body: 'x' });
    expect([refused.status, refused.headers.allow]).toEqual([405, 'GET, PROPFIND, HEAD']);
    expect(await site.accessLine(2)).toMatchObject({ status: 405, error: 'FCGI_LB_REQUEST_METHOD_REFUSED' });
    expect((await ask(site.path, { path: '/a/', method: 'HEAD' })).status).toBe(200);
  });

  it('with a path too long for a regex is refused with 414', async () => {
    const site = await startSite('  - { pool: one }\n  - { path_regex: "^/secret", respond: 403 }\n', ['one']);
    expect((await ask(site.path, { path: `/secret/${'x'.repeat(3000)}` })).status).toBe(414);
    expect(await site.accessLine(1)).toMatchObject({ error: 'FCGI_LB_REQUEST_PATH_TOO_LONG' });
    expect((await ask(site.path, { path: `/?${'x'.repeat(3000)}` })).status).toBe(200);
  });

  it('has a line in the access log with the bytes that its client got', async () => {
    const site = await startSite('  - { respond: { body: abc } }\n', []);
    await ask(site.path);
    await ask(site.path, { method: 'HEAD' });
    expect((await site.accessLine(2)).bytes).toBe(0);
    expect(site.access[0]?.bytes).toBe(3);
  });

  it('with a Host that is none is still refused with 400, whatever routes there are', async () => {
    const site = await startSite('  - { host: a.example, pool: one }\n', ['one']);
    const client = testClient(site.path);
    client.write('GET / HTTP/1.1\r\nHost: a.example/\r\n\r\n');
    expect(await client.until((text) => text.includes('\r\n\r\n'))).toMatch(/^HTTP\/1\.1 400 /);
  });

  it('may have a body as large as its route allows', async () => {
    const site = await startSite('  - { pool: one, max_body: 10 }\n  - { path: /big/, pool: one, max_body: 1k }\n', ['one']);
    const big = { method: 'POST', body: 'x'.repeat(100) };
    expect((await ask(site.path, big)).status).toBe(413);
    expect((await ask(site.path, { ...big, path: '/big/' })).status).toBe(200);
  });
});

describe('a worker', () => {
  it('is told where its application is mounted', async () => {
    const site = await startSite('  - { path: /app, pool: one, strip_prefix: /app/ }\n', ['one']);
    const seen = async (path: string) => {
      expect((await ask(site.path, { path })).status).toBe(200);
      const params = site.last.get('one');
      return [params?.get('SCRIPT_NAME'), params?.get('PATH_INFO'), params?.get('REQUEST_URI')];
    };
    expect(await seen('/app/x%20y?a')).toEqual(['/app', '/x y', '/app/x%20y?a']);
    expect(await seen('/app')).toEqual(['/app', '', '/app']);
    expect(await seen('/apple')).toEqual(['', '/apple', '/apple']);
  });

  it('gets parameters with variables filled in', async () => {
    const site = await startSite(
      `  - { path_regex: '^/(?<lang>[a-z]{2})/([^/]*)', pool: one, root: /srv/www/, params: { A: '$lang|$2|$uri|$request_uri', B: '\${Z:-$}$args$is_args$arg_b', C: '$http_x_a|$cookie_sid', D: $document_root$fastcgi_script_name, PATH_INFO: '' } }\n`,
      ['one'],
    );
    await ask(site.path, { path: '/de/a%2Fb%20c?b=1&c', headers: { 'X-A': 'x, y', Cookie: 'a=1; sid=2' } });
    const params = site.last.get('one');
    expect(['A', 'B', 'C', 'D', 'PATH_INFO'].map((name) => params?.get(name))).toEqual([
      'de|a|/de/a/b c|/de/a%2Fb%20c?b=1&c',
      '$b=1&c?1',
      'x, y|2',
      '/srv/www/de/a/b c',
      '',
    ]);
  });

  it('gets variables in --param as well', async () => {
    let seen: string | undefined;
    const worker = await fakeWorker((reply) => {
      seen = reply.request.params.get('ASKED');
      reply.stdout('Content-Type: text/plain\r\n\r\nok');
      reply.end();
    });
    const { path } = await startProxy(['--upstream', worker.path, '--param', 'ASKED=$request_method $uri for 5$$']);
    await ask(path, { path: '/a%20b' });
    expect(seen).toBe('GET /a b for 5$');
  });

  it('gets the headers that the route leaves and those that it sets, whatever the client says', async () => {
    const site = await startSite(
      '  - { pool: one, request_headers: { set: { X-Real-IP: $remote_addr, X-User: none }, hide: [Cookie, X-Secret] } }\n',
      ['one'],
    );
    await ask(site.path, {
      headers: { 'x-real-ip': '6.6.6.6', 'X-User': 'root', Cookie: 'a=1', 'X-Secret': 's', Accept: '*/*' },
    });
    const params = site.last.get('one');
    const names = ['HTTP_X_REAL_IP', 'HTTP_X_USER', 'HTTP_COOKIE', 'HTTP_X_SECRET', 'HTTP_ACCEPT'];
    expect(names.map((name) => params?.get(name))).toEqual(['unix:', 'none', undefined, undefined, '*/*']);
  });
});

describe('a client', () => {
  it('gets the headers of an answer as the route changes them, its own pages too', async () => {
    const directory = writeFiles({
      'f.yaml': [
        'pools: { one: { upstreams: [./one.sock], retry: { attempts: 1 } } }',
        'routes:',
        '  - pool: one',
        '    response_headers: { set: { X-Frame-Options: DENY, X-Path: "$uri" }, hide: [X-Powered-By, Server] }',
        '  - { path: /here, respond: 204, response_headers: { set: { X-Path: $uri } } }\n',
      ].join('\n'),
    });
    await fakeWorker(
      (reply) => {
        if (reply.request.params.get('REQUEST_URI') === '/bad') reply.stdout('no head');
        else reply.stdout('X-Powered-By: a\r\nx-frame-options: ALLOW\r\nServer: b\r\nX-Kept: c\r\n\r\nbody');
        reply.end();
      },
      { path: join(directory, 'one.sock') },
    );
    const { path } = await startProxy(['--config', join(directory, 'f.yaml')]);
    const { headers } = await ask(path, { path: '/a%0Bb'.replace('%0B', '%20') });
    expect(headers).toMatchObject({ 'x-frame-options': 'DENY', 'x-kept': 'c', 'x-path': '/a b' });
    expect(Object.keys(headers).filter((name) => ['server', 'x-powered-by'].includes(name))).toEqual([]);
    const failed = await ask(path, { path: '/bad' });
    expect([failed.status, failed.headers['x-frame-options'], failed.headers['x-path']]).toEqual([502, 'DENY', '/bad']);
    const here = await ask(path, { path: '/here' });
    expect([here.status, here.headers['x-path'], here.headers['content-length'], here.body.length]).toEqual([
      204,
      '/here',
      undefined,
      0,
    ]);
  });

  it('gets pages in place of what the worker says, and of what fcgi-lb says, with the same status', async () => {
    const page = '<h1>sorry</h1>';
    const directory = writeFiles({
      'sorry.html': page,
      'f.yaml':
        'pools: { one: { upstreams: [./one.sock], retry: { attempts: 1 } } }\nroutes:\n  - { pool: one, max_body: 1, error_pages: { 404: sorry.html, 5xx: sorry.html, 413: sorry.html } }\n  - { path: /gone, respond: 404, error_pages: { 404: sorry.html } }\n',
    });
    const worker = await fakeWorker(
      (reply) => {
        const status = reply.request.params.get('QUERY_STRING') ?? '';
        if (status === 'none') reply.stdout('no head');
        else if (status === 'cut') reply.stdout('Status: 500\r\n\r\nhalf');
        else
          reply.stdout(
            `Status: ${status}\r\nContent-Type: text/plain\r\nContent-Encoding: gzip\r\nContent-Length: 2000\r\nETag: "x"\r\nX-Kept: a\r\n\r\n${'secret '.repeat(1000).slice(0, 2000)}`,
          );
        if (status === 'cut') reply.socket.destroy();
        else reply.end();
      },
      { path: join(directory, 'one.sock') },
    );
    expect(worker.path).toContain('one.sock');
    const { path } = await startProxy(['--config', join(directory, 'f.yaml')]);
    for (const [query, status] of [
      ['404', 404],
      ['500', 500],
      ['none', 502],
      ['cut', 502],
    ] as const) {
      const answer = await ask(path, { path: `/?${query}` });
      expect([query, answer.status, answer.body.toString(), answer.complete]).toEqual([query, status, page, true]);
      expect(answer.headers).toMatchObject({ 'content-type': 'text/html; charset=utf-8', 'content-length': String(page.length) });
      expect([answer.headers['content-encoding'], answer.headers.etag]).toEqual([undefined, undefined]);
      if (query === '404') expect(answer.headers['x-kept']).toBe('a');
    }
    expect((await ask(path, { path: '/?403' })).body.toString()).toContain('secret');
    expect((await ask(path, { method: 'POST', body: 'xx' })).body.toString()).toBe(page);
    expect((await ask(path, { path: '/gone' })).body.toString()).toBe(page);
    const head = await ask(path, { path: '/?404', method: 'HEAD' });
    expect([head.status, head.headers['content-length'], head.body.length]).toEqual([404, String(page.length), 0]);
  });

  it('is redirected with variables filled in, and never to where a path leads on its own', async () => {
    const site = await startSite(
      [
        '  - { host: old.example, redirect: { to: "https://new.example$request_uri", status: 308 } }',
        '  - { path: /uri/, redirect: "https://$host$uri" }',
        '  - { path: /raw/, redirect: "$request_uri" }',
        '  - { path_regex: "^/t/([0-9]+)(.*)$", redirect: "/Ticket.html?id=$1&rest=$2" }\n',
      ].join('\n'),
      [],
    );
    const location = async (path: string, host = 'a.example'): Promise<unknown> => {
      const { status, headers } = await ask(site.path, { path, headers: { Host: host } });
      return [status, headers.location];
    };
    expect(await location('//x/%2e./a%20b?c=%0d%0a', 'old.example')).toEqual([308, 'https://new.example//x/%2e./a%20b?c=%0d%0a']);
    expect(await location('/uri/a%20b%3fc%23%25"\u00e9'.replace('"\u00e9', '%22%C3%A9'))).toEqual([
      302,
      'https://a.example/uri/a%20b%3Fc%23%25%22%C3%A9',
    ]);
    expect(await location('//raw/../raw/x')).toEqual([302, '/raw/../raw/x']);
    expect(await location('/t/12/%3Fa')).toEqual([302, '/Ticket.html?id=12&rest=/%3Fa']);
    expect((await ask(site.path, { path: '/uri/%0d%0aSet-Cookie:a' })).status).toBe(400);
  });

  it('gets fixed answers with their status, headers and body, whatever it sends', async () => {
    const site = await startSite(
      '  - { respond: { status: 503, headers: { Retry-After: 60, Content-Type: text/html }, body: "sp\u00e4ter\\n" } }\n  - { path: /ok, respond: { body: "$uri" } }\n  - { path: /no, respond: 403 }\n',
      [],
    );
    const answer = await ask(site.path, { method: 'POST', body: 'x'.repeat(1000) });
    expect([answer.status, answer.body.toString(), answer.headers['retry-after'], answer.headers['content-type']]).toEqual([
      503,
      'sp\u00e4ter\n',
      '60',
      'text/html',
    ]);
    expect(await body(site.path, { path: '/ok' })).toBe('$uri');
    expect(await body(site.path, { path: '/no' })).toBe('403 Forbidden\n');
    const head = await ask(site.path, { path: '/ok', method: 'HEAD' });
    expect([head.status, head.headers['content-length'], head.body.length]).toEqual([200, '4', 0]);
    expect(await site.accessLine(1)).toMatchObject({ status: 503, upstream: undefined, attempts: 0, error: undefined });
  });

  it('may ask for several local answers on one connection, until it sends a body that nobody reads', async () => {
    const site = await startSite('  - { respond: { body: a } }\n', []);
    const client = testClient(site.path);
    const get = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
    client.write(`${get}${get}POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc`);
    const { received } = await client.closed;
    expect(received.match(/HTTP\/1\.1 200 OK/g)?.length).toBe(3);
    const bad = testClient(site.path);
    bad.write('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n');
    expect(await bad.until((text) => text.includes('\r\n\r\n'))).toMatch(/^HTTP\/1\.1 400 /);
  });
});
