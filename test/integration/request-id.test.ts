// One name for one request: for the worker, over every attempt, in both logs, from a client only
// when it is trusted.

import { describe, expect, it } from 'vitest';
import { RETRY_DEFAULTS } from '../../src/config/defaults.ts';
import type { Settings } from '../../src/config/settings.ts';
import { createAccessLog } from '../../src/http/access-log/access-log.ts';
import type { Handler } from '../peers/fastcgi-server.ts';
import { ask } from '../support/clients/http-client.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { startProxy, type Proxy as TestProxy, withPool } from '../support/program/proxy.ts';
import { answer, answering, fakeWorker } from '../support/servers/fake-worker.ts';
import { httpUpstream } from '../support/servers/http-server.ts';

const OURS = /^[0-9a-f]{32}$/;

const trusting = (settings: Settings): Settings => ({
  ...settings,
  requestId: { header: 'X-Request-ID', trust: [{ kind: 'unix' }] },
});

/** Keeps a parameter of each request, and answers. */
function keeping(name: string, kept: (string | undefined)[], handler: Handler = answering('fine')): Handler {
  return (reply) => {
    kept.push(reply.request.params.get(name));
    return handler(reply);
  };
}

/** The lines of the program's log that name a request. */
function named(proxy: TestProxy, id: string): string[] {
  return proxy.log.filter(({ fields }) => fields['request_id'] === id).map(({ message }) => message);
}

describe('the name of a request', () => {
  it('is made here, whatever a client says, and given to the worker once, as HTTP_X_REQUEST_ID', async () => {
    const kept: (string | undefined)[] = [];
    const all: string[][] = [];
    const worker = await fakeWorker(
      keeping('HTTP_X_REQUEST_ID', kept, (reply) => {
        all.push([...reply.request.params.keys()]);
        answer(reply, 'fine');
      }),
    );
    const proxy = await startProxy(['--upstream', worker.path, '--max-conns', '1']);
    for (let i = 0; i < 3; i += 1) await ask(proxy.path, { headers: { 'X-Request-ID': 'theirs' } });
    for (const id of kept) expect(id).toMatch(OURS);
    expect(new Set(kept).size).toBe(3);
    expect(all[0]?.filter((name) => name === 'HTTP_X_REQUEST_ID')).toHaveLength(1);
    expect(proxy.access.map(({ requestId }) => requestId)).toEqual(kept);
  });

  it('is that of a trusted client, in both logs, with what the worker writes to STDERR', async () => {
    const kept: (string | undefined)[] = [];
    const worker = await fakeWorker(
      keeping('HTTP_X_REQUEST_ID', kept, (reply) => {
        reply.stderr('oh no\n');
        reply.stdout('No-Colon\r\n\r\n');
        reply.end();
      }),
    );
    const proxy = await startProxy(['--upstream', worker.path, '--max-conns', '1', '--attempts', '1'], trusting);
    expect((await ask(proxy.path, { headers: { 'x-request-id': 'from-nginx.1' } })).status).toBe(502);
    expect(kept).toEqual(['from-nginx.1']);
    expect(await proxy.accessLine(1)).toMatchObject({ requestId: 'from-nginx.1', status: 502 });
    expect(named(proxy, 'from-nginx.1')).toEqual(['worker wrote to STDERR', expect.stringContaining('head')]);
  });

  it('of a trusted client is replaced when it could be taken for something else', async () => {
    const kept: (string | undefined)[] = [];
    const worker = await fakeWorker(keeping('HTTP_X_REQUEST_ID', kept));
    const proxy = await startProxy(['--upstream', worker.path, '--max-conns', '1'], trusting);
    for (const bad of ['a b', '"', 'x'.repeat(129), '']) await ask(proxy.path, { headers: { 'X-Request-ID': bad } });
    await ask(proxy.path, { headers: { 'X-Request-ID': ['a', 'b'] } });
    expect(kept).toHaveLength(5);
    for (const id of kept) expect(id).toMatch(OURS);
  });

  it('is the same over all attempts, of which the access log has each', async () => {
    const kept: (string | undefined)[] = [];
    const bad = await fakeWorker(
      keeping('HTTP_X_REQUEST_ID', kept, (reply) => {
        reply.stdout('Status: 503 Sorry\r\nContent-Type: text/plain\r\n\r\nsorry');
        reply.end();
      }),
    );
    const good = await fakeWorker(keeping('HTTP_X_REQUEST_ID', kept));
    const words = ['--upstream', bad.path, good.path, '--balance', 'first', '--max-conns', '1'];
    const proxy = await startProxy(words, withPool({ retry: { ...RETRY_DEFAULTS, statuses: new Set([503]) } }));
    expect((await ask(proxy.path)).status).toBe(200);
    const entry = await proxy.accessLine(1);
    expect(kept).toEqual([entry.requestId, entry.requestId]);
    expect(named(proxy, entry.requestId ?? '')).toEqual([
      expect.stringContaining('trying again'),
      expect.stringContaining('has answered the request'),
    ]);
    const lines: string[] = [];
    const format = '$upstream_addr|$upstream_status|$upstream_response_time|$pool|$upstream_attempts|$status';
    createAccessLog(format, new FakeClock(), (line) => void lines.push(line))(entry);
    expect(lines[0]).toMatch(
      new RegExp(`^${bad.path}, ${good.path}\\|503, 200\\|\\d\\.\\d{3}, \\d\\.\\d{3}\\|default\\|2\\|200\\n$`),
    );
  });

  it('goes to HTTP upstreams in place of what an untrusted client says', async () => {
    const upstream = await httpUpstream((_request, response) => response.end('ok'));
    const proxy = await startProxy(['--upstream', upstream.address]);
    await ask(proxy.path, { headers: { 'x-request-id': 'theirs' } });
    const entry = await proxy.accessLine(1);
    expect(entry.requestId).toMatch(OURS);
    expect(upstream.seen.map(({ headers }) => headers['x-request-id'])).toEqual([entry.requestId]);
  });

  it('can go by another header, or by none, and into headers of the answer and parameters', async () => {
    const kept: (string | undefined)[] = [];
    const worker = await fakeWorker(
      keeping('HTTP_X_REQUEST_ID', kept, (reply) => {
        kept.push(reply.request.params.get('HTTP_X_TRACE'), reply.request.params.get('UNIQUE_ID'));
        answer(reply, 'fine');
      }),
    );
    const with_ = (header: string | undefined) => (settings: Settings) => ({
      ...settings,
      requestId: { header, trust: [] },
      routes: settings.routes.map((route) => ({
        ...route,
        responseHeaders: { set: new Map([['X-Request-ID', '$request_id']]), hide: new Set<string>() },
      })),
    });
    const words = ['--upstream', worker.path, '--max-conns', '1', '--param', 'UNIQUE_ID=$request_id'];
    const other = await startProxy(words, with_('X-Trace'));
    const answered = await ask(other.path, { headers: { 'X-Request-ID': 'theirs', 'X-Trace': 'theirs' } });
    const id = answered.headers['x-request-id'];
    expect(id).toMatch(OURS);
    expect(kept.splice(0)).toEqual(['theirs', id, id]);
    const none = await startProxy(words, with_(undefined));
    const second = await ask(none.path, { headers: { 'X-Request-ID': 'theirs', 'X-Trace': 'theirs' } });
    expect(kept).toEqual(['theirs', 'theirs', second.headers['x-request-id']]);
  });

  it('is given to requests that fail before any worker, too', async () => {
    const worker = await fakeWorker(answering('fine'));
    const proxy = await startProxy(['--upstream', worker.path, '--log-level', 'debug']);
    expect((await ask(proxy.path, { path: '/%zz' })).status).toBe(400);
    const { requestId } = await proxy.accessLine(1);
    expect(requestId).toMatch(OURS);
    expect(named(proxy, requestId ?? '')).toHaveLength(1);
  });
});

describe('traceparent', () => {
  it.each(['00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01', 'not a trace', '00-0-0-0'])(
    'goes to workers and upstreams as it came: %s',
    async (traceparent) => {
      const kept: (string | undefined)[] = [];
      const worker = await fakeWorker(keeping('HTTP_TRACEPARENT', kept));
      const upstream = await httpUpstream((_request, response) => response.end('ok'));
      for (const address of [worker.path, upstream.address]) {
        const proxy = await startProxy(['--upstream', address]);
        await ask(proxy.path, { headers: { traceparent } });
        const lines: string[] = [];
        createAccessLog('$http_traceparent', new FakeClock(), (line) => void lines.push(line))(await proxy.accessLine(1));
        expect(lines).toEqual([`${traceparent}\n`]);
      }
      expect([...kept, upstream.seen[0]?.headers['traceparent']]).toEqual([traceparent, traceparent]);
    },
  );
});
