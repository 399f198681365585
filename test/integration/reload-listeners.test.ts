// A reload and the listeners: what stays is not touched, what changes is swapped, and what cannot
// be had changes nothing.

import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openLogs } from '../../src/app/logging.ts';
import { unixAddress } from '../../src/core/address.ts';
import { systemClock } from '../../src/core/clock.ts';
import { ask, testClient } from '../support/clients/http-client.ts';
import { eventually } from '../support/eventually.ts';
import { startProxy } from '../support/program/proxy.ts';
import { poolsFile, reloadable } from '../support/program/reloadable.ts';
import { answer, answering, fakeWorker, holding } from '../support/servers/fake-worker.ts';
import { tempDir } from '../support/temp-dir.ts';

const KEPT = 'GET /kept HTTP/1.1\r\nHost: a\r\n\r\n';

describe('a listener that stays', () => {
  it('is the same socket after the reload, and its kept connections go on', async () => {
    const worker = await fakeWorker(answering('fine'));
    const { proxy, reload } = await reloadable(poolsFile({ rt: `{ upstreams: [${worker.path}] }` }));
    const before = statSync(proxy.path).ino;
    const kept = testClient(proxy.path);
    for (let i = 1; i <= 3; i += 1) {
      kept.write(KEPT);
      await kept.until((received) => received.split('HTTP/1.1 200').length === i + 1);
      await reload(poolsFile({ rt: `{ upstreams: [${worker.path}], queue: { size: ${i} } }` }));
    }
    expect(kept.received()).not.toMatch(/connection: close/i);
    expect(statSync(proxy.path).ino).toBe(before);
  });

  it('takes up other limits for clients', async () => {
    const worker = await fakeWorker(answering('fine'));
    const { proxy, reload } = await reloadable(poolsFile({ rt: `{ upstreams: [${worker.path}] }` }));
    const headers = { 'X-Long': 'x'.repeat(6000) };
    expect((await ask(proxy.path, { headers })).status).toBe(200);
    await reload(poolsFile({ rt: `{ upstreams: [${worker.path}] }` }, 'client: { max_header: 4k }\n'));
    expect((await ask(proxy.path, { headers })).status).toBe(431);
    await reload(poolsFile({ rt: `{ upstreams: [${worker.path}] }` }, 'client: { max_header: 16k }\n'));
    expect((await ask(proxy.path, { headers })).status).toBe(200);
  });
});

describe('a listener that the reload takes out', () => {
  it('answers what runs and what comes on kept connections, with Connection: close, while the new one serves', async () => {
    const { handler, next } = holding();
    const [one, two] = [await fakeWorker(handler), await fakeWorker(handler)];
    const { path, program, takeUp } = await startProxy(['--upstream', one.path, two.path, '--max-conns', '1']);
    const kept = testClient(path);
    kept.write(KEPT);
    answer(await next(), 'before');
    await kept.until((received) => received.includes('before'));
    const running = ask(path);
    const held = await next();
    const other = join(tempDir(), 'other.sock');
    await takeUp({ ...program.settings, listen: [unixAddress(other)] });
    expect([existsSync(path), existsSync(other)]).toEqual([false, true]);
    kept.write(KEPT);
    answer(await next(), 'after');
    expect((await kept.closed).received).toMatch(/Connection: close\r\n[\s\S]*after/i);
    const fresh = ask(other);
    answer(await next(), 'fresh');
    expect((await fresh).body.toString()).toBe('fresh');
    answer(held, 'held');
    expect(await running).toMatchObject({ status: 200, complete: true });
  });

  it('can be taken in again while its last request still runs', async () => {
    const { handler, next } = holding();
    const worker = await fakeWorker(handler);
    const { path, program, takeUp } = await startProxy(['--upstream', worker.path, '--max-conns', '1']);
    const { settings } = program;
    const running = ask(path);
    const held = await next();
    await takeUp({ ...settings, listen: [unixAddress(join(tempDir(), 'other.sock'))] });
    await takeUp(settings);
    answer(held, 'old');
    expect((await running).body.toString()).toBe('old');
    const again = ask(path);
    answer(await next(), 'new');
    expect((await again).body.toString()).toBe('new');
  });
});

describe('a reload that fails', () => {
  it('for a listener that cannot be bound changes nothing and leaves nothing open', async () => {
    const [old, fresh] = [await fakeWorker(answering('old')), await fakeWorker(answering('fresh'))];
    const { proxy } = await reloadable(poolsFile({ rt: `{ upstreams: [${old.path}] }` }));
    const { program, takeUp } = proxy;
    const { settings } = program;
    const directory = tempDir();
    const opened = join(directory, 'opened.sock');
    const log = join(directory, 'access.log');
    const [pool] = settings.pools;
    if (pool === undefined) throw new Error('no pool');
    const impossible = {
      ...settings,
      listen: [...settings.listen, unixAddress(opened), unixAddress('/nowhere/at/all.sock')],
      accessLog: { kind: 'file', path: log } as const,
      pools: [
        {
          ...pool,
          upstreams: [{ ...pool.upstreams[0], kind: 'address', address: unixAddress(fresh.path) } as (typeof pool.upstreams)[0]],
        },
      ],
    };
    await expect(takeUp(impossible)).rejects.toThrow('/nowhere/at/all.sock');
    expect(program.generation).toBe(1);
    expect(program.settings).toBe(settings);
    expect(existsSync(opened)).toBe(false);
    expect([...program.pool.upstreams].map(({ name }) => name)).toEqual([old.path]);
    for (let i = 0; i < 3; i += 1) expect((await ask(proxy.path)).body.toString()).toBe('old');
  });

  it('for a bad file changes nothing and shows its problems in the status until one that works', async () => {
    const worker = await fakeWorker(answering('fine'));
    const good = poolsFile({ rt: `{ upstreams: [${worker.path}] }` });
    const { proxy, status, reload, tryReload } = await reloadable(good);
    expect(status()).toMatchObject({ generation: 1, reload: null });
    const result = await tryReload(`${good}log_levle: info\n`);
    expect(result).toMatchObject({
      result: 'bad',
      problems: [expect.stringContaining("did you mean 'log_level'?"), expect.stringContaining('1 problem')],
    });
    expect(status()).toMatchObject({ generation: 1, reload: { result: 'bad' } });
    expect(proxy.log.filter(({ level }) => level === 'error').map(({ message }) => message)).toEqual([
      expect.stringContaining("did you mean 'log_level'?"),
      expect.stringContaining('1 problem'),
      'nothing was reloaded: the program goes on as before',
    ]);
    expect((await ask(proxy.path)).status).toBe(200);
    await reload(good);
    expect(status()).toMatchObject({ generation: 2, reload: { result: 'good', generation: 2 } });
  });

  it('because a pool changes between FastCGI and HTTP is refused', async () => {
    const worker = await fakeWorker(answering('fine'));
    const { proxy, tryReload } = await reloadable(poolsFile({ rt: `{ upstreams: [${worker.path}] }` }));
    const result = await tryReload(poolsFile({ rt: '{ upstreams: ["http://127.0.0.1:9"] }' }));
    expect(result).toMatchObject({
      result: 'bad',
      problems: ['pool rt changes between FastCGI and HTTP upstreams; give the new one another name'],
    });
    expect((await ask(proxy.path)).status).toBe(200);
  });
});

describe('changes that meet', () => {
  it('take turns: of many reloads at once each is done, and the last one holds', async () => {
    const worker = await fakeWorker(answering('fine'));
    const { path, program, takeUp } = await startProxy(['--upstream', `${join(worker.path, '..')}/*.sock`]);
    const { settings } = program;
    const directory = tempDir();
    const reloads = Array.from({ length: 10 }, (_, i) =>
      takeUp({ ...settings, listen: [...settings.listen, unixAddress(join(directory, `${i}.sock`))] }),
    );
    await Promise.all(reloads);
    expect(program.generation).toBe(11);
    expect(readdirSync(directory)).toEqual(['9.sock']);
    expect((await ask(path)).status).toBe(200);
  });

  it('a reload while the sockets of the one before are still looked for waits for it, and the last one holds', async () => {
    const [one, two] = [await fakeWorker(answering('one')), await fakeWorker(answering('two'))];
    const { path, program, takeUp } = await startProxy(['--upstream', one.path]);
    const { settings } = program;
    const [pool] = settings.pools;
    const [spec] = pool?.upstreams ?? [];
    if (pool === undefined || spec === undefined) throw new Error('no pool');
    const found = { ...spec, kind: 'glob', pattern: `${join(two.path, '..')}/*.sock` } as const;
    const withUpstreams = (...upstreams: (typeof pool.upstreams)[number][]) => ({ ...settings, pools: [{ ...pool, upstreams }] });
    const names = (): string[] => [...program.pool.upstreams].map(({ name }) => name);
    await Promise.all([takeUp(withUpstreams(spec, found)), takeUp(settings)]);
    expect(names()).toEqual([one.path]);
    await Promise.all([takeUp(withUpstreams(spec, found)), takeUp(settings), takeUp(withUpstreams(found))]);
    expect(names()).toEqual([two.path]);
    expect((await ask(path)).body.toString()).toBe('two');
  });

  it('a stop in the middle of a reload: the reload is given up, and nothing stays open', async () => {
    const worker = await fakeWorker(answering('fine'));
    const proxy = await startProxy(['--upstream', worker.path]);
    const { settings } = proxy.program;
    const directory = tempDir();
    const [pool] = settings.pools;
    const [spec] = pool?.upstreams ?? [];
    if (pool === undefined || spec === undefined) throw new Error('no pool');
    // To look for sockets takes many turns of the event loop.
    const glob = { ...spec, kind: 'glob', pattern: `${directory}/*/*.sock` } as const;
    const next = {
      ...settings,
      listen: [unixAddress(join(directory, 'late.sock'))],
      pools: [{ ...pool, upstreams: [spec, glob] }],
    };
    const reload = proxy.takeUp(next).catch(String);
    await new Promise((resolve) => setImmediate(resolve));
    expect(proxy.program.generation).toBe(1);
    await proxy.stop();
    expect(await reload).toContain('the program is stopping');
    expect(proxy.program.generation).toBe(1);
    expect(readdirSync(directory)).toEqual([]);
    await expect(proxy.takeUp(settings)).rejects.toThrow('the program is stopping');
  });
});

describe('the access log', () => {
  it('goes where the settings say from the reload on, quick changes included, and loses no line', async () => {
    const directory = tempDir();
    const at = (name: string) =>
      ({ accessLog: { kind: 'file', path: join(directory, name) }, logLevel: 'error', logFormat: 'json' }) as const;
    const logs = openLogs(at('0.log'), systemClock);
    const line = {
      client: 'c',
      method: 'GET',
      path: '/',
      status: 200,
      bytes: 0,
      upstream: undefined,
      attempts: 0,
      queue: undefined,
      connect: undefined,
      head: undefined,
      total: 0,
      error: undefined,
    };
    for (let i = 0; i < 5; i += 1) {
      logs.accessLog?.({ ...line, path: `/${i}` });
      logs.prepare(at(`${i + 1}.log`)).commit();
    }
    logs.prepare(at('never.log')).rollback();
    mkdirSync(join(directory, 'd'));
    expect(() => logs.prepare(at('d'))).toThrow('EISDIR');
    for (let i = 0; i < 5; i += 1) {
      await eventually(() => {
        const lines = readFileSync(join(directory, `${i}.log`), 'utf8')
          .trim()
          .split('\n');
        expect(lines.map((text) => (JSON.parse(text) as { path: string }).path)).toEqual([`/${i}`]);
      });
    }
    logs.prepare({ ...at('x'), accessLog: { kind: 'off' } }).commit();
  });
});
