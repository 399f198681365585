// The counts of GET /status are those of what clients and workers saw.

import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ask, rawClient } from '../support/clients/http-client.ts';
import { eventually } from '../support/eventually.ts';
import { eventful } from '../support/program/eventful.ts';
import { poolsFile, reloadable } from '../support/program/reloadable.ts';
import { answer, answering, fakeWorker, holding } from '../support/servers/fake-worker.ts';
import { deadSocket } from '../support/servers/sockets.ts';
import { tempDir } from '../support/temp-dir.ts';

const ISO = expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/);
const TIMES = { p50: expect.any(Number), p90: expect.any(Number), p99: expect.any(Number) };

describe('GET /status', () => {
  it('tells of a failure, a retry, a wait, a refusal, probes and a bad reload', async () => {
    const { status, upstreamStatus, broken, good, admin, proxy } = await eventful();
    const { pools, listeners, active, recent, process } = status();
    expect(pools[0]).toMatchObject({
      name: 'rt',
      balance: 'first',
      requests: 3,
      statuses: { '1xx': 0, '2xx': 2, '3xx': 0, '4xx': 0, '5xx': 1, other: 0 },
      retries: 1,
      queue: { waiting: 0, oldest_ms: null, waited: 1, wait_ms: TIMES, rejected: { FCGI_LB_QUEUE_FULL: 1 } },
      head_ms: TIMES,
      total_ms: TIMES,
    });
    expect(upstreamStatus(broken)).toMatchObject({
      state: { is: 'down' },
      ...{ weight: 1, backup: false, requests: 1, errors: { FCGI_LB_UPSTREAM_CLOSED: 1 }, retries: 1, head_ms: null },
      last_probe: { at: ISO, result: 'good', reason: 'answered well', ms: expect.any(Number) },
    });
    expect(upstreamStatus(good)).toMatchObject({ requests: 2, errors: {}, retries: 0, head_ms: TIMES });
    expect(active).toBe(0);
    expect(listeners).toEqual([
      { address: proxy.path, door: 'public' },
      { address: admin, door: 'admin' },
    ]);
    expect(process).toMatchObject({ resident_bytes: expect.any(Number), cpu_seconds: expect.any(Number) });
    expect(process.open_fds).toBeGreaterThan(5);
    expect(recent.find(({ kind }) => kind === 'reload')).toMatchObject({
      at: ISO,
      kind: 'reload',
      is: 'bad',
      by: 'a test',
      problems: expect.arrayContaining([expect.stringContaining("pools: found 'nothing'")]),
    });
    expect(recent.map(({ kind, is }) => `${kind} ${is}`)).toEqual(expect.arrayContaining(['member joined', 'state down']));
    expect(recent.map(({ at }) => at)).toEqual(
      recent
        .map(({ at }) => at)
        .sort()
        .reverse(),
    );
  });

  it('shows who waits, how long, and what is active', async () => {
    const { handler, next } = holding();
    const worker = await fakeWorker(handler);
    const { proxy, pool, status } = await reloadable(poolsFile({ rt: `{ upstreams: [${worker.path}], max_conns: 1 }` }));
    const held = ask(proxy.path);
    const reply = await next();
    const waits = ask(proxy.path);
    await eventually(() => expect(pool('rt').queue).toMatchObject({ waiting: 1, oldest_ms: expect.any(Number), waited: 0 }));
    expect(status().active).toBe(2);
    const { oldest_ms: before } = pool('rt').queue;
    await eventually(() => expect(pool('rt').queue.oldest_ms).toBeGreaterThan(before ?? 0));
    answer(reply, 'first');
    answer(await next(), 'second');
    await Promise.all([held, waits]);
  });

  it('counts a client that left as 499, and what its worker was at as no error', async () => {
    const { handler, next } = holding();
    const worker = await fakeWorker(handler);
    const { proxy, pool, upstreamStatus } = await reloadable(poolsFile({ rt: `{ upstreams: [${worker.path}] }` }));
    const client = await rawClient(proxy.path);
    client.socket.write('GET / HTTP/1.1\r\nHost: test.example\r\n\r\n');
    const reply = await next();
    client.socket.destroy();
    await proxy.accessLine(1);
    expect(pool('rt')).toMatchObject({ requests: 1, statuses: { '4xx': 1 }, head_ms: null, total_ms: TIMES });
    reply.end();
    await eventually(() => expect(upstreamStatus(worker.path)).toMatchObject({ in_flight: 0, requests: 1, errors: {} }));
  });

  it('counts an error once, though it is also how the request ends, and errors that only the answer shows', async () => {
    const worker = await fakeWorker((reply) => {
      if (reply.request.params.get('REQUEST_URI') === '/short') reply.stdout('Content-Length: 9\r\n\r\nshort');
      else reply.stdout('no head at all\r\n\r\n');
      reply.end();
    });
    const { proxy, upstreamStatus, pool } = await reloadable(
      poolsFile({ rt: `{ upstreams: [${worker.path}], retry: { attempts: 1 } }` }),
    );
    expect((await ask(proxy.path, { method: 'POST' })).status).toBe(502);
    await ask(proxy.path, { method: 'POST', path: '/short' }).catch(() => undefined);
    await proxy.accessLine(2);
    expect(upstreamStatus(worker.path).errors).toEqual({ FCGI_LB_UPSTREAM_BAD_HEAD: 1, FCGI_LB_UPSTREAM_SHORT_BODY: 1 });
    expect(pool('rt')).toMatchObject({ requests: 2, retries: 0, statuses: { '2xx': 0, '5xx': 2 } });
  });

  it('counts each try at a socket where nobody listens, and the wait until somebody does', async () => {
    const path = join(tempDir(), 'w.sock');
    await deadSocket(path);
    const { proxy, pool, upstreamStatus } = await reloadable(poolsFile({ rt: `{ upstreams: [${path}] }` }));
    const waiting = ask(proxy.path);
    await eventually(() => expect(upstreamStatus(path).errors.FCGI_LB_CONNECT_REFUSED).toBeGreaterThan(1));
    rmSync(path);
    await fakeWorker(answering('back'), { path });
    expect((await waiting).status).toBe(200);
    await proxy.accessLine(1);
    const { requests, errors, retries } = upstreamStatus(path);
    const failures = Object.values(errors).reduce((sum, count) => sum + count, 0);
    expect({ retries, requests }).toEqual({ retries: failures, requests: failures + 1 });
    expect(pool('rt')).toMatchObject({ requests: 1, retries: failures, statuses: { '2xx': 1 } });
  });

  it('counts what the queue says for the pool, not for the upstream that was tried before', async () => {
    const path = join(tempDir(), 'w.sock');
    await deadSocket(path);
    const { proxy, pool, upstreamStatus } = await reloadable(
      poolsFile({ rt: `{ upstreams: [${path}], queue: { timeout: 200ms } }` }),
    );
    expect((await ask(proxy.path)).status).toBe(503);
    await proxy.accessLine(1);
    expect(Object.keys(upstreamStatus(path).errors)).toEqual(['FCGI_LB_CONNECT_REFUSED']);
    expect(pool('rt').queue.rejected).toEqual({ FCGI_LB_QUEUE_TIMEOUT: 1 });
  });

  it('goes on counting after a reload', async () => {
    const worker = await fakeWorker(answering('fine'));
    const yaml = poolsFile({ rt: `{ upstreams: [${worker.path}] }` });
    const { proxy, pool, upstreamStatus, reload } = await reloadable(yaml);
    await ask(proxy.path);
    await proxy.accessLine(1);
    await reload(`${yaml}\nlisten: ["${proxy.path}"]`);
    await ask(proxy.path);
    await proxy.accessLine(2);
    expect([pool('rt').requests, upstreamStatus(worker.path).requests]).toEqual([2, 2]);
  });
});
