// --balance sticky:COOKIE from end to end: the cookie is issued, honoured, replaced when it is
// worth nothing, and waited for.

import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Answer, type Ask, ask, type Where } from '../support/clients/http-client.ts';
import { eventually } from '../support/eventually.ts';
import { startProxy } from '../support/program/proxy.ts';
import { answer, answering, fakeWorker, holding } from '../support/servers/fake-worker.ts';
import { tempDir } from '../support/temp-dir.ts';

const STICKY = ['--balance', 'sticky:route', '--max-conns', '1'];

/** The cookies of ours that an answer sets. */
function routes({ headers }: Answer): readonly string[] {
  return (headers['set-cookie'] ?? []).filter((field) => field.startsWith('route='));
}

/** A browser: it brings back what it was given. */
class Browser {
  readonly #where: Where;
  cookie = '';

  constructor(where: Where, cookie = '') {
    this.#where = where;
    this.cookie = cookie;
  }

  async ask(options: Ask = {}): Promise<Answer> {
    const brought = this.cookie === '' ? {} : { Cookie: `theme=dark; ${this.cookie}` };
    const got = await ask(this.#where, { ...options, headers: { ...options.headers, ...brought } });
    for (const field of routes(got)) this.cookie = field.split(';')[0] ?? '';
    return got;
  }

  async text(): Promise<string> {
    return (await this.ask()).body.toString();
  }
}

/** Workers that answer with their own path, found by a glob. */
async function workers(
  count: number,
  directory = tempDir(),
): Promise<{ readonly glob: string; readonly paths: readonly string[] }> {
  const paths = Array.from({ length: count }, (_, index) => join(directory, `w${index + 1}.sock`));
  for (const path of paths) await fakeWorker(answering(path), { path });
  return { glob: `${directory}/w*.sock`, paths };
}

describe('--balance sticky:route', () => {
  it('gives a client a cookie with its first answer, and none once it has one', async () => {
    const { glob } = await workers(3);
    const proxy = await startProxy([...STICKY, '--upstream', glob]);
    const browser = new Browser(proxy.path);
    const first = await browser.ask();
    expect(routes(first)).toEqual([expect.stringMatching(/^route=[A-Za-z0-9_-]{36}; Path=\/; HttpOnly; SameSite=Lax$/)]);
    for (let i = 0; i < 5; i += 1) expect((await browser.ask()).headers['set-cookie']).toBeUndefined();
  });

  it('brings each client back to the worker it had', async () => {
    const { glob, paths } = await workers(3);
    const proxy = await startProxy([...STICKY, '--upstream', glob]);
    const browsers = Array.from({ length: 9 }, () => new Browser(proxy.path));
    const homes: string[] = [];
    for (const browser of browsers) homes.push(await browser.text());
    expect(new Set(homes)).toEqual(new Set(paths));
    for (let i = 0; i < 3; i += 1) {
      const order = browsers.map((browser, index) => [browser, homes[index]] as const).toReversed();
      for (const [browser, home] of order) expect(await browser.text()).toBe(home);
    }
  });

  it('does not touch the cookies of the application, and lets it see ours among the others', async () => {
    const worker = await fakeWorker((reply) => {
      const seen = reply.request.params.get('HTTP_COOKIE') ?? 'none';
      reply.stdout(`Set-Cookie: a=1; Path=/x\r\nContent-Type: text/plain\r\nSet-Cookie: b=2\r\nSet-Cookie: a=3\r\n\r\n${seen}`);
      reply.end();
    });
    const proxy = await startProxy([...STICKY, '--upstream', worker.path]);
    const browser = new Browser(proxy.path);
    const first = await browser.ask();
    expect(first.headers['set-cookie']).toEqual([
      'a=1; Path=/x',
      'b=2',
      'a=3',
      `${browser.cookie}; Path=/; HttpOnly; SameSite=Lax`,
    ]);
    const second = await browser.ask();
    expect([second.body.toString(), second.headers['set-cookie']]).toEqual([
      `theme=dark; ${browser.cookie}`,
      ['a=1; Path=/x', 'b=2', 'a=3'],
    ]);
  });

  it('replaces a cookie that is forged, cut, or of another process', async () => {
    const { glob } = await workers(2);
    const proxy = await startProxy([...STICKY, '--upstream', glob]);
    const other = await startProxy([...STICKY, '--upstream', glob]);
    const [mine, theirs] = [new Browser(proxy.path), new Browser(other.path)];
    await mine.ask();
    await theirs.ask();
    const last = mine.cookie.at(-1) === 'A' ? 'B' : 'A';
    const values = [
      `${mine.cookie.slice(0, -1)}${last}`,
      mine.cookie.slice(0, -1),
      `route=${Buffer.alloc(27).toString('base64url')}`,
      'route=',
      'route=/run/w1.sock',
      theirs.cookie,
    ];
    for (const cookie of values) {
      const browser = new Browser(proxy.path, cookie);
      expect([cookie, routes(await browser.ask()).length]).toEqual([cookie, 1]);
      expect([cookie, routes(await browser.ask()).length]).toEqual([cookie, 0]);
    }
  });

  it('marks the cookie Secure for a client that came by https', async () => {
    const { glob } = await workers(1);
    const proxy = await startProxy([...STICKY, '--upstream', glob]);
    const forwarded = await ask(proxy.path, { headers: { 'X-Forwarded-Proto': 'https' } });
    expect(routes(forwarded)[0]).toMatch(/; Secure$/);
    const told = await startProxy([...STICKY, '--param', 'HTTPS=on', '--upstream', glob]);
    expect(routes(await ask(told.path))[0]).toMatch(/; Secure$/);
  });

  it.each(['204 No Content', '304 Not Modified', '302 Found\r\nLocation: https://test.example/', '500 Oops', '404 Not Found'])(
    'sets the cookie on whatever the worker answers: %s',
    async (status) => {
      const worker = await fakeWorker((reply) => {
        reply.stdout(`Status: ${status}\r\n\r\n`);
        reply.end();
      });
      const proxy = await startProxy([...STICKY, '--upstream', worker.path]);
      expect(routes(await ask(proxy.path))).toHaveLength(1);
      expect(routes(await ask(proxy.path, { method: 'HEAD' }))).toHaveLength(1);
    },
  );

  it('sets none on an error page of its own, nor on what a shared cache may keep', async () => {
    const broken = await fakeWorker((reply) => {
      reply.stdout('no head\r\n\r\n');
      reply.end();
    });
    const proxy = await startProxy([...STICKY, '--attempts', '1', '--upstream', broken.path]);
    const page = await ask(proxy.path);
    expect([page.status, page.headers['set-cookie']]).toEqual([502, undefined]);
    const cached = await fakeWorker((reply) => {
      reply.stdout('Cache-Control: public, max-age=60\r\n\r\nbody');
      reply.end();
    });
    const second = await startProxy([...STICKY, '--upstream', cached.path]);
    expect((await ask(second.path)).headers['set-cookie']).toBeUndefined();
  });

  it('lets a client wait for its worker while it is busy, and others pass by', async () => {
    const [one, two] = [holding(), holding()];
    const found = [await fakeWorker(one.handler), await fakeWorker(two.handler)];
    const proxy = await startProxy([...STICKY, '--upstream', ...found.map(({ path }) => path)]);
    const [a, b] = [new Browser(proxy.path), new Browser(proxy.path)];
    const firsts = [a.text(), b.text()];
    answer(await one.next(), 'one');
    answer(await two.next(), 'two');
    const homes = await Promise.all(firsts);
    const [ofOne, ofTwo] = homes[0] === 'one' ? [a, b] : [b, a];

    const held = ofOne.text();
    const reply = await one.next();
    const waits = ofOne.text();
    await eventually(() => expect(proxy.program.pool.waiting).toBe(1));
    // Those who belong to the other one, or nowhere, go on meanwhile.
    for (const browser of [ofTwo, new Browser(proxy.path), ofTwo]) {
      const passing = browser.text();
      answer(await two.next(), 'two');
      expect(await passing).toBe('two');
    }
    expect(proxy.program.pool.waiting).toBe(1);
    answer(reply, 'one');
    expect(await held).toBe('one');
    answer(await one.next(), 'one at last');
    expect(await waits).toBe('one at last');
  });

  it('gives a client whose worker is gone another one at once, with a new cookie, and leaves it there', async () => {
    const { glob, paths } = await workers(3);
    const proxy = await startProxy([...STICKY, '--upstream', glob]);
    const browser = new Browser(proxy.path);
    const home = await browser.text();
    rmSync(home);
    await eventually(() => expect(proxy.program.pool.upstreams.size).toBe(2));
    const moved = await browser.ask();
    expect(paths.filter((path) => path !== home)).toContain(moved.body.toString());
    expect(routes(moved)).toHaveLength(1);
    const again = await browser.ask();
    expect([again.body.toString(), routes(again).length]).toEqual([moved.body.toString(), 0]);
  });

  it('gives a client that waits for its worker another one in the moment that it is drained', async () => {
    const [one, two] = [holding(), holding()];
    const found = [await fakeWorker(one.handler), await fakeWorker(two.handler)];
    const proxy = await startProxy([...STICKY, '--upstream', ...found.map(({ path }) => path)]);
    const [home, other] = proxy.program.pool.upstreams;
    other?.want('drain', 'test');
    const browser = new Browser(proxy.path);
    const first = browser.text();
    answer(await one.next(), 'home');
    expect(await first).toBe('home');
    other?.want('serve', 'test');

    const held = browser.text();
    const reply = await one.next();
    const waits = browser.ask();
    await eventually(() => expect(proxy.program.pool.waiting).toBe(1));
    home?.want('drain', 'test');
    answer(await two.next(), 'other');
    const moved = await waits;
    expect([moved.body.toString(), routes(moved).length]).toEqual(['other', 1]);
    answer(reply, 'home');
    expect(await held).toBe('home');
  });

  it('knows the cookies of before a restart, and those of another node, by a secret in a file', async () => {
    const directory = tempDir();
    const secret = join(directory, 'secret');
    writeFileSync(secret, `${'0123456789abcdef'.repeat(2)}\n`);
    const { glob } = await workers(4, directory);
    const words = [...STICKY, '--sticky-secret-file', secret, '--upstream', glob];
    const before = await startProxy(words);
    const browsers = Array.from({ length: 8 }, () => new Browser(before.path));
    const homes: string[] = [];
    for (const browser of browsers) homes.push(await browser.text());
    await before.stop();
    const after = await startProxy(words);
    for (const [index, { cookie }] of browsers.entries()) {
      const got = await new Browser(after.path, cookie).ask();
      expect([got.body.toString(), routes(got).length]).toEqual([homes[index], 0]);
    }
  });
});
