// Signals to the running program: a graceful stop cuts nobody off, a second one ends it at once.

import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { systemCode } from '../../src/core/errors.ts';
import { ask, testClient } from '../support/clients/http-client.ts';
import { eventually } from '../support/eventually.ts';
import { buildIfMissing, startCli } from '../support/program/cli-process.ts';
import { answer, answering, fakeWorker, holding } from '../support/servers/fake-worker.ts';
import { tempDir } from '../support/temp-dir.ts';

beforeAll(buildIfMissing);

async function running(upstreams: readonly string[], words: readonly string[] = []) {
  const path = join(tempDir(), 'http.sock');
  const cli = startCli(['--upstream', ...upstreams, '--listen', path, '--admin', 'off', '--max-conns', '1', ...words]);
  await cli.says('listening on');
  return { cli, path };
}

function connects(path: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    socket.once('connect', () => {
      socket.destroy();
      resolve('connected');
    });
    socket.once('error', (error) => resolve(systemCode(error) ?? 'error'));
  });
}

describe('SIGTERM', () => {
  it('lets what runs finish, tells kept connections to close, accepts nothing new, and ends with 0', async () => {
    const { handler, next } = holding();
    const [one, two] = [await fakeWorker(handler), await fakeWorker(handler)];
    const { cli, path } = await running([one.path, two.path]);

    const kept = testClient(path);
    kept.write('GET /kept HTTP/1.1\r\nHost: a\r\n\r\n');
    answer(await next(), 'before');
    expect(await kept.until((received) => received.includes('before'))).not.toMatch(/connection: close/i);
    const inFlight = ask(path, { path: '/in-flight' });
    const held = await next();

    cli.kill('SIGTERM');
    await cli.says('stopping');
    await eventually(async () => expect(await connects(path)).not.toBe('connected'));
    kept.write('GET /kept HTTP/1.1\r\nHost: a\r\n\r\n');
    answer(await next(), 'after');
    const { received, error } = await kept.closed;
    expect(error).toBeUndefined();
    expect(received).toMatch(/\r\nConnection: close\r\n[\s\S]*after(?:\r\n0\r\n\r\n)?$/i);

    answer(held, 'finished');
    expect(await inFlight).toMatchObject({ status: 200, complete: true });
    expect(await cli.ended).toEqual({ code: 0, signal: null });
    expect(existsSync(path)).toBe(false);
    const lines = cli.stdout().trim().split('\n');
    expect(lines.map((line) => (JSON.parse(line) as { status: number }).status)).toEqual([200, 200, 200]);
  });

  it('serves those who wait in the queue as well', async () => {
    const { handler, next } = holding();
    const worker = await fakeWorker(handler);
    const { cli, path } = await running([worker.path]);
    const first = ask(path, { path: '/1' });
    const held = await next();
    // A request that has been read whole is in the queue, since the one slot is taken.
    const second = testClient(path);
    second.write('POST /2 HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n');
    await second.until((received) => received.includes('100 Continue'));
    second.write('x');
    cli.kill('SIGTERM');
    await cli.says('stopping');
    answer(held, 'one');
    answer(await next(), 'two');
    expect((await first).status).toBe(200);
    expect((await second.closed).received).toMatch(/HTTP\/1\.1 200 [\s\S]*two(?:\r\n0\r\n\r\n)?$/);
    expect((await cli.ended).code).toBe(0);
  });

  it('does not wait for idle kept connections', async () => {
    const worker = await fakeWorker(answering('fine'));
    const { cli, path } = await running([worker.path]);
    const silent = testClient(path);
    const idle = testClient(path);
    idle.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await idle.until((received) => received.includes('fine'));
    cli.kill('SIGTERM');
    expect((await idle.closed).error).toBeUndefined();
    await silent.closed;
    expect((await cli.ended).code).toBe(0);
  });

  it('waits no longer than --shutdown-timeout', async () => {
    const { handler, next } = holding();
    const worker = await fakeWorker(handler);
    const { cli, path } = await running([worker.path], ['--shutdown-timeout', '200ms']);
    const cut = ask(path).catch((error: unknown) => error);
    await next();
    cli.kill('SIGTERM');
    await cli.says('still running at the shutdown timeout');
    await cli.ended;
    expect(await cut).toBeInstanceOf(Error);
  });

  it('twice ends at once', async () => {
    const { handler, next } = holding();
    const worker = await fakeWorker(handler);
    const { cli, path } = await running([worker.path]);
    const cut = ask(path).catch((error: unknown) => error);
    await next();
    cli.kill('SIGTERM');
    await cli.says('stopping');
    const began = performance.now();
    cli.kill('SIGTERM');
    expect((await cli.ended).code).not.toBe(0);
    expect(performance.now() - began).toBeLessThan(5000);
    expect(await cut).toBeInstanceOf(Error);
  });
});

describe('SIGINT', () => {
  it('stops gracefully as well', async () => {
    const worker = await fakeWorker(answering('fine'));
    const { cli, path } = await running([worker.path]);
    expect((await ask(path)).status).toBe(200);
    cli.kill('SIGINT');
    expect(await cli.ended).toEqual({ code: 0, signal: null });
  });
});

describe('SIGHUP', () => {
  it('does not end the program', async () => {
    const worker = await fakeWorker(answering('fine'));
    const { cli, path } = await running([worker.path]);
    cli.kill('SIGHUP');
    for (let i = 0; i < 3; i += 1) expect((await ask(path)).status).toBe(200);
  });
});

describe('SIGUSR1', () => {
  it('opens the access log anew after it has been moved away', async () => {
    const worker = await fakeWorker(answering('fine'));
    const directory = tempDir();
    mkdirSync(join(directory, 'old'));
    const log = join(directory, 'access.log');
    const { cli, path } = await running([worker.path], ['--access-log', log]);
    await ask(path, { path: '/before' });
    await eventually(() => expect(readFileSync(log, 'utf8')).toContain('/before'));
    renameSync(log, join(directory, 'old', 'access.log'));
    cli.kill('SIGUSR1');
    await eventually(() => expect(existsSync(log)).toBe(true));
    await ask(path, { path: '/after' });
    await eventually(() => expect(readFileSync(log, 'utf8')).toContain('/after'));
    expect(readFileSync(join(directory, 'old', 'access.log'), 'utf8')).not.toContain('/after');
  });
});

describe('a standard output that nobody reads any more', () => {
  it('does not end the program', async () => {
    const worker = await fakeWorker(answering('fine'));
    const { cli, path } = await running([worker.path]);
    cli.dropStdout();
    for (let i = 0; i < 20; i += 1) expect((await ask(path)).status).toBe(200);
    cli.kill('SIGTERM');
    expect((await cli.ended).code).toBe(0);
  });
});
