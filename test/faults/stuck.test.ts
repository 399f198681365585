// Workers that hang: how soon an upstream whose slots are held past every time limit counts as one
// that does not serve.

import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Status } from '../../src/admin/status.ts';
import { startCWorkers } from '../peers/libfcgi.ts';
import { ask, testClient } from '../support/clients/http-client.ts';
import { eventually } from '../support/eventually.ts';
import { itWith } from '../support/program/programs.ts';
import { startProxy, withPool } from '../support/program/proxy.ts';
import { reloadable } from '../support/program/reloadable.ts';
import { answer, answering, fakeWorker, holding, rawWorker } from '../support/servers/fake-worker.ts';
import { tempDir } from '../support/temp-dir.ts';

const itC = itWith('libfcgi', 'spawn-fcgi');
const POST = { method: 'POST', body: 'x' } as const;
const HELD = 'its request has run past the read timeout of 500 ms and still holds the slot';

async function site(words: readonly string[], failFastAfter = 10_000, readTimeout = '500ms') {
  const admin = join(tempDir(), 'admin.sock');
  const all = ['--admin', admin, '--read-timeout', readTimeout, '--balance', 'round-robin', ...words];
  const proxy = await startProxy(all, withPool({ failFastAfter }));
  const states = async () => {
    const status = JSON.parse((await ask(admin, { path: '/status' })).body.toString()) as Status;
    return status.pools[0]?.upstreams.map(({ state }) => `${state.is}: ${state.reason}`) ?? [];
  };
  const ready = async (): Promise<number> => (await ask(admin, { path: '/readyz' })).status;
  return { proxy, states, ready };
}

/** Stops a process as `kill -STOP` does, at the latest until the end of the test. */
function hang(pid: number): () => void {
  process.kill(pid, 'SIGSTOP');
  const goOn = (): void => void process.kill(pid, 'SIGCONT');
  onTestFinished(goOn);
  return goOn;
}

describe('a libfcgi worker that is stopped', () => {
  itC('is down at the read timeout, the other three serve, and it is up again when it goes on', async () => {
    const workers = await startCWorkers(4);
    const { proxy, states, ready } = await site(['--upstream', ...workers.sockets]);
    const up = await states();
    const first = await ask(proxy.path, { path: '/echo' });
    const goOn = hang(Number(first.headers['x-pid']));
    for (let i = 0; i < 8; i += 1) expect((await ask(proxy.path, { path: `/echo?${i}` })).status).toBe(200);
    expect((await states()).sort()).toEqual([`down: ${HELD}`, ...up.slice(1)]);
    expect(await ready()).toBe(200);
    const down = proxy.log.filter(({ message }) => message === 'upstream is down');
    expect(down.map(({ level, fields }) => [level, fields['reason']])).toEqual([['warn', HELD]]);
    const saved = proxy.log.filter(({ fields }) => fields['answered_by'] !== undefined);
    const { upstream } = down[0]?.fields ?? {};
    expect(saved).toMatchObject([{ level: 'info', fields: { upstream, code: 'FCGI_LB_UPSTREAM_READ_TIMEOUT', method: 'GET' } }]);
    goOn();
    await eventually(async () => expect((await states()).sort()).toEqual(['up: its worker shows life again', ...up.slice(1)]));
    for (let i = 0; i < 8; i += 1) expect((await ask(proxy.path, { path: `/echo?${i}` })).status).toBe(200);
  });

  itC('with all others: not ready, and requests are turned away after fail_fast_after, until one goes on', async () => {
    const workers = await startCWorkers(4);
    const { proxy, states, ready } = await site(['--upstream', ...workers.sockets, '--queue-timeout', '60s'], 300);
    const pids = new Set<number>();
    for (let i = 0; i < 8; i += 1) pids.add(Number((await ask(proxy.path, { path: '/echo' })).headers['x-pid']));
    expect(pids.size).toBe(4);
    const goOn = [...pids].map(hang);
    const answers = await Promise.all(workers.sockets.map(() => ask(proxy.path, { ...POST, path: '/echo' })));
    expect(answers.map(({ status }) => status)).toEqual([504, 504, 504, 504]);
    expect(await states()).toEqual(answers.map(() => `down: ${HELD}`));
    expect(await ready()).toBe(503);
    expect((await ask(proxy.path, { ...POST, path: '/echo' })).status).toBe(503);
    expect(proxy.access.at(-1)?.error).toBe('FCGI_LB_POOL_DOWN');
    goOn[0]?.();
    await eventually(async () => expect(await ready()).toBe(200));
    expect((await ask(proxy.path, { ...POST, path: '/echo' })).status).toBe(200);
  });
});

describe('an upstream is stuck', () => {
  it('when its worker has answered half a head', async () => {
    const worker = await fakeWorker((reply) => reply.stdout('Content-Ty'));
    const { proxy, states, ready } = await site(['--upstream', worker.path]);
    expect((await ask(proxy.path, POST)).status).toBe(504);
    expect([await states(), await ready()]).toEqual([[`down: ${HELD}`], 503]);
  });

  it('when its worker reads nothing, at the send timeout', async () => {
    const worker = await rawWorker(() => undefined);
    const { proxy, states, ready } = await site(['--upstream', worker.address, '--max-conns', '1', '--send-timeout', '150ms']);
    const body = Buffer.alloc(10 * 1024 ** 2, 'b');
    expect((await ask(proxy.path, { method: 'POST', body })).status).toBe(504);
    const reason = 'its request has run past the send timeout of 150 ms and still holds the slot';
    expect([await states(), await ready()]).toEqual([[`down: ${reason}`], 503]);
  });

  it('when its client has left and nothing comes for the read timeout', async () => {
    const { handler, next } = holding();
    const worker = await fakeWorker(handler);
    const { proxy, states, ready } = await site(['--upstream', worker.path]);
    const client = testClient(proxy.path);
    client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    const reply = await next();
    client.socket.destroy();
    await proxy.logLine(({ message }) => message === 'upstream is down');
    expect([await states(), await ready()]).toEqual([[`down: ${HELD}`], 503]);
    // A line of STDERR: with STDOUT it would be cut off as a worker that writes to a client that
    // left.
    reply.stderr('still here\n');
    await eventually(async () => expect(await ready()).toBe(200));
    // It says something and falls silent again.
    await eventually(async () => expect(await ready()).toBe(503));
    answer(reply, 'late');
    await eventually(async () => expect([await states(), await ready()]).toEqual([[expect.stringMatching(/^up: /)], 200]));
  });

  it('when its worker closes the connection no longer', async () => {
    const { handler, next } = holding();
    const worker = await fakeWorker(handler);
    const { proxy, ready } = await site(['--upstream', worker.path]);
    expect((await ask(proxy.path, POST)).status).toBe(504);
    expect(await ready()).toBe(503);
    (await next()).socket.destroy();
    await eventually(async () => expect(await ready()).toBe(200));
  });

  it('when all of its slots are held so, not when one is', async () => {
    const { handler, next } = holding();
    const worker = await fakeWorker(handler, { single: false });
    const { proxy, states, ready } = await site(['--upstream', worker.path, '--max-conns', '3']);
    expect((await ask(proxy.path, POST)).status).toBe(504);
    expect([await states(), await ready()]).toEqual([[expect.stringMatching(/^up: /)], 200]);
    expect((await Promise.all([ask(proxy.path, POST), ask(proxy.path, POST)])).map(({ status }) => status)).toEqual([504, 504]);
    const reason = 'all 3 of its requests have run past the read timeout of 500 ms and still hold the slots';
    expect([await states(), await ready()]).toEqual([[`down: ${reason}`], 503]);
    answer(await next(), 'late');
    await eventually(async () => expect(await ready()).toBe(200));
  });

  it('until something answers, also when the slot has come back at the linger timeout', async () => {
    const { handler, next } = holding();
    const worker = await fakeWorker(handler, { single: false });
    const { proxy, states, ready } = await site(['--upstream', worker.path, '--max-conns', '1', '--linger-timeout', '100ms']);
    expect((await ask(proxy.path, POST)).status).toBe(504);
    await eventually(() => expect([...proxy.program.pool.upstreams][0]?.inFlight).toBe(0));
    const reason =
      'its request has run past the read timeout of 500 ms and was dropped at the linger timeout; a trial request may go there';
    expect([await states(), await ready()]).toEqual([[`down: ${reason}`], 503]);
    await next();
    const trial = ask(proxy.path, POST);
    answer(await next(), 'alive');
    expect((await trial).body.toString()).toBe('alive');
    expect([await states(), await ready()]).toEqual([['up: it has answered'], 200]);
  });

  it('until its probes have their say, once there is a slot for them again', async () => {
    const worker = await fakeWorker(() => undefined, { single: false, maxConns: 'hang' });
    const health = 'health: { probe: values, interval: 50ms, timeout: 50ms, rise: 1, fall: 1 }';
    const limits = 'max_conns: 1, timeouts: { read: 500ms, linger: 100ms }';
    const site = await reloadable(`pools: { a: { upstreams: [${worker.path}], ${limits}, ${health} } }\n`);
    expect((await ask(site.proxy.path, POST)).status).toBe(504);
    const reason = () => site.pool('a').upstreams.map(({ state }) => `${state.is}: ${state.reason}`);
    expect(reason()).toEqual([`down: ${HELD}`]);
    await eventually(() => expect(reason()).toEqual(['down: no answer in 50 ms']));
    expect(site.proxy.log.filter(({ fields }) => fields['state'] !== undefined)).toHaveLength(1);
  });

  it('when it speaks HTTP and has limited slots', async () => {
    const server = await rawWorker(() => undefined, 'tcp');
    const { proxy, states, ready } = await site(['--upstream', `http://${server.address}`, '--max-conns', '1']);
    expect((await ask(proxy.path, POST)).status).toBe(504);
    expect([await states(), await ready()]).toEqual([[`down: ${HELD}`], 503]);
  });

  it('in every pool that shares its worker', async () => {
    const worker = await fakeWorker(() => undefined);
    const pool = `{ upstreams: [${worker.path}], max_conns: 1, timeouts: { read: 500ms } }`;
    const routes = '[{ path: /a, pool: a }, { path: /b, pool: b }]';
    const { proxy, pool: look } = await reloadable(`pools: { a: ${pool}, b: ${pool} }\nroutes: ${routes}\n`);
    expect((await ask(proxy.path, { ...POST, path: '/a' })).status).toBe(504);
    expect(['a', 'b'].map((name) => look(name).upstreams.map(({ state }) => `${state.is}: ${state.reason}`))).toEqual([
      [`down: ${HELD}`],
      ['down: a request of another pool has run past its time limit and still holds the worker'],
    ]);
  });
});

describe('an upstream is not stuck', () => {
  it('while a request runs there that is within its time', async () => {
    const { handler, next } = holding();
    const worker = await fakeWorker(handler);
    const { proxy, states, ready } = await site(['--upstream', worker.path], 10_000, '60s');
    const slow = ask(proxy.path);
    const reply = await next();
    expect([await states(), await ready()]).toEqual([[expect.stringMatching(/^up: /)], 200]);
    answer(reply, 'done');
    expect((await slow).status).toBe(200);
  });

  it('when another answers the request that it did not', async () => {
    const silent = await fakeWorker(() => undefined);
    const live = await fakeWorker(answering('alive'));
    const { proxy, ready } = await site(['--upstream', silent.path, live.path]);
    expect((await ask(proxy.path)).body.toString()).toBe('alive');
    expect(await ready()).toBe(200);
  });
});
