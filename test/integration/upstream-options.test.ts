// What may be said of one upstream, from end to end: weight, backup, down and slow start.

import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ask } from '../support/clients/http-client.ts';
import { eventually } from '../support/eventually.ts';
import { type Proxy as RunningProxy, startProxy } from '../support/program/proxy.ts';
import { answer, answering, fakeWorker, holding } from '../support/servers/fake-worker.ts';
import { tempDir } from '../support/temp-dir.ts';

/** Starts a proxy with one pool, of which a file says this. */
function startPool(pool: Record<string, unknown>): Promise<RunningProxy> {
  const file = join(tempDir(), 'fcgi-lb.yaml');
  // JSON is YAML.
  writeFileSync(file, JSON.stringify({ pools: { app: { max_conns: 1, ...pool } } }));
  return startProxy(['--config', file]);
}

/** So many requests, one after the other, counted by what they were answered. */
async function counted(proxy: RunningProxy, requests: number): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (let i = 0; i < requests; i += 1) {
    const text = (await ask(proxy.path)).body.toString();
    counts[text] = (counts[text] ?? 0) + 1;
  }
  return counts;
}

async function threeWorkers(): Promise<readonly string[]> {
  const found = await Promise.all(['a', 'b', 'c'].map((name) => fakeWorker(answering(name))));
  return found.map(({ path }) => path);
}

describe('weight', () => {
  it.each(['round-robin', 'least-conn'])(
    'is how many requests an upstream gets for each of another one, with %s',
    async (name) => {
      const [a, b, c] = await threeWorkers();
      const upstreams = [{ address: a, weight: 3 }, b, { address: c, weight: 2 }];
      const proxy = await startPool({ balance: name, upstreams });
      expect(await counted(proxy, 18)).toEqual({ a: 9, b: 3, c: 6 });
    },
  );
});

describe('down', () => {
  it('keeps every request away from an upstream, from the start until it is enabled', async () => {
    const [a, b, c] = await threeWorkers();
    const proxy = await startPool({ upstreams: [{ address: a, down: true }, b, c] });
    expect(await counted(proxy, 6)).toEqual({ b: 3, c: 3 });
    const [first] = proxy.program.pool.upstreams;
    first?.want('serve', 'test');
    expect(await counted(proxy, 6)).toEqual({ a: 2, b: 2, c: 2 });
  });

  it('lets requests wait when it is said of all', async () => {
    const { path } = await fakeWorker(answering('a'));
    const proxy = await startPool({ upstreams: [{ address: path, down: true }] });
    const waits = ask(proxy.path);
    await eventually(() => expect(proxy.program.pool.waiting).toBe(1));
    const [only] = proxy.program.pool.upstreams;
    only?.want('serve', 'test');
    expect((await waits).body.toString()).toBe('a');
  });
});

describe('backup', () => {
  it('gets nothing while the primary answers, waits for it to be free, serves when it is gone, and hands back', async () => {
    const directory = tempDir();
    const path = join(directory, 'primary.sock');
    const primary = holding();
    const first = await fakeWorker(primary.handler, { path });
    const backup = await fakeWorker(answering('backup'));
    const proxy = await startPool({ upstreams: [path, { address: backup.path, backup: true }] });

    const held = ask(proxy.path);
    const reply = await primary.next();
    const waits = ask(proxy.path);
    await eventually(() => expect(proxy.program.pool.waiting).toBe(1));
    answer(reply, 'primary');
    answer(await primary.next(), 'primary');
    expect((await Promise.all([held, waits])).map(({ body }) => body.toString())).toEqual(['primary', 'primary']);

    await first.close();
    rmSync(path, { force: true });
    expect(await counted(proxy, 5)).toEqual({ backup: 5 });

    await fakeWorker(answering('primary again'), { path });
    await eventually(async () => expect((await ask(proxy.path)).body.toString()).toBe('primary again'));
    expect(await counted(proxy, 5)).toEqual({ 'primary again': 5 });
  });
});

describe('slow_start', () => {
  it('gives an upstream that joins little at first; those there from the start have their full share', async () => {
    const directory = tempDir();
    const path = (name: string): string => join(directory, `${name}.sock`);
    for (const name of ['a', 'b']) await fakeWorker(answering(name), { path: path(name) });
    // So slow that the test sees nothing but the beginning.
    const upstreams = [{ address: `${directory}/*.sock`, slow_start: '1h' }];
    const proxy = await startPool({ balance: 'round-robin', upstreams });
    expect(await counted(proxy, 6)).toEqual({ a: 3, b: 3 });
    await fakeWorker(answering('late'), { path: path('late') });
    await eventually(() => expect(proxy.program.pool.upstreams.size).toBe(3));
    const { late = 0, a = 0, b = 0 } = await counted(proxy, 82);
    expect([late, a + b]).toEqual([2, 80]);
  });
});
