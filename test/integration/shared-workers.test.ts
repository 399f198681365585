// One worker in several pools, at the same time or one after the other: its slots are counted once.

import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ask } from '../support/clients/http-client.ts';
import { eventually } from '../support/eventually.ts';
import { type Reloadable, reloadable } from '../support/program/reloadable.ts';
import { answer, answering, fakeWorker, holding, recording } from '../support/servers/fake-worker.ts';
import { tempDir } from '../support/temp-dir.ts';

/** Pools, each for the paths below its name. */
function file(pools: Readonly<Record<string, string>>): string {
  const lines = Object.entries(pools).map(([name, text]) => `  ${name}: ${text}\n`);
  const routes = Object.keys(pools).map((name) => `  - { path: /${name}, pool: ${name} }\n`);
  return `pools:\n${lines.join('')}routes:\n${routes.join('')}`;
}

const having = (path: string, more = 'max_conns: 1'): string => `{ upstreams: [${path}], ${more} }`;
const waits = ({ pool }: Reloadable, name: string): Promise<void> => eventually(() => expect(pool(name).queue.waiting).toBe(1));

describe('a worker that a reload moves to another pool', () => {
  it.each(['1', 'auto'])('gets nothing there until its request of before is done (max_conns: %s)', async (maxConns) => {
    const { handler, next } = holding();
    const { handler: recorded, seen } = recording(handler);
    const worker = await fakeWorker(recorded);
    const other = await fakeWorker(answering('other'));
    const limit = `max_conns: ${maxConns}`;
    const site = await reloadable(file({ a: `{ upstreams: [${worker.path}, ${other.path}], balance: first, ${limit} }` }));
    const { proxy, reload } = site;
    const first = ask(proxy.path, { path: '/a' });
    const held = await next();
    await reload(file({ a: having(other.path, limit), b: having(worker.path, limit) }));
    const second = ask(proxy.path, { path: '/b' });
    await waits(site, 'b');
    expect(seen).toEqual(['/a']);
    expect((await ask(proxy.path, { path: '/a' })).body.toString()).toBe('other');
    answer(held, 'one');
    answer(await next(), 'two');
    expect([(await first).body.toString(), (await second).body.toString()]).toEqual(['one', 'two']);
  });

  it('gets nothing there either when its pool goes altogether, or when a glob finds it there', async () => {
    const { handler, next } = holding();
    const { handler: recorded, seen } = recording(handler);
    const directory = tempDir();
    const worker = await fakeWorker(recorded, { path: join(directory, 'w.sock') });
    const site = await reloadable(file({ a: having(worker.path) }));
    const { proxy, reload } = site;
    const first = ask(proxy.path, { path: '/a' });
    const held = await next();
    await reload(file({ b: having(`"${directory}/*.sock"`) }));
    const second = ask(proxy.path, { path: '/b' });
    await waits(site, 'b');
    expect(seen).toEqual(['/a']);
    answer(held, 'one');
    answer(await next(), 'two');
    expect([(await first).body.toString(), (await second).body.toString()]).toEqual(['one', 'two']);
  });

  it('gets no more than pools have now when it comes back to one that once had more', async () => {
    const { handler, next } = holding();
    const { handler: recorded, seen } = recording(handler);
    const worker = await fakeWorker(recorded, { single: false });
    const more = 'max_conns: 2';
    const site = await reloadable(file({ a: having(worker.path, more), b: '{ upstreams: [/nonexistent/b] }' }));
    const { proxy, reload } = site;
    const first = ask(proxy.path, { path: '/a' });
    const held = await next();
    // It leaves the one pool, and is named by the other, where somebody waits for it.
    await reload(file({ a: '{ upstreams: [/nonexistent/a], max_conns: 2 }', b: having(worker.path) }));
    const second = ask(proxy.path, { path: '/b' });
    await waits(site, 'b');
    await reload(file({ a: having(worker.path), b: having(worker.path) }));
    expect(site.pool('b').queue.waiting).toBe(1);
    expect(seen).toEqual(['/a']);
    answer(held, 'one');
    answer(await next(), 'two');
    expect([(await first).body.toString(), (await second).body.toString()]).toEqual(['one', 'two']);
  });

  it('that takes any number of requests serves there at once: what it said of its capacity is known', async () => {
    const { handler, next } = holding();
    const worker = await fakeWorker(handler, { maxConns: 5, single: false });
    const { proxy, reload, upstreamStatus } = await reloadable(file({ a: having(worker.path, 'max_conns: auto') }));
    const first = ask(proxy.path, { path: '/a' });
    const held = await next();
    expect(upstreamStatus(worker.path).capacity).toBe(5);
    await reload(file({ b: having(worker.path, 'max_conns: auto') }));
    const second = ask(proxy.path, { path: '/b' });
    answer(await next(), 'two');
    expect((await second).body.toString()).toBe('two');
    answer(held, 'one');
    expect((await first).body.toString()).toBe('one');
  });
});

describe('a worker in two pools at once', () => {
  it('has one request at a time, and the pools take turns though one of them has many more that wait', async () => {
    const { handler, next } = holding();
    const { handler: recorded, seen } = recording(handler);
    const worker = await fakeWorker(recorded);
    const site = await reloadable(file({ a: having(worker.path), b: having(worker.path) }));
    const { proxy, pool } = site;
    const pending = [ask(proxy.path, { path: '/a' })];
    const replies = [await next()];
    for (let i = 1; i <= 4; i += 1) {
      pending.push(ask(proxy.path, { path: '/a' }));
      await eventually(() => expect(pool('a').queue.waiting).toBe(i));
    }
    pending.push(ask(proxy.path, { path: '/b' }));
    await waits(site, 'b');
    expect(pool('b').upstreams).toMatchObject([
      { in_flight: 0, activity: { is: 'full', reason: '0 of 1 slots in use, and the worker is at a request of another pool' } },
    ]);
    for (let i = 0; i < 6; i += 1) {
      const reply = replies.shift() ?? (await next());
      answer(reply, 'done');
    }
    expect((await Promise.all(pending)).map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 200]);
    expect(seen).toEqual(['/a', '/b', '/a', '/a', '/a', '/a']);
  });

  it('has as many as each pool allows itself: a small limit in one takes nothing from the other', async () => {
    const { handler, next } = holding();
    const worker = await fakeWorker(handler, { single: false });
    const site = await reloadable(
      file({ slow: having(worker.path, 'max_conns: 1'), fast: having(worker.path, 'max_conns: unlimited') }),
    );
    const { proxy, pool } = site;
    const pending: Promise<unknown>[] = [];
    const replies = [];
    for (const path of ['/fast', '/fast', '/fast', '/slow']) {
      pending.push(ask(proxy.path, { path }));
      replies.push(await next());
    }
    pending.push(ask(proxy.path, { path: '/slow' }));
    await waits(site, 'slow');
    expect(pool('fast').upstreams).toMatchObject([{ in_flight: 3 }]);
    expect(pool('slow').upstreams).toMatchObject([{ in_flight: 1 }]);
    for (const reply of replies) answer(reply, 'done');
    answer(await next(), 'done');
    await Promise.all(pending);
  });

  it('is asked for its capacity once for both', async () => {
    const worker = await fakeWorker(answering('fine'), { maxConns: 3, single: false });
    const { proxy, pool } = await reloadable(
      file({ a: having(worker.path, 'max_conns: auto'), b: having(worker.path, 'max_conns: auto') }),
    );
    await ask(proxy.path, { path: '/a' });
    expect([pool('a').upstreams[0]?.capacity, pool('b').upstreams[0]?.capacity]).toEqual([3, 3]);
  });

  it('is not probed for one pool while it is at a request of the other', async () => {
    const { handler, next } = holding();
    const { handler: recorded, seen } = recording(handler);
    // One that would take the probe, too.
    const worker = await fakeWorker(recorded, { single: false });
    const pings = recording(answering('pong'));
    const other = await fakeWorker(pings.handler);
    const { proxy, reload, pool } = await reloadable(file({ a: having(worker.path) }));
    const first = ask(proxy.path, { path: '/a' });
    const held = await next();
    const probed = 'max_conns: 1, health: { probe: request, uri: /ping, interval: 20ms, timeout: 10s, wake: true }';
    await reload(file({ a: having(worker.path), b: having(`${worker.path}, ${other.path}`, probed) }));
    await eventually(() => expect(pings.seen.length).toBeGreaterThan(5));
    expect([seen, pool('b').upstreams[0]?.state.is]).toEqual([['/a'], 'up']);
    answer(held, 'one');
    expect((await first).body.toString()).toBe('one');
    const ping = await next();
    expect(ping.request.params.get('REQUEST_URI')).toBe('/ping');
    answer(ping, 'pong');
  });
});
