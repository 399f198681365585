// A glob of sockets is watched: workers join with their socket and leave with it.

import { mkdirSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { ask } from '../support/clients/http-client.ts';
import { eventually } from '../support/eventually.ts';
import { startProxy, type Proxy as TestProxy } from '../support/program/proxy.ts';
import { answer, answering, fakeWorker, holding, recording } from '../support/servers/fake-worker.ts';
import { tempDir } from '../support/temp-dir.ts';

/**
 * A loss of notifications would be made up for by the periodic scan: longer than this is a fault.
 */
const BOUND = 2000;

const ONE = ['--max-conns', '1'];

function names(proxy: TestProxy): string[] {
  return [...proxy.program.pool.upstreams].map(({ name }) => name).sort();
}

async function upstreamsAre(proxy: TestProxy, expected: readonly string[]): Promise<number> {
  const began = performance.now();
  await vi.waitFor(() => expect(names(proxy)).toEqual(expected), { timeout: BOUND, interval: 2 });
  return performance.now() - began;
}

function report(what: string, ms: number): void {
  process.stdout.write(`${what}: ${ms.toFixed(1)} ms\n`);
}

describe('a glob', () => {
  it('takes in a socket that appears, and it gets traffic', async () => {
    const directory = tempDir();
    const proxy = await startProxy(['--upstream', `${directory}/w*.sock`, ...ONE]);
    expect(names(proxy)).toEqual([]);
    const waiting = ask(proxy.path);
    await eventually(() => expect(proxy.program.pool.waiting).toBe(1));
    await fakeWorker(answering('new'), { path: join(directory, 'w1.sock') });
    const began = performance.now();
    expect((await waiting).body.toString()).toBe('new');
    const ms = performance.now() - began;
    report('from a new socket to the answer of a request that waited', ms);
    expect(ms).toBeLessThan(BOUND);
  });

  it('adds to those that are there already', async () => {
    const directory = tempDir();
    const first = await fakeWorker(answering('first'), { path: join(directory, 'w1.sock') });
    const proxy = await startProxy(['--upstream', `${directory}/w*.sock`, '--balance', 'round-robin', ...ONE]);
    expect(names(proxy)).toEqual([first.path]);
    const second = await fakeWorker(answering('second'), { path: join(directory, 'w2.sock') });
    report('from a new socket to a new upstream', await upstreamsAre(proxy, [first.path, second.path]));
    const texts = [await ask(proxy.path), await ask(proxy.path)].map(({ body }) => body.toString());
    expect(texts.sort()).toEqual(['first', 'second']);
  });

  it('lets one whose socket is removed finish what it holds, and gives it nothing more', async () => {
    const directory = tempDir();
    const { handler, next } = holding();
    const { handler: recorded, seen } = recording(handler);
    const leaving = await fakeWorker(recorded, { path: join(directory, 'w1.sock') });
    const proxy = await startProxy(['--upstream', `${directory}/w*.sock`, ...ONE]);
    const held = ask(proxy.path, { path: '/held' });
    const reply = await next();
    const staying = await fakeWorker(answering('staying'), { path: join(directory, 'w2.sock') });
    await upstreamsAre(proxy, [leaving.path, staying.path]);
    rmSync(leaving.path);
    report('from a removed socket to an upstream less', await upstreamsAre(proxy, [staying.path]));
    for (let i = 0; i < 4; i += 1) expect((await ask(proxy.path)).body.toString()).toBe('staying');
    answer(reply, 'finished');
    expect((await held).body.toString()).toBe('finished');
    expect((await ask(proxy.path)).body.toString()).toBe('staying');
    expect(seen).toEqual(['/held']);
  });

  it('knows a socket again that was moved away and back: a worker that is still busy gets no second request', async () => {
    const directory = tempDir();
    const path = join(directory, 'w1.sock');
    const { handler, next } = holding();
    const { handler: recorded, seen } = recording(handler);
    await fakeWorker(recorded, { path });
    const proxy = await startProxy(['--upstream', `${directory}/w*.sock`, ...ONE]);
    const held = ask(proxy.path, { path: '/held' });
    const reply = await next();
    renameSync(path, join(directory, 'away'));
    await upstreamsAre(proxy, []);
    renameSync(join(directory, 'away'), path);
    await upstreamsAre(proxy, [path]);
    const waiting = ask(proxy.path, { path: '/waiting' });
    await eventually(() => expect(proxy.program.pool.waiting).toBe(1));
    expect(seen).toEqual(['/held']);
    answer(reply, 'held');
    answer(await next(), 'waiting');
    expect([(await held).body.toString(), (await waiting).body.toString()]).toEqual(['held', 'waiting']);
  });

  it('takes a new socket of an old name for a new worker, whatever the old one is still at', async () => {
    const directory = tempDir();
    const path = join(directory, 'w1.sock');
    const { handler, next } = holding();
    await fakeWorker(handler, { path });
    const proxy = await startProxy(['--upstream', `${directory}/w*.sock`, ...ONE]);
    const held = ask(proxy.path);
    const reply = await next();
    renameSync(path, join(directory, 'away'));
    await upstreamsAre(proxy, []);
    await fakeWorker(answering('new'), { path });
    await upstreamsAre(proxy, [path]);
    expect((await ask(proxy.path)).body.toString()).toBe('new');
    answer(reply, 'old');
    expect((await held).body.toString()).toBe('old');
  });

  it('notices a socket that is replaced in one step, and asks the new worker for its capacity', async () => {
    const directory = tempDir();
    const path = join(directory, 'w1.sock');
    await fakeWorker(answering('old'), { path, maxConns: 3, single: false });
    const proxy = await startProxy(['--upstream', `${directory}/w*.sock`]);
    expect((await ask(proxy.path)).body.toString()).toBe('old');
    const [upstream] = [...proxy.program.pool.upstreams];
    expect(upstream?.capacity).toBe(3);
    const replacement = await fakeWorker(answering('new'), { path: join(directory, 'n1.sock'), maxConns: 5, single: false });
    renameSync(replacement.path, path);
    await vi.waitFor(() => expect(upstream?.capacity).toBeUndefined(), { timeout: BOUND, interval: 2 });
    expect((await ask(proxy.path)).body.toString()).toBe('new');
    expect(upstream?.capacity).toBe(5);
  });

  it('notices a socket that is replaced where a link leads to, though its own directory does not change', async () => {
    const [directory, elsewhere] = [tempDir(), tempDir()];
    const path = join(directory, 'w1.sock');
    const real = join(elsewhere, 'real.sock');
    await fakeWorker(answering('old'), { path: real, maxConns: 3, single: false });
    symlinkSync(real, path);
    utimesSync(directory, 1, 1);
    const proxy = await startProxy(['--upstream', `${directory}/w*.sock`]);
    expect((await ask(proxy.path)).body.toString()).toBe('old');
    const [upstream] = [...proxy.program.pool.upstreams];
    const replacement = await fakeWorker(answering('new'), { path: join(elsewhere, 'n1.sock'), maxConns: 5, single: false });
    renameSync(replacement.path, real);
    // Nothing reports it: it is found when the directory is read again.
    await vi.waitFor(() => expect(upstream?.capacity).toBeUndefined(), { timeout: 3 * BOUND, interval: 10 });
    expect((await ask(proxy.path)).body.toString()).toBe('new');
    expect(upstream?.capacity).toBe(5);
  });

  it('serves on when a worker restarts: removes its socket and creates it anew', async () => {
    const directory = tempDir();
    const path = join(directory, 'w1.sock');
    const old = await fakeWorker(answering('old'), { path });
    const proxy = await startProxy(['--upstream', `${directory}/w*.sock`, ...ONE]);
    expect((await ask(proxy.path)).body.toString()).toBe('old');
    await old.close();
    const waiting = ask(proxy.path);
    await upstreamsAre(proxy, []);
    await fakeWorker(answering('new'), { path });
    expect((await waiting).body.toString()).toBe('new');
  });

  it('waits for a directory that does not exist yet', async () => {
    const directory = join(tempDir(), 'later');
    const proxy = await startProxy(['--upstream', `${directory}/w*.sock`, ...ONE]);
    mkdirSync(directory);
    const worker = await fakeWorker(answering('later'), { path: join(directory, 'w1.sock') });
    report('from a new directory to a new upstream', await upstreamsAre(proxy, [worker.path]));
    expect((await ask(proxy.path)).body.toString()).toBe('later');
  });

  it('waits for directories several levels down, and for ones that match', async () => {
    const root = tempDir();
    const proxy = await startProxy(['--upstream', `${root}/a/app-*/fcgi.sock`, ...ONE]);
    mkdirSync(join(root, 'a'));
    mkdirSync(join(root, 'a', 'app-1'));
    mkdirSync(join(root, 'a', 'other'));
    const worker = await fakeWorker(answering('deep'), { path: join(root, 'a', 'app-1', 'fcgi.sock') });
    await fakeWorker(answering('wrong'), { path: join(root, 'a', 'other', 'fcgi.sock') });
    await upstreamsAre(proxy, [worker.path]);
  });

  it('survives that its directory is removed and comes again', async () => {
    const directory = join(tempDir(), 'run');
    mkdirSync(directory);
    const path = join(directory, 'w1.sock');
    const old = await fakeWorker(answering('old'), { path });
    const proxy = await startProxy(['--upstream', `${directory}/w*.sock`, ...ONE]);
    await old.close();
    rmSync(directory, { recursive: true });
    await upstreamsAre(proxy, []);
    mkdirSync(directory);
    await fakeWorker(answering('new'), { path });
    await upstreamsAre(proxy, [path]);
    expect((await ask(proxy.path)).body.toString()).toBe('new');
  });

  it('ignores what is no socket, and says so once', async () => {
    const directory = tempDir();
    writeFileSync(join(directory, 'w0.sock'), 'a file');
    mkdirSync(join(directory, 'w2.sock'));
    const worker = await fakeWorker(answering('fine'), { path: join(directory, 'w1.sock') });
    const proxy = await startProxy(['--upstream', `${directory}/w*.sock`, ...ONE]);
    expect(names(proxy)).toEqual([worker.path]);
    const more = await fakeWorker(answering('fine'), { path: join(directory, 'w3.sock') });
    await upstreamsAre(proxy, [worker.path, more.path]);
    const complaints = proxy.log.filter(({ level, message }) => level === 'warn' && message.includes('ignored'));
    expect(complaints.map(({ fields }) => fields['problem'])).toEqual([
      `${join(directory, 'w0.sock')}: it is not a socket`,
      `${join(directory, 'w2.sock')}: it is not a socket`,
    ]);
  });

  it('ignores a socket whose name does not match', async () => {
    const directory = tempDir();
    const proxy = await startProxy(['--upstream', `${directory}/w[12].sock`, ...ONE]);
    await fakeWorker(answering('wrong'), { path: join(directory, 'w3.sock') });
    const worker = await fakeWorker(answering('right'), { path: join(directory, 'w2.sock') });
    await upstreamsAre(proxy, [worker.path]);
  });

  it('and a path that name the same socket make one upstream, gone when both are', async () => {
    const directory = tempDir();
    const worker = await fakeWorker(answering('fine'), { path: join(directory, 'w1.sock') });
    const proxy = await startProxy(['--upstream', `${directory}/w*.sock`, worker.path, ...ONE]);
    expect(names(proxy)).toEqual([worker.path]);
    const other = await fakeWorker(answering('fine'), { path: join(directory, 'w2.sock') });
    await upstreamsAre(proxy, [worker.path, other.path]);
    rmSync(other.path);
    rmSync(worker.path);
    // The path was written out, so it stays, present or not.
    await upstreamsAre(proxy, [worker.path]);
  });
});

describe('a path that was written out', () => {
  it.each([
    ['in a directory that is there', (directory: string) => directory],
    ['in a directory that comes with it', (directory: string) => join(directory, 'later')],
  ])('is known to be back when its socket appears %s, before any request has tried it', async (_where, place) => {
    const directory = place(tempDir());
    const path = join(directory, 'w.sock');
    const proxy = await startProxy(['--upstream', path, ...ONE, '--queue-timeout', '50ms']);
    expect((await ask(proxy.path)).status).toBe(503);
    const [upstream] = [...proxy.program.pool.upstreams];
    expect(upstream?.unreachable).toBe(true);
    mkdirSync(directory, { recursive: true });
    const worker = await fakeWorker(answering('back'), { path });
    await eventually(() => expect(upstream?.unreachable).toBe(false));
    expect(worker.connections()).toBe(0);
    expect((await ask(proxy.path)).body.toString()).toBe('back');
  });
});
