// --balance from end to end: each balancer by its name, and what a client notices of first and
// hash.

import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { ask } from '../support/clients/http-client.ts';
import { startProxy } from '../support/program/proxy.ts';
import { answer, answering, fakeWorker, holding } from '../support/servers/fake-worker.ts';
import { tempDir } from '../support/temp-dir.ts';

const ONE = ['--max-conns', '1'];
const NUMBERS = [1, 2, 3];

/** Three workers in one directory that answer with their own path. */
async function threeWorkers(): Promise<{ readonly glob: string; readonly paths: readonly string[] }> {
  const directory = tempDir();
  const paths = NUMBERS.map((number) => join(directory, `w${number}.sock`));
  for (const path of paths) await fakeWorker(answering(path), { path });
  return { glob: `${directory}/w*.sock`, paths };
}

async function ofSession(where: string, session: string): Promise<string> {
  const { body } = await ask(where, { headers: { Cookie: `theme=dark; session=${session}` } });
  return body.toString();
}

describe('--balance first', () => {
  it('uses the first worker while it is free, the second only while the first is busy, and lets the third sleep', async () => {
    const [one, two, three] = [holding(), holding(), holding()];
    const workers = [await fakeWorker(one.handler), await fakeWorker(two.handler), await fakeWorker(three.handler)];
    const proxy = await startProxy(['--balance', 'first', ...ONE, '--upstream', ...workers.map(({ path }) => path)]);
    const request = (): Promise<string> => ask(proxy.path).then(({ body }) => body.toString());
    for (let i = 0; i < 3; i += 1) {
      const free = request();
      answer(await one.next(), 'first');
      expect(await free).toBe('first');
    }
    const held = request();
    const reply = await one.next();
    for (let i = 0; i < 3; i += 1) {
      const beside = request();
      answer(await two.next(), 'second');
      expect(await beside).toBe('second');
    }
    answer(reply, 'first at last');
    expect(await held).toBe('first at last');
    const after = request();
    answer(await one.next(), 'first again');
    expect(await after).toBe('first again');
    const used = workers.map(({ path }) => proxy.access.filter(({ upstream }) => upstream === path).length);
    expect(used).toEqual([5, 3, 0]);
  });
});

describe("--balance 'hash:$cookie_session'", () => {
  const SESSIONS = Array.from({ length: 24 }, (_, index) => `s${index}`);

  it('keeps a session on one worker, and moves it when the socket of that worker vanishes, but not the others', async () => {
    const { glob, paths } = await threeWorkers();
    const proxy = await startProxy(['--balance', 'hash:$cookie_session', ...ONE, '--upstream', glob]);
    const homes = new Map<string, string>();
    for (const session of SESSIONS) homes.set(session, await ofSession(proxy.path, session));
    for (const session of SESSIONS) expect(await ofSession(proxy.path, session)).toBe(homes.get(session));
    expect(new Set(homes.values()).size).toBeGreaterThan(1);

    const gone = homes.get('s0') ?? '';
    rmSync(gone);
    await vi.waitFor(() => expect(proxy.program.pool.upstreams.size).toBe(2), { timeout: 5000, interval: 2 });
    for (const session of SESSIONS) {
      const now = await ofSession(proxy.path, session);
      expect(paths.filter((path) => path !== gone)).toContain(now);
      if (homes.get(session) !== gone) expect(now).toBe(homes.get(session));
      expect(await ofSession(proxy.path, session)).toBe(now);
    }
  });

  it('does not let a session wait for its worker while another is free', async () => {
    const [one, two] = [holding(), holding()];
    const workers = [await fakeWorker(one.handler), await fakeWorker(two.handler)];
    const proxy = await startProxy([
      '--balance',
      'hash:$cookie_session',
      ...ONE,
      '--upstream',
      ...workers.map(({ path }) => path),
    ]);
    const first = ofSession(proxy.path, 'mine');
    const second = ofSession(proxy.path, 'mine');
    // Each has one of the two: if both went to one worker, the other's would never come.
    answer(await one.next(), 'one');
    answer(await two.next(), 'two');
    expect([await first, await second].sort()).toEqual(['one', 'two']);
  });
});

describe('--balance', () => {
  it.each([
    'round-robin',
    'least-conn',
    'first',
    'random-two',
    'least-time',
    'hash:$remote_addr',
    'hash:$request_uri',
    'hash:$http_host',
    'hash:$cookie_session',
  ])('%s serves', async (balance) => {
    const { glob, paths } = await threeWorkers();
    const proxy = await startProxy(['--balance', balance, ...ONE, '--upstream', glob]);
    expect(proxy.log.find(({ fields }) => fields['balance'] === balance)?.level).toBe('info');
    const answers = await Promise.all(Array.from({ length: 12 }, (_, index) => ask(proxy.path, { path: `/${index}` })));
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    for (const { body } of answers) expect(paths).toContain(body.toString());
  });

  it('with a name that nobody knows is refused with the names that there are', async () => {
    await expect(startProxy(['--balance', 'fastest', '--upstream', '/run/none.sock'])).rejects.toThrow(
      "option --balance: 'fastest' is not known; expected round-robin, least-conn, first, random-two, least-time, hash:KEY or sticky:COOKIE",
    );
  });
});
