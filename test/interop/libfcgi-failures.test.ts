// Real libfcgi workers that die, are left alone by their clients, or hold kept connections.

import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { killProcess } from '../peers/launch.ts';
import { startCWorkers } from '../peers/libfcgi.ts';
import { ask, testClient } from '../support/clients/http-client.ts';
import { itWith } from '../support/program/programs.ts';
import { startProxy } from '../support/program/proxy.ts';

const itC = itWith('libfcgi', 'spawn-fcgi');

describe('a client that leaves a libfcgi worker at work', () => {
  itC('does not free its slot: the next request waits until the worker has finished', async () => {
    const workers = await startCWorkers();
    const site = await startProxy(['--upstream', ...workers.sockets]);
    const client = testClient(site.path);
    client.write('GET /work?first HTTP/1.1\r\nHost: h\r\n\r\n');
    await expect.poll(() => existsSync(join(workers.dir, 'working')), { timeout: 10_000 }).toBe(true);
    client.socket.destroy();
    expect(await site.accessLine(1)).toMatchObject({ path: '/work?first', error: 'FCGI_LB_CLIENT_GONE' });

    const second = ask(site.path, { path: '/echo?second' });
    await expect.poll(() => site.program.pool.waiting, { timeout: 10_000 }).toBe(1);
    expect([...site.program.pool.upstreams].map(({ inFlight }) => inFlight)).toEqual([1]);
    expect(existsSync(join(workers.dir, 'finished'))).toBe(false);
    expect(workers.journal().map(({ uri }) => uri)).toEqual(['/work?first']);

    writeFileSync(join(workers.dir, 'go'), '');
    expect((await second).body.toString()).toBe('GET /echo?second\n');
    // It was left, not stopped: it has done its work to the end.
    expect(existsSync(join(workers.dir, 'finished'))).toBe(true);
    expect(workers.journal().map(({ uri }) => uri)).toEqual(['/work?first', '/echo?second']);
  });

  itC('leaves the other workers to the others', async () => {
    const workers = await startCWorkers(2);
    const site = await startProxy(['--upstream', workers.glob]);
    const client = testClient(site.path);
    client.write('GET /work HTTP/1.1\r\nHost: h\r\n\r\n');
    await expect.poll(() => existsSync(join(workers.dir, 'working')), { timeout: 10_000 }).toBe(true);
    const busy = workers.journal()[0]?.pid;
    client.socket.destroy();
    await site.accessLine(1);
    for (let i = 0; i < 5; i += 1) expect((await ask(site.path, { path: `/echo?${i}` })).status).toBe(200);
    const others = workers.journal().slice(1);
    expect(others.map(({ pid }) => pid)).not.toContain(busy);
    writeFileSync(join(workers.dir, 'go'), '');
    await expect.poll(() => [...site.program.pool.upstreams].map(({ inFlight }) => inFlight)).toEqual([0, 0]);
  });
});

describe('a libfcgi worker that is killed', () => {
  itC('before its answer to a GET has it repeated on another worker', async () => {
    const workers = await startCWorkers(2);
    const site = await startProxy(['--upstream', workers.glob]);
    const answer = await ask(site.path, { path: '/die-once?at-once' });
    expect(answer.status).toBe(200);
    expect(answer.body.toString()).toBe('GET /die-once?at-once\n');
    expect(await site.accessLine(1)).toMatchObject({ status: 200, attempts: 2, error: undefined });
    const pids = workers.journal().map(({ pid }) => pid);
    expect(pids).toHaveLength(2);
    expect(new Set(pids).size).toBe(2);
  });

  itC('before its answer to a POST is a 502: the POST is begun once and not again', async () => {
    const workers = await startCWorkers(2);
    const site = await startProxy(['--upstream', workers.glob]);
    const answer = await ask(site.path, { method: 'POST', path: '/die-once?at-once', body: 'order 17' });
    expect(answer.status).toBe(502);
    expect(await site.accessLine(1)).toMatchObject({ status: 502, attempts: 1, error: 'FCGI_LB_UPSTREAM_CLOSED' });
    expect(workers.journal()).toHaveLength(1);
    // Both workers serve again: the dead one has been replaced.
    for (let i = 0; i < 6; i += 1) expect((await ask(site.path, { path: `/echo?${i}` })).status).toBe(200);
  });

  itC('half-way through its answer never looks like a whole one, and nothing is repeated', async () => {
    const workers = await startCWorkers(2);
    const site = await startProxy(['--upstream', workers.glob, '--listen', '127.0.0.1:0']);
    const client = testClient({ port: site.port });
    client.write('GET /die-once?half-way HTTP/1.1\r\nHost: h\r\n\r\n');
    const { received } = await client.closed;
    expect(received.endsWith('0\r\n\r\n')).toBe(false);
    expect(await site.accessLine(1)).toMatchObject({ attempts: 1, error: 'FCGI_LB_UPSTREAM_CLOSED' });
    expect(workers.journal()).toHaveLength(1);
  });

  itC('while its next request waits in the queue does not lose that request', async () => {
    const workers = await startCWorkers();
    const site = await startProxy(['--upstream', ...workers.sockets]);
    const first = ask(site.path, { method: 'POST', path: '/work', body: 'x' });
    await expect.poll(() => existsSync(join(workers.dir, 'working')), { timeout: 10_000 }).toBe(true);
    const waiting = Array.from({ length: 10 }, (_, i) => ask(site.path, { method: 'POST', path: `/echo?${i}`, body: 'y' }));
    await expect.poll(() => site.program.pool.waiting, { timeout: 10_000 }).toBe(10);
    killProcess(workers.journal()[0]?.pid ?? 0);
    expect((await first).status).toBe(502);
    expect((await Promise.all(waiting)).map(({ status }) => status)).toEqual(waiting.map(() => 200));
    expect(workers.journal()).toHaveLength(11);
  });
});

describe('kept connections to libfcgi workers', () => {
  itC('carry one request after the other with --keepalive, and only with it', async () => {
    const workers = await startCWorkers();
    for (const [words, connections] of [
      [['--keepalive', '10s'], 1],
      [[], 4],
    ] as const) {
      const site = await startProxy(['--upstream', ...workers.sockets, ...words]);
      const seen = new Set<unknown>();
      for (let i = 0; i < 4; i += 1) {
        const answer = await ask(site.path, { path: `/generate?${i * 50_000}` });
        expect(answer.status).toBe(200);
        expect(answer.body.length).toBe(i * 50_000);
        seen.add(answer.headers['x-connection']);
      }
      expect(seen.size, words.join(' ')).toBe(connections);
      await site.stop();
    }
  });

  itC('give way to a POST, which gets a fresh one and need not wait for the kept one to end', async () => {
    const workers = await startCWorkers();
    const site = await startProxy(['--upstream', ...workers.sockets, '--keepalive', '60s']);
    const get = await ask(site.path, { path: '/echo' });
    const post = await ask(site.path, { method: 'POST', path: '/echo', body: 'a body' });
    expect(post.body.toString()).toBe('POST /echo\na body');
    expect(post.headers['x-pid']).toBe(get.headers['x-pid']);
    expect(post.headers['x-connection']).not.toBe(get.headers['x-connection']);
  });

  itC('to a worker that is killed while idle are replaced, and no GET fails', async () => {
    const workers = await startCWorkers();
    const site = await startProxy(['--upstream', ...workers.sockets, '--keepalive', '10s']);
    const pids = new Set<number>();
    for (let round = 0; round < 15; round += 1) {
      const pid = Number((await ask(site.path, { path: `/echo?${round}` })).headers['x-pid']);
      expect(pids.has(pid)).toBe(false);
      pids.add(pid);
      killProcess(pid);
      // Sent at once, this may meet the connection before the news of its end.
      const next = await ask(site.path, { path: `/echo?next-${round}` });
      expect(next.status).toBe(200);
      expect(Number(next.headers['x-pid'])).not.toBe(pid);
      killProcess(Number(next.headers['x-pid']));
    }
    await site.accessLine(30);
    expect(site.access.every(({ status }) => status === 200)).toBe(true);
  });
});
