// A reload that changes routes: a request is served by the routes that were there when it came,
// whatever holds when it ends.

import { writeFileSync } from 'node:fs';
import { Agent } from 'node:http';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Answer, ask, testClient } from '../support/clients/http-client.ts';
import { eventually } from '../support/eventually.ts';
import { writeFiles } from '../support/program/config-files.ts';
import { reloadable } from '../support/program/reloadable.ts';
import { answer, answering, fakeWorker, holding } from '../support/servers/fake-worker.ts';
import { tempDir } from '../support/temp-dir.ts';

const body = async (answered: Promise<Answer>): Promise<string> => (await answered).body.toString();

describe('a path that the reload moves', () => {
  it('to another pool: what runs and what waits ends in the old one, what comes is for the new one', async () => {
    const { handler, next } = holding();
    const [a, b] = [await fakeWorker(handler), await fakeWorker(answering('b'))];
    const pools = `pools: { a: { upstreams: [${a.path}] }, b: { upstreams: [${b.path}] } }\n`;
    const to = (first: string, second: string): string =>
      `${pools}routes: [{ path: /x, pool: ${first}, response_headers: { set: { X-By: ${first} } } }, { path: /y, pool: ${second} }]\n`;
    const { proxy, reload, pool } = await reloadable(to('a', 'b'));
    const running = ask(proxy.path, { path: '/x/1' });
    const held = await next();
    const waiting = ask(proxy.path, { path: '/x/2' });
    await eventually(() => expect(pool('a').queue.waiting).toBe(1));
    await reload(to('b', 'a'));
    expect(await ask(proxy.path, { path: '/x/3' })).toMatchObject({ status: 200, headers: { 'x-by': 'b' } });
    answer(held, 'first');
    answer(await next(), 'second');
    for (const [request, text] of [[running, 'first'] as const, [waiting, 'second'] as const]) {
      expect([(await request).headers['x-by'], await body(request)]).toEqual(['a', text]);
    }
  });

  it('from a pool to a fixed answer and back, with a body that is still on its way', async () => {
    const worker = await fakeWorker(answering('worker'));
    const pools = `pools: { rt: { upstreams: [${worker.path}] } }\n`;
    const toPool = `${pools}routes: [{ pool: rt }]\n`;
    const fixed = `${pools}routes: [{ path: /x, respond: { status: 200, body: fixed } }, { path: /rt, pool: rt }]\n`;
    const { proxy, reload } = await reloadable(toPool);
    const upload = testClient(proxy.path);
    upload.write('POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n');
    // Said by whoever has chosen the route.
    await upload.until((received) => received.includes('100 Continue'));
    await reload(fixed);
    expect(await body(ask(proxy.path, { path: '/x' }))).toBe('fixed');
    upload.write('body');
    expect((await upload.closed).received).toMatch(/HTTP\/1\.1 200 [\s\S]*worker/);
    await reload(toPool);
    expect(await body(ask(proxy.path, { path: '/x' }))).toBe('worker');
  });

  it('and takes away: what runs there ends well, what comes finds no route', async () => {
    const { handler, next } = holding();
    const worker = await fakeWorker(handler);
    const pools = `pools: { rt: { upstreams: [${worker.path}] } }\n`;
    const { proxy, reload } = await reloadable(`${pools}routes: [{ path: /x, pool: rt }, { path: /y, pool: rt }]\n`);
    const running = ask(proxy.path, { path: '/x' });
    const held = await next();
    await reload(`${pools}routes: [{ path: /y, pool: rt }]\n`);
    expect((await ask(proxy.path, { path: '/x' })).status).toBe(404);
    answer(held, 'fine');
    expect(await body(running)).toBe('fine');
  });
});

describe('error pages', () => {
  const site = (worker: string, page: string): string =>
    `pools: { rt: { upstreams: [${worker}], retry: { attempts: 1 } } }\nroutes: [{ pool: rt, error_pages: { 5xx: ${page} } }]\n`;

  it('are those that held when the request came', async () => {
    const { handler, next } = holding();
    const worker = await fakeWorker(handler);
    const directory = writeFiles({ 'old.html': 'old page', 'new.html': 'new page' });
    const { proxy, reload } = await reloadable(site(worker.path, join(directory, 'old.html')));
    const before = ask(proxy.path, { method: 'POST', body: 'x' });
    const held = await next();
    await reload(site(worker.path, join(directory, 'new.html')));
    held.socket.destroy();
    expect([(await before).status, await body(before)]).toEqual([502, 'old page']);
    const after = ask(proxy.path, { method: 'POST', body: 'x' });
    (await next()).socket.destroy();
    expect([(await after).status, await body(after)]).toEqual([502, 'new page']);
  });

  it('are read at load: a file that changes is taken up by the next reload, not before', async () => {
    const worker = await fakeWorker((reply) => void reply.socket.destroy());
    const page = join(tempDir(), 'page.html');
    writeFileSync(page, 'first text');
    const { proxy, reload } = await reloadable(site(worker.path, page));
    const shown = (): Promise<string> => body(ask(proxy.path, { method: 'POST', body: 'x' }));
    expect(await shown()).toBe('first text');
    writeFileSync(page, 'second text, and longer');
    expect(await shown()).toBe('first text');
    await reload(site(worker.path, page));
    expect(await shown()).toBe('second text, and longer');
  });

  it('that cannot be read are a problem of the file, with its place, and the old ones go on', async () => {
    const worker = await fakeWorker((reply) => void reply.socket.destroy());
    const directory = writeFiles({ 'page.html': 'the page', 'large.html': Buffer.alloc(1024 ** 2 + 1) });
    const { proxy, tryReload } = await reloadable(site(worker.path, join(directory, 'page.html')));
    for (const [bad, why] of [
      [join(directory, 'missing.html'), `there is no file '${directory}/missing.html'`],
      [directory, `'${directory}' is not a file`],
      [join(directory, 'large.html'), `'${directory}/large.html' has 1048577 bytes; at most 1048576 are read`],
    ]) {
      const result = await tryReload(site(worker.path, bad ?? ''));
      expect(result).toMatchObject({
        result: 'bad',
        problems: [expect.stringMatching(/f\.yaml:2:42: routes\[0\]\.error_pages\.5xx: /), expect.anything()],
      });
      expect(JSON.stringify(result)).toContain(why);
    }
    expect(await body(ask(proxy.path, { method: 'POST', body: 'x' }))).toBe('the page');
  });
});

/** What `/x` is in the configuration of that number, and what it then answers. */
const KINDS = [
  { route: 'pool: a', says: 'a' },
  { route: 'pool: b', says: 'b' },
  { route: 'respond: { status: 200, body: fixed }', says: 'fixed' },
  { route: 'static: DIRECTORY', says: 'file' },
  { route: 'pool: gone, error_pages: { 5xx: DIRECTORY/x }', says: 'file' },
] as const;

describe('under load', () => {
  it('each request is answered whole by a configuration that held between its beginning and its end', async () => {
    const [a, b] = [await fakeWorker(answering('a')), await fakeWorker(answering('b'))];
    const directory = writeFiles({ x: 'file' });
    const gone = `{ upstreams: [${directory}/none.sock], fail_fast_after: 0 }`;
    const pools = `pools: { a: { upstreams: [${a.path}] }, b: { upstreams: [${b.path}] }, gone: ${gone} }\n`;
    const others = ['a', 'b', 'gone'].map((name) => `  - { path: /only/${name}, pool: ${name} }\n`).join('');
    const kind = (number: number): (typeof KINDS)[number] => {
      const found = KINDS[(number * 3) % KINDS.length];
      if (found === undefined) throw new Error('no kind');
      return found;
    };
    const file = (number: number): string => {
      const what = kind(number).route.replaceAll('DIRECTORY', directory);
      return `${pools}routes:\n${others}  - { path: /x, ${what}, response_headers: { set: { X-Number: "${number}" } } }\n`;
    };
    const { proxy, reload } = await reloadable(file(0));
    /** The latest reload that has begun, and the latest that is through. */
    let [begun, through] = [0, 0];
    let going = true;
    const wrong: unknown[] = [];
    const seen = new Set<string>();
    const client = async (index: number): Promise<void> => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      onTestFinished(() => agent.destroy());
      while (going) {
        const least = through;
        const what = index % 2 === 0 ? {} : { method: 'POST', body: 'x' };
        const { headers, status, complete, body: bytes } = await ask(proxy.path, { path: '/x', agent, ...what });
        const number = Number(headers['x-number']);
        const text = bytes.toString();
        seen.add(text);
        // Files are for GET and HEAD.
        const says = status === 405 && kind(number).route.startsWith('static') ? text : kind(number).says;
        if (!complete || number < least || number > begun || text !== says) wrong.push({ number, least, begun, status, text });
      }
    };
    const clients = Array.from({ length: 4 }, (_, index) => client(index));
    for (let number = 1; number <= 40; number += 1) {
      begun = number;
      await reload(file(number));
      through = number;
      await ask(proxy.path, { path: '/only/a' });
    }
    going = false;
    await Promise.all(clients);
    expect(wrong).toEqual([]);
    for (const { says } of KINDS) expect(seen).toContain(says);
  });
});
