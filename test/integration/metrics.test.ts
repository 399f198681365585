// GET /metrics: what Prometheus reads is well formed and says the same as GET /status.

import { renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { METRICS } from '../../src/admin/metric-table.ts';
import { FAILURES } from '../../src/core/errors.ts';
import { type Family, parseExposition } from '../support/admin/exposition.ts';
import { ask } from '../support/clients/http-client.ts';
import { eventually } from '../support/eventually.ts';
import { eventful } from '../support/program/eventful.ts';
import { poolsFile, reloadable } from '../support/program/reloadable.ts';
import { answer, answering, fakeWorker, holding } from '../support/servers/fake-worker.ts';
import { tempDir } from '../support/temp-dir.ts';

type Families = ReadonlyMap<string, Family>;

async function scrape(admin: string): Promise<Families> {
  const { status, headers, body } = await ask(admin, { path: '/metrics' });
  expect([status, headers['content-type']]).toEqual([200, 'text/plain; version=0.0.4; charset=utf-8']);
  return parseExposition(body.toString());
}

/** The value of the one series of a metric that has these labels, and maybe others. */
function sampleOf(families: Families, name: string, labels: Readonly<Record<string, string>> = {}): number | undefined {
  const family = families.get(name) ?? families.get(name.replace(/_(?:bucket|sum|count)$/, ''));
  const found = family?.series.filter(
    (each) => each.name === name && Object.entries(labels).every(([label, value]) => each.labels.get(label) === value),
  );
  expect(found?.length, `${name} ${JSON.stringify(labels)}`).toBeLessThanOrEqual(1);
  return found?.[0]?.value;
}

describe('GET /metrics', () => {
  it('has every metric of the table, with its type, its help and its labels, and no other', async () => {
    const families = await scrape((await eventful()).admin);
    expect([...families.keys()]).toEqual(METRICS.map(({ name }) => name));
    for (const { name, type, help, labels } of METRICS) {
      const family = families.get(name);
      expect({ name, type: family?.type, help: family?.help }).toEqual({ name, type, help });
      expect(family?.series.length, name).toBeGreaterThan(0);
      for (const each of family?.series ?? []) {
        const own = [...each.labels.keys()].filter((label) => type !== 'histogram' || label !== 'le');
        expect(own.sort(), each.name).toEqual([...labels].sort());
      }
    }
  });

  it('says what the status says', async () => {
    const { admin, status, broken, good } = await eventful();
    const families = await scrape(admin);
    const value = (name: string, labels?: Readonly<Record<string, string>>) => sampleOf(families, name, labels);
    const pool = { pool: 'rt' };
    expect(value('fcgi_lb_requests_total', { ...pool, code_class: '2xx' })).toBe(2);
    expect(value('fcgi_lb_requests_total', { ...pool, code_class: '5xx' })).toBe(1);
    expect(value('fcgi_lb_requests_total', { ...pool, code_class: '4xx' })).toBe(0);
    expect(value('fcgi_lb_retries_total', pool)).toBe(1);
    expect(value('fcgi_lb_queue_depth', pool)).toBe(0);
    expect(value('fcgi_lb_queue_size', pool)).toBe(1);
    expect(value('fcgi_lb_queue_seconds_count', pool)).toBe(1);
    expect(value('fcgi_lb_queue_rejected_total', { ...pool, code: 'FCGI_LB_QUEUE_FULL' })).toBe(1);
    expect(value('fcgi_lb_queue_rejected_total', { ...pool, code: 'FCGI_LB_QUEUE_TIMEOUT' })).toBe(0);
    expect(value('fcgi_lb_request_seconds_count', pool)).toBe(3);
    expect(value('fcgi_lb_head_seconds_count', pool)).toBe(2);
    expect(value('fcgi_lb_connect_seconds_count', pool)).toBe(2);
    expect(value('fcgi_lb_pool_upstreams', { ...pool, state: 'up' })).toBe(2);
    expect(value('fcgi_lb_pool_upstreams', { ...pool, state: 'down' })).toBe(1);
    expect(value('fcgi_lb_upstream_up', { upstream: broken })).toBe(0);
    expect(value('fcgi_lb_upstream_state', { upstream: broken, state: 'down' })).toBe(1);
    expect(value('fcgi_lb_upstream_state', { upstream: broken, state: 'up' })).toBeUndefined();
    expect(value('fcgi_lb_upstream_errors_total', { upstream: broken, code: 'FCGI_LB_UPSTREAM_CLOSED' })).toBe(1);
    expect(value('fcgi_lb_upstream_retries_total', { upstream: broken })).toBe(1);
    expect(value('fcgi_lb_upstream_requests_total', { upstream: good })).toBe(2);
    expect(value('fcgi_lb_upstream_capacity', { upstream: good })).toBe(1);
    expect(value('fcgi_lb_upstream_head_p90_seconds', { upstream: good })).toBeGreaterThan(0);
    expect(value('fcgi_lb_reload_good')).toBe(0);
    expect(value('fcgi_lb_ready')).toBe(1);
    expect(value('fcgi_lb_generation')).toBe(status().generation);
    expect(value('fcgi_lb_build_info', { version: 'test', node: process.versions.node })).toBe(1);
    const now = Date.now() / 1000;
    for (const name of ['process_start_time_seconds', 'fcgi_lb_reload_timestamp_seconds']) {
      expect(value(name)).toBeGreaterThan(now - 600);
      expect(value(name)).toBeLessThanOrEqual(now + 1);
    }
    expect(value('process_resident_memory_bytes')).toBeGreaterThan(10e6);
    expect(value('process_open_fds')).toBeGreaterThan(5);
  });

  it('tells times in seconds', async () => {
    const { handler, next } = holding();
    const worker = await fakeWorker(handler);
    const admin = join(tempDir(), 'admin.sock');
    const { proxy } = await reloadable(poolsFile({ rt: `{ upstreams: [${worker.path}] }` }), ['--admin', admin]);
    const pending = ask(proxy.path);
    const reply = await next();
    const before = performance.now();
    await eventually(() => expect(performance.now() - before).toBeGreaterThan(50));
    answer(reply, 'late');
    await pending;
    const { head = 0, total } = await proxy.accessLine(1);
    const families = await scrape(admin);
    expect(sampleOf(families, 'fcgi_lb_head_seconds_sum')).toBeCloseTo(head / 1000, 6);
    expect(sampleOf(families, 'fcgi_lb_request_seconds_sum')).toBeCloseTo(total / 1000, 2);
    expect(sampleOf(families, 'fcgi_lb_head_seconds_bucket', { le: '0.032' })).toBe(0);
    expect(sampleOf(families, 'fcgi_lb_head_seconds_bucket', { le: '65.536' })).toBe(1);
  });

  it('forgets an upstream that has left, and does not confuse it with the next one of its name', async () => {
    const directory = tempDir();
    const path = join(directory, 'w.sock');
    const admin = join(directory, 'admin.sock');
    const { handler, next } = holding();
    await fakeWorker(handler, { path });
    const { proxy, pool } = await reloadable(poolsFile({ rt: `{ upstreams: ['${directory}/w*.sock'] }` }), ['--admin', admin]);
    const pending = ask(proxy.path);
    const reply = await next();
    // Renamed, it is another one; the file is gone for the glob, the worker is still at the
    // request.
    renameSync(path, join(directory, 'elsewhere.sock'));
    await eventually(() => expect(pool('rt').upstreams.map(({ leaving }) => leaving)).toEqual([true]));
    const left = await scrape(admin);
    expect(left.get('fcgi_lb_upstream_up')?.series).toEqual([]);
    expect(sampleOf(left, 'fcgi_lb_pool_upstreams', { state: 'leaving' })).toBe(1);
    rmSync(join(directory, 'elsewhere.sock'));
    await fakeWorker(answering('anew'), { path });
    await eventually(() => expect(pool('rt').upstreams.map(({ leaving }) => leaving)).toEqual([false, true]));
    expect(sampleOf(await scrape(admin), 'fcgi_lb_upstream_in_flight', { upstream: path })).toBe(0);
    answer(reply, 'old');
    await pending;
  });

  it('does not take a pool that has left and still serves for one without upstreams', async () => {
    const admin = join(tempDir(), 'admin.sock');
    const { handler, next } = holding();
    const [old, other] = [await fakeWorker(handler), await fakeWorker(answering('other'))];
    const { proxy, reload } = await reloadable(poolsFile({ old: `{ upstreams: [${old.path}] }` }), ['--admin', admin]);
    const pending = ask(proxy.path);
    const reply = await next();
    await reload(poolsFile({ other: `{ upstreams: [${other.path}] }` }));
    const families = await scrape(admin);
    expect(sampleOf(families, 'fcgi_lb_pool_upstreams', { pool: 'other', state: 'up' })).toBe(1);
    expect(sampleOf(families, 'fcgi_lb_pool_upstreams', { pool: 'old', state: 'up' })).toBeUndefined();
    expect(sampleOf(families, 'fcgi_lb_queue_depth', { pool: 'old' })).toBe(0);
    answer(reply, 'old');
    await pending;
  });

  it('keeps names that are hard to quote in one piece', async () => {
    const directory = tempDir();
    const path = join(directory, 'a "b" \\n {c}.sock');
    const admin = join(directory, 'admin.sock');
    await fakeWorker(answering('fine'), { path });
    await reloadable(poolsFile({ rt: `{ upstreams: ['${directory}/a*.sock'] }` }), ['--admin', admin]);
    expect(sampleOf(await scrape(admin), 'fcgi_lb_upstream_up', { upstream: path })).toBe(1);
  });

  it('has label values from the configuration, the discovery and tables only, and histograms of pools only', async () => {
    const { admin, broken, good } = await eventful();
    const families = await scrape(admin);
    const codes = new Set<string>(Object.keys(FAILURES));
    for (const { type, series } of families.values()) {
      for (const { labels } of series) {
        if (type === 'histogram') expect(labels.has('upstream')).toBe(false);
        expect(labels.get('pool') ?? 'rt').toBe('rt');
        expect([broken, good, good.replace('rt2', 'rt3')]).toContain(labels.get('upstream') ?? good);
        const code = labels.get('code');
        if (code !== undefined) expect(codes).toContain(code);
      }
    }
  });

  it('knows nothing of what clients send, nor does the status', async () => {
    const admin = join(tempDir(), 'admin.sock');
    const worker = await fakeWorker((reply) => {
      reply.stderr('hunter2\n');
      reply.stdout('Status: 799 hunter2\r\nSet-Cookie: hunter2\r\nContent-Type: text/plain\r\n\r\nhunter2');
      reply.end();
    });
    const { proxy } = await reloadable(poolsFile({ rt: `{ upstreams: [${worker.path}] }` }), ['--admin', admin]);
    const headers = { Cookie: 'hunter2', 'User-Agent': 'hunter2', Authorization: 'Basic hunter2' };
    await ask(proxy.path, { method: 'SEARCH', path: '/hunter2?token=hunter2', headers });
    await proxy.accessLine(1);
    expect(sampleOf(await scrape(admin), 'fcgi_lb_requests_total', { code_class: 'other' })).toBe(1);
    for (const path of ['/metrics', '/status']) expect((await ask(admin, { path })).body.toString()).not.toContain('hunter2');
  });

  it('is of one program: two in a process do not meet', async () => {
    const directory = tempDir();
    const worker = await fakeWorker(answering('fine'));
    const start = (name: string) =>
      reloadable(poolsFile({ [name]: `{ upstreams: [${worker.path}] }` }), ['--admin', join(directory, `${name}.sock`)]);
    const one = await start('one');
    await start('two');
    await ask(one.proxy.path);
    await one.proxy.accessLine(1);
    const count = async (name: string) =>
      sampleOf(await scrape(join(directory, `${name}.sock`)), 'fcgi_lb_requests_total', { pool: name, code_class: '2xx' });
    expect([await count('one'), await count('two')]).toEqual([1, 0]);
  });
});
