// Requests that are asked again because of the status of their answer, and the page that is kept
// where that must not be.

import { describe, expect, it } from 'vitest';
import { RETRY_DEFAULTS } from '../../src/config/defaults.ts';
import type { RetryClass, RetrySettings } from '../../src/config/settings.ts';
import { endRecord, type Handler } from '../peers/fastcgi-server.ts';
import { ask, testClient } from '../support/clients/http-client.ts';
import { eventually } from '../support/eventually.ts';
import { startProxy, withPool } from '../support/program/proxy.ts';
import { answering, type FakeWorker, fakeWorker } from '../support/servers/fake-worker.ts';

const answeringWith =
  (status: number, body: string): Handler =>
  (reply) => {
    reply.stdout(`Status: ${status} Sorry\r\nContent-Type: text/plain\r\nX-Own: yes\r\n\r\n${body}`);
    reply.end();
  };

/** The operator wants 503 asked again, and what is given. */
const asking = (retry: Partial<RetrySettings> = {}) =>
  withPool({ retry: { ...RETRY_DEFAULTS, statuses: new Set([503]), ...retry } });

/**
 * A worker of one slot for each handler, asked in this order; `journal` says which one was asked,
 * by its number.
 */
async function workers(handlers: readonly Handler[]): Promise<{ readonly words: readonly string[]; readonly journal: number[] }> {
  const journal: number[] = [];
  const started: FakeWorker[] = [];
  for (const [number, handler] of handlers.entries()) {
    started.push(
      await fakeWorker((reply) => {
        journal.push(number);
        return handler(reply);
      }),
    );
  }
  const paths = started.map(({ path }) => path);
  return { journal, words: ['--upstream', ...paths, '--balance', 'first', '--max-conns', '1'] };
}

const SORRY = answeringWith(503, 'the page of the worker');
const WELL = answering('well');

describe('an answer with a status that is asked for again', () => {
  it('sends a GET to another worker, and the client sees only that answer', async () => {
    const { words, journal } = await workers([SORRY, WELL]);
    const proxy = await startProxy(words, asking());
    const answer = await ask(proxy.path);
    expect([answer.status, answer.body.toString(), answer.headers['x-own']]).toEqual([200, 'well', undefined]);
    expect(journal).toEqual([0, 1]);
    expect(await proxy.accessLine(1)).toMatchObject({ status: 200, attempts: 2, error: undefined });
  });

  it('frees the slot of the worker whose answer was dropped, however long that answer is', async () => {
    const endless: Handler = (reply) => {
      reply.stdout(`Status: 503 Sorry\r\nContent-Type: text/plain\r\n\r\n${'x'.repeat(2_000_000)}`);
      reply.end();
    };
    const { words } = await workers([endless, WELL]);
    const proxy = await startProxy(words, asking());
    expect((await ask(proxy.path)).status).toBe(200);
    await eventually(() => expect([...proxy.program.pool.upstreams].map(({ inFlight }) => inFlight)).toEqual([0, 0]));
  });

  it('is kept for a POST: head, page and all', async () => {
    const { words, journal } = await workers([SORRY, WELL]);
    const proxy = await startProxy(words, asking());
    const answer = await ask(proxy.path, { method: 'POST', body: 'pay once' });
    expect([answer.status, answer.reason, answer.body.toString()]).toEqual([503, 'Sorry', 'the page of the worker']);
    expect(answer.headers['x-own']).toBe('yes');
    expect(journal).toEqual([0]);
    expect(await proxy.accessLine(1)).toMatchObject({ status: 503, attempts: 1, error: undefined });
  });

  it('sends a POST elsewhere if the operator says that it does no harm, body and all', async () => {
    const echo: Handler = (reply) => {
      reply.stdout(`Content-Type: text/plain\r\n\r\n${reply.request.body.toString()}`);
      reply.end();
    };
    const { words, journal } = await workers([SORRY, echo]);
    const proxy = await startProxy(words, asking({ nonIdempotent: true }));
    const body = 'b'.repeat(200_000);
    const answer = await ask(proxy.path, { method: 'POST', body });
    expect([answer.status, answer.body.toString() === body]).toEqual([200, true]);
    expect(journal).toEqual([0, 1]);
  });

  it('is kept once the attempts are used up: the page of the last worker', async () => {
    const { words, journal } = await workers([0, 1, 2, 3].map((number) => answeringWith(503, `page ${number}`)));
    const proxy = await startProxy(words, asking({ attempts: 3 }));
    const answer = await ask(proxy.path);
    expect([answer.status, answer.body.toString()]).toEqual([503, 'page 2']);
    expect(journal).toEqual([0, 1, 2]);
    expect(await proxy.accessLine(1)).toMatchObject({ status: 503, attempts: 3, error: undefined });
  });

  it('is kept by the only worker there is, after it was asked as often as that', async () => {
    const { words, journal } = await workers([SORRY]);
    const proxy = await startProxy(words, asking({ attempts: 2 }));
    expect((await ask(proxy.path)).body.toString()).toBe('the page of the worker');
    expect(journal).toEqual([0, 0]);
  });

  it('is kept when the budget is spent', async () => {
    const { words, journal } = await workers([SORRY, WELL]);
    const proxy = await startProxy(words, asking({ budget: 0 }));
    const answer = await ask(proxy.path);
    expect([answer.status, answer.body.toString()]).toEqual([503, 'the page of the worker']);
    expect(journal).toEqual([0]);
  });

  it('is asked for again a hundred times from the reserve, and then only for every fourth request', async () => {
    const { words } = await workers([SORRY, WELL]);
    const proxy = await startProxy(words, asking({ budget: 0.25 }));
    const statuses: number[] = [];
    for (let i = 0; i < 200; i += 1) statuses.push((await ask(proxy.path)).status);
    const first = statuses.indexOf(503);
    expect(first).toBeGreaterThanOrEqual(100);
    expect(statuses.slice(first).join(' ')).toMatch(/^(503 ){1,3}200 (503 503 503 200 ){10}/);
  });

  it('is kept when the body has gone by already: it was streamed', async () => {
    const { words, journal } = await workers([SORRY, WELL]);
    const proxy = await startProxy([...words, '--request-buffering', 'off'], asking({ nonIdempotent: true }));
    const client = testClient(proxy.path);
    client.write('PUT / HTTP/1.1\r\nHost: test.example\r\nContent-Length: 100000\r\nConnection: close\r\n\r\n');
    client.write(Buffer.alloc(100_000, 'x'));
    const { received } = await client.closed;
    expect(received).toContain('HTTP/1.1 503 Sorry');
    expect(received).toContain('the page of the worker');
    expect(journal).toEqual([0]);
  });

  it('is passed on when it is another status than those', async () => {
    const { words, journal } = await workers([answeringWith(502, 'bad'), WELL]);
    const proxy = await startProxy(words, asking());
    expect((await ask(proxy.path)).status).toBe(502);
    expect(journal).toEqual([0]);
  });

  it('is not the last word when a later attempt fails otherwise', async () => {
    const { words, journal } = await workers([SORRY, (reply) => void reply.socket.destroy()]);
    const proxy = await startProxy(words, asking({ attempts: 2 }));
    expect((await ask(proxy.path)).status).toBe(502);
    expect(journal).toEqual([0, 1]);
    expect(await proxy.accessLine(1)).toMatchObject({ status: 502, attempts: 2, error: 'FCGI_LB_UPSTREAM_CLOSED' });
  });

  it('says nothing against the upstream: it stays up, and answers again afterwards', async () => {
    const { words } = await workers([SORRY, WELL]);
    const proxy = await startProxy(words, asking({ budget: 1 }));
    for (let i = 0; i < 10; i += 1) expect((await ask(proxy.path)).status).toBe(200);
    expect([...proxy.program.pool.upstreams].map(({ state }) => state.is)).toEqual(['up', 'up']);
  });
});

describe('without its class in retry.on', () => {
  const failing: ReadonlyArray<readonly [RetryClass, Handler, number]> = [
    ['closed', (reply) => void reply.socket.destroy(), 502],
    ['invalid_header', (reply) => reply.raw(Buffer.from('HTTP/1.1 200 OK\r\n\r\n')), 502],
    ['busy', (reply) => reply.raw(endRecord(0, 2, reply.request.id)), 503],
    ['timeout', () => undefined, 504],
  ];
  for (const [left, handler, status] of failing) {
    it(`${left} is the end of the request`, async () => {
      const { words, journal } = await workers([handler, WELL]);
      const on = new Set([...RETRY_DEFAULTS.on].filter((each) => each !== left));
      const proxy = await startProxy([...words, '--read-timeout', '80ms'], withPool({ retry: { ...RETRY_DEFAULTS, on } }));
      expect((await ask(proxy.path)).status).toBe(status);
      expect(journal).toEqual([0]);
    });
  }

  it('connect is the end of the request', async () => {
    const { words, journal } = await workers([WELL]);
    const on = new Set([...RETRY_DEFAULTS.on].filter((each) => each !== 'connect'));
    const missing = '/nonexistent/worker.sock';
    const proxy = await startProxy(['--upstream', missing, ...words.slice(1)], withPool({ retry: { ...RETRY_DEFAULTS, on } }));
    expect((await ask(proxy.path)).status).toBe(502);
    expect(journal).toEqual([]);
  });
});

describe('what does not count as an attempt', () => {
  it('is what a worker says that it has not begun', async () => {
    const { words, journal } = await workers([(reply) => reply.raw(endRecord(0, 2, reply.request.id)), WELL]);
    const proxy = await startProxy([...words, '--attempts', '1']);
    expect((await ask(proxy.path)).status).toBe(200);
    expect(journal).toEqual([0, 1]);
    expect(await proxy.accessLine(1)).toMatchObject({ attempts: 1 });
  });

  it('is a kept connection that turns out to be closed: a fresh one takes its place', async () => {
    let requests = 0;
    const worker = await fakeWorker((reply) => {
      requests += 1;
      if (reply.request.id > 1) reply.socket.destroy();
      else answering('well')(reply);
    });
    const proxy = await startProxy(['--upstream', worker.path, '--keepalive', '30s', '--max-conns', '1', '--attempts', '1']);
    expect((await ask(proxy.path)).status).toBe(200);
    expect((await ask(proxy.path)).status).toBe(200);
    expect([requests, worker.connections()]).toEqual([3, 2]);
    expect(await proxy.accessLine(2)).toMatchObject({ attempts: 1 });
  });
});
