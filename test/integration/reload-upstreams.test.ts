// A reload while requests run and wait: what is known of pools and upstreams outlasts it, and what
// is gone finishes.

import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ask, testClient } from '../support/clients/http-client.ts';
import { eventually } from '../support/eventually.ts';
import { poolsFile, reloadable } from '../support/program/reloadable.ts';
import { answer, answering, type FakeWorker, fakeWorker, holding, recording } from '../support/servers/fake-worker.ts';
import { tempDir } from '../support/temp-dir.ts';

const openConnections = ({ server }: FakeWorker): Promise<number> =>
  new Promise((resolve, reject) => server.getConnections((error, count) => (error === null ? resolve(count) : reject(error))));
const rt = (upstreams: readonly string[], more = 'max_conns: 1'): string => `{ upstreams: [${upstreams.join(', ')}], ${more} }`;
const onePool = (upstreams: readonly string[], more?: string): string => poolsFile({ rt: rt(upstreams, more) });

describe('requests that wait across a reload', () => {
  it('are served in the order in which they came', async () => {
    const { handler, next } = holding();
    const { handler: recorded, seen } = recording(handler);
    const worker = await fakeWorker(recorded);
    const { proxy, reload, upstream } = await reloadable(onePool([worker.path]));
    const pending: Promise<unknown>[] = [];
    for (let i = 0; i < 6; i += 1) {
      pending.push(ask(proxy.path, { path: `/${i}` }));
      await eventually(() => expect(proxy.program.pool.waiting + upstream(worker.path).inFlight).toBe(i + 1));
      if (i === 2) await reload(onePool([worker.path], 'max_conns: 1, queue: { size: 100 }'));
      if (i === 4) await reload(onePool([worker.path], 'max_conns: 1, balance: round-robin'));
    }
    for (let i = 0; i < 6; i += 1) answer(await next(), 'done');
    await Promise.all(pending);
    expect(seen).toEqual(['/0', '/1', '/2', '/3', '/4', '/5']);
  });

  it('are taken by an upstream that the reload adds', async () => {
    const { handler, next } = holding();
    const [busy, added] = [await fakeWorker(handler), await fakeWorker(answering('added'))];
    const { proxy, reload } = await reloadable(onePool([busy.path]));
    const first = ask(proxy.path);
    const held = await next();
    const second = ask(proxy.path);
    await eventually(() => expect(proxy.program.pool.waiting).toBe(1));
    await reload(onePool([busy.path, added.path]));
    expect((await second).body.toString()).toBe('added');
    answer(held, 'first');
    expect((await first).body.toString()).toBe('first');
  });

  it('find an added upstream with the max_conns that comes with it, not the one before', async () => {
    const { handler, next } = holding();
    const worker = await fakeWorker(handler, { single: false });
    const directory = tempDir();
    const { proxy, reload, upstream } = await reloadable(onePool([`${directory}/none*.sock`], 'max_conns: 2'));
    const pending = [ask(proxy.path), ask(proxy.path)];
    await eventually(() => expect(proxy.program.pool.waiting).toBe(2));
    await reload(onePool([worker.path], 'max_conns: 1'));
    expect([upstream(worker.path).inFlight, proxy.program.pool.waiting]).toEqual([1, 1]);
    for (let i = 0; i < 2; i += 1) answer(await next(), 'done');
    await Promise.all(pending);
  });

  it('with a full queue made smaller, newcomers are refused and those in it are not', async () => {
    const { handler, next } = holding();
    const worker = await fakeWorker(handler);
    const { proxy, reload } = await reloadable(onePool([worker.path]));
    const pending = [ask(proxy.path), ask(proxy.path), ask(proxy.path)];
    await eventually(() => expect(proxy.program.pool.waiting).toBe(2));
    await reload(onePool([worker.path], 'max_conns: 1, queue: { size: 1 }'));
    expect((await ask(proxy.path)).status).toBe(503);
    for (let i = 0; i < 3; i += 1) answer(await next(), 'done');
    expect((await Promise.all(pending)).map(({ status }) => status)).toEqual([200, 200, 200]);
  });
});

describe('an upstream that stays', () => {
  it('keeps its slots: a worker that is busy over the reload gets no second request', async () => {
    const { handler, next } = holding();
    const { handler: recorded, seen } = recording(handler);
    const worker = await fakeWorker(recorded);
    const { proxy, reload, upstream } = await reloadable(onePool([worker.path]));
    const first = ask(proxy.path, { path: '/1' });
    const held = await next();
    const before = upstream(worker.path);
    await reload(onePool([worker.path], 'max_conns: 1, timeouts: { read: 5s }'));
    expect(upstream(worker.path)).toBe(before);
    const second = ask(proxy.path, { path: '/2' });
    await eventually(() => expect(proxy.program.pool.waiting).toBe(1));
    expect(seen).toEqual(['/1']);
    answer(held, 'one');
    answer(await next(), 'two');
    expect([(await first).body.toString(), (await second).body.toString()]).toEqual(['one', 'two']);
  });

  it('keeps the capacity that was learnt, also when a glob and an address change places in naming it', async () => {
    const directory = tempDir();
    const worker = await fakeWorker(answering('fine'), { path: join(directory, 'w1.sock'), maxConns: 3, single: false });
    const { proxy, reload, upstream } = await reloadable(onePool([`${directory}/w*.sock`], 'max_conns: auto'));
    await ask(proxy.path);
    const before = upstream(worker.path);
    expect(before.capacity).toBe(3);
    await reload(onePool([worker.path], 'max_conns: auto'));
    expect([upstream(worker.path) === before, before.capacity]).toEqual([true, 3]);
    await reload(onePool([`${directory}/w*.sock`], 'max_conns: auto'));
    expect([upstream(worker.path) === before, before.capacity]).toEqual([true, 3]);
  });

  it('keeps what the operator wants of it', async () => {
    const [one, two] = [await fakeWorker(answering('one')), await fakeWorker(answering('two'))];
    const { proxy, reload, upstreamStatus } = await reloadable(onePool([one.path, two.path]));
    proxy.program.operator.wish('drain', 'rt', one.path, { by: 'a test' });
    await reload(onePool([one.path, two.path], 'max_conns: 2, balance: first'));
    expect(upstreamStatus(one.path).state).toMatchObject({ is: 'draining', reason: 'drain by a test' });
    for (let i = 0; i < 3; i += 1) expect((await ask(proxy.path)).body.toString()).toBe('two');
    proxy.program.operator.wish('undrain', 'rt', one.path, { by: 'a test' });
    expect((await ask(proxy.path)).body.toString()).toBe('one');
  });

  it('keeps its verdict, and an ejection ends when passive health is turned off', async () => {
    const [bad, good] = [await fakeWorker((reply) => void reply.socket.destroy()), await fakeWorker(answering('good'))];
    const passive = 'passive: { max_fails: 1, fail_share: 1%, fail_timeout: 1h }';
    const { proxy, reload, upstreamStatus } = await reloadable(
      onePool([bad.path, good.path], `max_conns: 1, balance: first, ${passive}`),
    );
    expect((await ask(proxy.path)).body.toString()).toBe('good');
    expect(upstreamStatus(bad.path).state.is).toBe('down');
    await reload(onePool([bad.path, good.path], `max_conns: 1, balance: first, queue: { size: 5 }, ${passive}`));
    expect(upstreamStatus(bad.path).state.is).toBe('down');
    await reload(onePool([bad.path, good.path], 'max_conns: 1, balance: first, passive: off'));
    expect(upstreamStatus(bad.path).state).toMatchObject({ is: 'up', reason: 'failures are no longer counted' });
  });

  it('keeps its turn, when the balancer is the same', async () => {
    const workers = await Promise.all(['a', 'b', 'c'].map((text) => fakeWorker(answering(text))));
    const paths = workers.map(({ path }) => path);
    const { proxy, reload } = await reloadable(onePool(paths, 'max_conns: 1, balance: round-robin'));
    const texts: string[] = [];
    for (let i = 0; i < 6; i += 1) {
      texts.push((await ask(proxy.path)).body.toString());
      await reload(onePool(paths, `max_conns: 1, balance: round-robin, queue: { size: ${10 + i} }`));
    }
    expect(texts).toEqual(['a', 'b', 'c', 'a', 'b', 'c']);
  });

  it('takes up other options: weight, max_conns, down', async () => {
    const [one, two] = [await fakeWorker(answering('one')), await fakeWorker(answering('two'))];
    const { proxy, reload, upstream, upstreamStatus } = await reloadable(
      onePool([one.path, two.path], 'max_conns: 1, balance: round-robin'),
    );
    await reload(onePool([`{ address: ${one.path}, weight: 3, max_conns: 4 }`, two.path], 'max_conns: 2, balance: round-robin'));
    expect([upstream(one.path).weight, upstream(one.path).capacity, upstream(two.path).capacity]).toEqual([3, 4, 2]);
    const texts: string[] = [];
    for (let i = 0; i < 8; i += 1) texts.push((await ask(proxy.path)).body.toString());
    expect(texts.filter((text) => text === 'one').length).toBe(6);
    await reload(onePool([`{ address: ${one.path}, down: true }`, two.path]));
    expect(upstreamStatus(one.path).state).toMatchObject({ is: 'disabled', reason: 'down in the configuration' });
    expect((await ask(proxy.path)).body.toString()).toBe('two');
    await reload(onePool([one.path, two.path]));
    expect(upstreamStatus(one.path).state.is).toBe('up');
  });

  it('takes up a max_conns below what runs: nothing is cut, and nothing new begins above it', async () => {
    const { handler, next } = holding();
    const worker = await fakeWorker(handler, { single: false });
    const { proxy, reload, upstream } = await reloadable(onePool([worker.path], 'max_conns: 3'));
    const pending = [ask(proxy.path), ask(proxy.path), ask(proxy.path)];
    const replies = [await next(), await next(), await next()];
    await reload(onePool([worker.path], 'max_conns: 1'));
    const waiting = ask(proxy.path);
    await eventually(() => expect(proxy.program.pool.waiting).toBe(1));
    for (const reply of replies.slice(0, 2)) answer(reply, 'done');
    await eventually(() => expect(upstream(worker.path).inFlight).toBe(1));
    expect(proxy.program.pool.waiting).toBe(1);
    for (const reply of replies.slice(2)) answer(reply, 'done');
    answer(await next(), 'last');
    expect((await waiting).body.toString()).toBe('last');
    await Promise.all(pending);
  });

  it('closes what it kept open when keepalive is turned off', async () => {
    const worker = await fakeWorker(answering('fine'));
    const { proxy, reload } = await reloadable(onePool([worker.path], 'max_conns: 1, keepalive: 60s'));
    await ask(proxy.path);
    await eventually(async () => expect(await openConnections(worker)).toBe(1));
    await reload(onePool([worker.path], 'max_conns: 1, keepalive: off'));
    await eventually(async () => expect(await openConnections(worker)).toBe(0));
    expect((await ask(proxy.path)).status).toBe(200);
  });

  it('is probed, no longer probed, and probed otherwise, as the file says', async () => {
    let probed = 0;
    const worker = await fakeWorker((reply) => {
      const ping = reply.request.params.get('REQUEST_URI') === '/ping';
      if (ping) probed += 1;
      reply.stdout(`Status: ${ping ? 500 : 200}\r\nContent-Type: text/plain\r\n\r\n`);
      reply.end();
    });
    const health = 'max_conns: 1, health: { probe: request, uri: /ping, interval: 20ms, fall: 1, expect: { status: 200 } }';
    const { proxy, reload, upstreamStatus } = await reloadable(onePool([worker.path]));
    // What nobody has used is not woken.
    await ask(proxy.path);
    await reload(onePool([worker.path], health));
    await eventually(() => expect(upstreamStatus(worker.path).state.is).toBe('down'));
    await reload(onePool([worker.path], `${health.replace('20ms', '25ms')}, queue: { size: 5 }`));
    await eventually(() => expect(upstreamStatus(worker.path).state.is).toBe('down'));
    await reload(onePool([worker.path]));
    expect(upstreamStatus(worker.path).state.is).toBe('up');
    await eventually(() => expect(upstreamStatus(worker.path).in_flight).toBe(0));
    const after = probed;
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(probed).toBe(after);
  });

  it('answers by the new timeouts', async () => {
    const { handler, next } = holding();
    const worker = await fakeWorker(handler);
    const { proxy, reload } = await reloadable(onePool([worker.path], 'max_conns: 1'));
    await reload(onePool([worker.path], 'max_conns: 1, timeouts: { read: 50ms }, retry: { attempts: 1 }'));
    const slow = ask(proxy.path);
    const held = await next();
    expect((await slow).status).toBe(504);
    answer(held, 'late');
  });
});

describe('an upstream that the reload takes out', () => {
  it('finishes what it holds, gets nothing more, and is shown until then', async () => {
    const { handler, next } = holding();
    const { handler: recorded, seen } = recording(handler);
    const [going, staying] = [await fakeWorker(recorded), await fakeWorker(answering('staying'))];
    const { proxy, reload, upstreamStatus, pool } = await reloadable(
      onePool([going.path, staying.path], 'max_conns: 1, balance: first'),
    );
    const held = ask(proxy.path, { path: '/held' });
    const reply = await next();
    await reload(onePool([staying.path], 'max_conns: 1, balance: first'));
    expect(upstreamStatus(going.path)).toMatchObject({
      leaving: true,
      in_flight: 1,
      state: { is: 'draining', reason: 'left the pool' },
    });
    for (let i = 0; i < 3; i += 1) expect((await ask(proxy.path)).body.toString()).toBe('staying');
    answer(reply, 'finished');
    expect((await held).body.toString()).toBe('finished');
    await eventually(() => expect(pool('rt').upstreams.map(({ name }) => name)).toEqual([staying.path]));
    expect(seen).toEqual(['/held']);
  });

  it('has its slots still taken when it comes back before it has finished', async () => {
    const { handler, next } = holding();
    const { handler: recorded, seen } = recording(handler);
    const [worker, other] = [await fakeWorker(recorded), await fakeWorker(answering('other'))];
    const { proxy, reload, upstreamStatus } = await reloadable(
      onePool([worker.path, other.path], 'max_conns: 1, balance: first'),
    );
    const held = ask(proxy.path, { path: '/held' });
    const reply = await next();
    await reload(onePool([other.path]));
    await reload(onePool([worker.path, other.path], 'max_conns: 1, balance: first'));
    expect(upstreamStatus(worker.path)).toMatchObject({
      leaving: false,
      in_flight: 1,
      state: { is: 'up' },
      activity: { is: 'starting', reason: '1 of 1 slots in use' },
    });
    expect((await ask(proxy.path)).body.toString()).toBe('other');
    expect(seen).toEqual(['/held']);
    answer(reply, 'finished');
    expect((await held).body.toString()).toBe('finished');
    await eventually(() => expect(upstreamStatus(worker.path).in_flight).toBe(0));
    const again = ask(proxy.path, { path: '/again' });
    answer(await next(), 'again');
    expect((await again).body.toString()).toBe('again');
  });
});

describe('a pool that the reload takes out', () => {
  const old = (path: string): string => poolsFile({ old: rt([path]) });
  const other = (path: string): string => poolsFile({ new: rt([path]) });

  it('serves those who run and those who wait, and is shown until then', async () => {
    const { handler, next } = holding();
    const [a, b] = [await fakeWorker(handler), await fakeWorker(answering('b'))];
    const { proxy, reload, pool, status } = await reloadable(old(a.path));
    const running = ask(proxy.path);
    const held = await next();
    const waiting = ask(proxy.path);
    await eventually(() => expect(pool('old').queue.waiting).toBe(1));
    await reload(other(b.path));
    expect((await ask(proxy.path)).body.toString()).toBe('b');
    expect(pool('old', true)).toMatchObject({ queue: { waiting: 1 }, upstreams: [{ leaving: true, in_flight: 1 }] });
    answer(held, 'one');
    answer(await next(), 'two');
    expect([(await running).body.toString(), (await waiting).body.toString()]).toEqual(['one', 'two']);
    await eventually(() => expect(status().pools.map(({ name }) => name)).toEqual(['new']));
  });

  it('goes on as it was when it comes back before it has finished', async () => {
    const { handler, next } = holding();
    const { handler: recorded, seen } = recording(handler);
    const [a, b] = [await fakeWorker(recorded), await fakeWorker(answering('b'))];
    const { proxy, reload, pool } = await reloadable(old(a.path));
    const running = ask(proxy.path, { path: '/1' });
    const held = await next();
    await reload(other(b.path));
    await reload(old(a.path));
    const waiting = ask(proxy.path, { path: '/2' });
    await eventually(() => expect(pool('old').queue.waiting).toBe(1));
    expect(seen).toEqual(['/1']);
    answer(held, 'one');
    answer(await next(), 'two');
    expect([(await running).body.toString(), (await waiting).body.toString()]).toEqual(['one', 'two']);
    const third = ask(proxy.path, { path: '/3' });
    answer(await next(), 'three');
    expect((await third).body.toString()).toBe('three');
  });

  it('does not forget a worker that is still at a request whose client has left', async () => {
    const { handler, next } = holding();
    const { handler: recorded, seen } = recording(handler);
    const [a, b] = [await fakeWorker(recorded), await fakeWorker(answering('b'))];
    const { proxy, reload, pool } = await reloadable(old(a.path));
    const client = testClient(proxy.path);
    client.write('GET /left HTTP/1.1\r\nHost: a\r\n\r\n');
    const held = await next();
    client.socket.destroy();
    await eventually(() => expect(proxy.access.length).toBe(1));
    await reload(other(b.path));
    expect(pool('old', true).upstreams).toMatchObject([{ in_flight: 1 }]);
    await reload(old(a.path));
    const waiting = ask(proxy.path, { path: '/next' });
    await eventually(() => expect(pool('old').queue.waiting).toBe(1));
    expect(seen).toEqual(['/left']);
    held.end();
    answer(await next(), 'next');
    expect((await waiting).body.toString()).toBe('next');
  });
});

describe('a sticky request', () => {
  it('waits on for its own upstream when the reload makes a new balancer, though another one is free', async () => {
    const { handler, next } = holding();
    const [own, other] = [await fakeWorker(handler), await fakeWorker(answering('other'))];
    const sticky = 'max_conns: 1, balance: sticky:s';
    // The free one comes first, so that a balancer that hears of one after the other hears of it
    // before.
    const { proxy, reload } = await reloadable(onePool([`{ address: ${other.path}, down: true }`, own.path], sticky));
    const first = ask(proxy.path);
    answer(await next(), 'own');
    const cookie = (await first).headers['set-cookie']?.[0]?.split(';')[0] ?? '';
    await reload(onePool([other.path, own.path], sticky));
    const busy = ask(proxy.path, { headers: { Cookie: cookie } });
    const held = await next();
    const waiting = ask(proxy.path, { headers: { Cookie: cookie } });
    await eventually(() => expect(proxy.program.pool.waiting).toBe(1));
    await reload(onePool([other.path, `{ address: ${own.path}, weight: 2 }`], sticky));
    expect(proxy.program.pool.waiting).toBe(1);
    answer(held, 'own');
    answer(await next(), 'own again');
    expect([(await busy).body.toString(), (await waiting).body.toString()]).toEqual(['own', 'own again']);
  });
});
