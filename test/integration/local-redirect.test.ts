// Local redirects (RFC 3875 6.2.2): a Location that is a path and nothing else is followed here,
// the client sees one answer.

import { describe, expect, it } from 'vitest';
import type { Reply, SeenRequest } from '../peers/fastcgi-server.ts';
import { ask } from '../support/clients/http-client.ts';
import { startProxy } from '../support/program/proxy.ts';
import { answer, fakeWorker } from '../support/servers/fake-worker.ts';

/** A worker whose answer to each path is given; anything else is answered with the path itself. */
async function redirecting(answers: Readonly<Record<string, string | ((reply: Reply) => void)>>, words: readonly string[] = []) {
  const seen: SeenRequest[] = [];
  const worker = await fakeWorker((reply) => {
    seen.push(reply.request);
    const path = reply.request.params.get('REQUEST_URI') ?? '';
    const found = answers[path];
    if (typeof found === 'function') found(reply);
    else if (found === undefined) answer(reply, `at ${path}`);
    else {
      reply.stdout(found);
      reply.end();
    }
  });
  const proxy = await startProxy(['--upstream', worker.path, '--max-conns', '1', ...words]);
  return { proxy, seen, paths: () => seen.map(({ params }) => params.get('REQUEST_URI')) };
}

describe('a local redirect', () => {
  it('is followed once, with its query', async () => {
    const { proxy, seen, paths } = await redirecting({ '/from?a=1': 'Location: /to/here?b=2&c=%20\n\n' });
    const { status, body, headers } = await ask(proxy.path, { path: '/from?a=1' });
    expect([status, body.toString(), headers.location]).toEqual([200, 'at /to/here?b=2&c=%20', undefined]);
    expect(paths()).toEqual(['/from?a=1', '/to/here?b=2&c=%20']);
    expect(seen[1]?.params.get('QUERY_STRING')).toBe('b=2&c=%20');
    expect(seen[1]?.params.get('PATH_INFO')).toBe('/to/here');
  });

  it('of a POST becomes a GET without body, length and type', async () => {
    const { proxy, seen } = await redirecting({ '/from': 'Location: /to\r\n\r\n' });
    const headers = { 'Content-Type': 'a/b', Cookie: 'c=1' };
    const { status } = await ask(proxy.path, { method: 'POST', path: '/from', body: 'x', headers });
    expect(status).toBe(200);
    const params = seen[1]?.params;
    expect(params?.get('REQUEST_METHOD')).toBe('GET');
    expect(params?.has('CONTENT_LENGTH')).toBe(false);
    expect(params?.has('CONTENT_TYPE')).toBe(false);
    expect(params?.get('HTTP_COOKIE')).toBe('c=1');
    expect(seen[1]?.body.length).toBe(0);
  });

  it('of a large POST, kept in a file, is followed as well', async () => {
    const { proxy } = await redirecting({ '/from': 'Location: /to\r\n\r\n' });
    const { body } = await ask(proxy.path, { method: 'POST', path: '/from', body: Buffer.alloc(300_000) });
    expect(body.toString()).toBe('at /to');
  });

  it('of a HEAD stays a HEAD', async () => {
    const { proxy, seen } = await redirecting({ '/from': 'Location: /to\r\n\r\n' });
    expect((await ask(proxy.path, { method: 'HEAD', path: '/from' })).status).toBe(200);
    expect(seen[1]?.params.get('REQUEST_METHOD')).toBe('HEAD');
  });

  it('to a redirect is followed again', async () => {
    const { proxy } = await redirecting({ '/1': 'Location: /2\r\n\r\n', '/2': 'Location: /3\r\n\r\n' });
    expect((await ask(proxy.path, { path: '/1' })).body.toString()).toBe('at /3');
  });

  it('in a loop ends with 502', async () => {
    const { proxy, seen } = await redirecting({ '/loop': 'Location: /loop\r\n\r\n' });
    expect((await ask(proxy.path, { path: '/loop' })).status).toBe(502);
    expect(seen.length).toBeGreaterThan(1);
    expect(seen.length).toBeLessThan(20);
    expect(await proxy.accessLine(1)).toMatchObject({ error: 'FCGI_LB_UPSTREAM_REDIRECT_LOOP' });
  });

  for (const target of ['/../etc/passwd', '/%00', '/%zz', '/a%0ab']) {
    it(`to ${target} gets 502: the worker, not the client, is wrong`, async () => {
      const { proxy, seen } = await redirecting({ '/from': `Location: ${target}\r\n\r\n` });
      expect((await ask(proxy.path, { path: '/from' })).status).toBe(502);
      expect(seen.length).toBe(1);
    });
  }

  it('whose worker dies before END_REQUEST is not half followed: what the next worker answers counts', async () => {
    let times = 0;
    const { proxy, paths } = await redirecting({
      '/from': (reply) => {
        times += 1;
        if (times > 1) answer(reply, 'a document after all');
        else {
          reply.stdout('Location: /to\r\n\r\n');
          reply.socket.end();
        }
      },
    });
    expect((await ask(proxy.path, { path: '/from' })).body.toString()).toBe('a document after all');
    expect(paths()).toEqual(['/from', '/from']);
  });

  it('waits for a slot like any request', async () => {
    const { proxy } = await redirecting({ '/from': 'Location: /to\r\n\r\n' });
    const answers = await Promise.all(Array.from({ length: 10 }, () => ask(proxy.path, { path: '/from' })));
    expect(answers.every(({ body }) => body.toString() === 'at /to')).toBe(true);
  });
});

describe('a Location that is no local redirect', () => {
  for (const [what, head, location] of [
    ['with another header', 'Location: /to\r\nContent-Type: text/html\r\n\r\n', '/to'],
    ['with an absolute URL', 'Location: https://example.org/to\r\n\r\n', 'https://example.org/to'],
    ['of another host', 'Location: //example.org/to\r\n\r\n', '//example.org/to'],
    ['of a relative path', 'Location: to\r\n\r\n', 'to'],
    ['with a cookie', 'Set-Cookie: a=1\r\nLocation: /to\r\n\r\n', '/to'],
  ] as const) {
    it(`(${what}) goes to the client as 302`, async () => {
      const { proxy, seen } = await redirecting({ '/from': head });
      const { status, headers } = await ask(proxy.path, { path: '/from' });
      expect([status, headers.location]).toEqual([302, location]);
      expect(seen.length).toBe(1);
    });
  }

  it('(with a Status) keeps that status', async () => {
    const { proxy } = await redirecting({ '/from': 'Status: 201 Created\r\nLocation: /to\r\n\r\n' });
    const { status, headers } = await ask(proxy.path, { path: '/from' });
    expect([status, headers.location]).toEqual([201, '/to']);
  });
});
