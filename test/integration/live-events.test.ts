// The live page's files and its stream as an HTTP client sees them: headers, who may listen, how
// many, and that a stream never holds up an end.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { MAX_READERS } from '../../src/admin/feed.ts';
import type { Status } from '../../src/admin/status.ts';
import { openStage } from '../support/admin/admin-fixture.ts';
import { sceneStatus } from '../support/admin/page-fixture.ts';
import { ask, type RawClient, testClient } from '../support/clients/http-client.ts';
import { eventually } from '../support/eventually.ts';
import { startProxy } from '../support/program/proxy.ts';
import { answering, fakeWorker } from '../support/servers/fake-worker.ts';
import { tempDir } from '../support/temp-dir.ts';

const PAGE = join(import.meta.dirname, '../../src/admin/page');
const HOST = { Host: 'localhost' };

async function staged(status?: (second: number) => Status) {
  const stage = await openStage(status === undefined ? {} : { status });
  onTestFinished(() => stage.close());
  return stage;
}

/** Opens a stream, and waits for its first message. */
async function listening(port: number, headers = ''): Promise<RawClient> {
  const client = testClient({ port });
  client.write(`GET /events HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n`);
  await client.until((received) => received.includes('event: all'));
  return client;
}

describe('the files of the live page', () => {
  it('are served with their types, and may load nothing from elsewhere', async () => {
    const { port } = await staged();
    const names = readdirSync(PAGE);
    expect(names.length).toBeGreaterThan(10);
    for (const path of ['/', ...names.map((name) => `/page/${name}`)]) {
      const { status, headers, body } = await ask({ port }, { path, headers: HOST });
      expect([path, status]).toEqual([path, 200]);
      expect(headers).toMatchObject({
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
        'cross-origin-resource-policy': 'same-origin',
        'x-frame-options': 'DENY',
        'cache-control': 'no-store',
      });
      const policy = headers['content-security-policy'] ?? '';
      expect(policy).toContain("default-src 'none'");
      for (const each of ["base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"]) expect(policy).toContain(each);
      expect(policy).not.toMatch(/unsafe|https?:|\*|data:/);
      const file = path === '/' ? 'page.html' : path.replace('/page/', '');
      expect(body.equals(readFileSync(join(PAGE, file)))).toBe(true);
    }
    expect((await ask({ port }, { headers: HOST })).headers['content-type']).toBe('text/html; charset=utf-8');
    expect((await ask({ port }, { path: '/page/main.js', headers: HOST })).headers['content-type']).toMatch(/^text\/javascript/);
  });

  it('are these and no others', async () => {
    const { port } = await staged();
    for (const name of ['', 'nothing.js', '..%2fserver.ts', '%2e%2e/server.ts', '../server.ts']) {
      expect((await ask({ port }, { path: `/page/${name}`, headers: HOST })).status).toBe(404);
    }
  });

  it('have no script, no style and no handler within the markup, and name nothing outside', () => {
    const html = readFileSync(join(PAGE, 'page.html'), 'utf8');
    expect(html).not.toMatch(/<style|style=|\son\w+=|javascript:|https?:|\/\/(?!\s)/);
    expect(html.replaceAll(/<script type="module" src="page\/main\.js"><\/script>/g, '')).not.toContain('<script');
    for (const name of readdirSync(PAGE).filter((each) => /\.(?:css|js)$/.test(each))) {
      expect([name, readFileSync(join(PAGE, name), 'utf8')]).toEqual([
        name,
        expect.not.stringMatching(/https?:\/\/|url\(|@import "|innerHTML|localStorage|sessionStorage|document\.cookie/),
      ]);
    }
  });
});

describe('GET /events', () => {
  it('tells what there is, and then what happens', async () => {
    const worker = await fakeWorker(answering('fine'));
    const admin = join(tempDir(), 'admin.sock');
    await startProxy(['--upstream', worker.path, '--admin', admin]);
    const client = testClient(admin);
    client.write('GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n');
    const first = await client.until((received) => received.includes('event: all'));
    expect(first).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(first).toMatch(/content-type: text\/event-stream\r\n/i);
    await ask(admin, {
      method: 'POST',
      path: `/pools/default/upstreams/${encodeURIComponent(worker.path)}/drain`,
      headers: HOST,
    });
    await client.until((received) => /event: events\ndata: \[\{"kind":"state",.*"is":"draining"/.test(received));
    await client.until((received) => /event: changes\n.*"state":"draining"/.test(received));
  });

  it('is not for the pages of others, which could use up the places', async () => {
    const { port } = await staged();
    const status = async (headers: Record<string, string>) => {
      const answer = await ask({ port }, { path: '/events', headers: { ...HOST, ...headers } });
      return answer.status;
    };
    expect(await status({ 'Sec-Fetch-Site': 'cross-site' })).toBe(403);
    expect(await status({ 'Sec-Fetch-Site': 'same-site' })).toBe(403);
    expect(await status({ Origin: 'http://evil.example' })).toBe(403);
    expect(await status({ Origin: 'null' })).toBe(403);
    expect(await status({ Host: 'evil.example' })).toBe(403);
    await listening(port, 'Sec-Fetch-Site: same-origin\r\nOrigin: http://localhost\r\n');
  });

  it('takes a certain number of listeners, and another one when one has left', async () => {
    const { port, feed } = await staged();
    const clients = await Promise.all(Array.from({ length: MAX_READERS }, () => listening(port)));
    const { status, body, headers } = await ask({ port }, { path: '/events', headers: HOST });
    expect([status, headers.connection, JSON.parse(body.toString())]).toEqual([
      503,
      'close',
      { error: '32 live pages are open already; close one' },
    ]);
    clients[0]?.socket.destroy();
    await eventually(() => expect(feed.full).toBe(false));
    await listening(port);
  });

  it('has no HEAD, which would open a stream that nobody reads', async () => {
    const { port, looks } = await staged();
    expect((await ask({ port }, { method: 'HEAD', path: '/events', headers: HOST })).status).toBe(404);
    expect(looks()).toBe(0);
  });

  it('is over for a client that leaves while its stream still waits behind another answer', async () => {
    const { port, facts, clock } = await staged();
    facts.wait = new Promise(() => undefined);
    const client = testClient({ port });
    client.write('GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\nGET /events HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await eventually(() => expect(clock.pending).toBe(1));
    client.socket.destroy();
    await eventually(() => expect(clock.pending).toBe(0));
  });

  it('drops a reader that takes nothing for half a minute, and does not gather what it misses', async () => {
    const many = (second: number): Status => {
      const status = sceneStatus(second);
      const [rt] = status.pools;
      const first = rt?.upstreams[0];
      if (rt === undefined || first === undefined) throw new Error('the scene has a pool');
      const upstreams = Array.from({ length: 300 }, (_, i) => ({
        ...first,
        name: `/run/rt${i}.sock`,
        state: { ...first.state, reason: `${second} ${'a reason that is long, and another one each second; '.repeat(50)}` },
      }));
      return { ...status, pools: [{ ...rt, upstreams }] };
    };
    const { port, play, clock } = await staged(many);
    const [quick, stuck] = [await listening(port), await listening(port)];
    stuck.socket.pause();
    await play(60);
    stuck.socket.resume();
    await stuck.closed;
    // What the sockets hold, and not a word for each second that it has missed.
    expect(stuck.received().split('\nevent: ').length - 1).toBeLessThan(60 - 30);
    expect(quick.socket.destroyed).toBe(false);
    expect(clock.pending).toBe(1);
  });
});

describe('the end of a listener', () => {
  it('does not wait for streams, whether their clients read or not', async () => {
    const { port, server, clock } = await staged();
    const clients = [await listening(port), await listening(port)];
    clients[1]?.socket.pause();
    await server.close();
    expect(clock.pending).toBe(0);
    expect((await clients[0]?.closed)?.received).toMatch(/\r\n0\r\n\r\n$/);
  });

  it('ends the streams of a program that stops, at the end', async () => {
    const worker = await fakeWorker(answering('fine'));
    const admin = join(tempDir(), 'admin.sock');
    const proxy = await startProxy(['--upstream', worker.path, '--admin', admin]);
    const client = testClient(admin);
    client.write('GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await client.until((received) => received.includes('event: all'));
    await proxy.stop();
    await client.closed;
  });

  it('opens no more streams, not even behind a request that is still being answered', async () => {
    let finish = (): void => undefined;
    const { port, server, facts } = await staged();
    facts.wait = new Promise((resolve) => {
      finish = resolve;
    });
    const client = testClient({ port });
    client.write('GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await eventually(() => expect(facts.waiting).toBe(1));
    const closed = server.close();
    client.write('GET /events HTTP/1.1\r\nHost: localhost\r\n\r\nGET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n');
    // What comes behind it on the same connection has been read as well.
    await eventually(() => expect(facts.waiting).toBe(2));
    finish();
    await closed;
    const { received } = await client.closed;
    expect(received).not.toContain('text/event-stream');
  });
});
