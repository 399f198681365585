// A temporary directory that cannot be written to: it costs the requests that need it, and nothing
// else.

import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ask, testClient } from '../support/clients/http-client.ts';
import { startProxy } from '../support/program/proxy.ts';
import { answering, fakeWorker, holding, recording } from '../support/servers/fake-worker.ts';
import { tempDir } from '../support/temp-dir.ts';

function goneDirectory(): { readonly path: string; readonly make: () => void; readonly remove: () => void } {
  const path = join(tempDir(), 'bodies');
  const make = (): void => void mkdirSync(path);
  make();
  return { path, make, remove: () => rmSync(path, { recursive: true }) };
}

describe('when the temporary directory is gone', () => {
  it('a large body gets 500, a small one passes, and when it is back all is well', async () => {
    const { handler, seen } = recording(answering('fine'));
    const worker = await fakeWorker(handler);
    const directory = goneDirectory();
    const proxy = await startProxy(['--upstream', worker.path, '--max-conns', '1', '--temp-dir', directory.path]);
    directory.remove();
    const body = Buffer.alloc(300_000, 'b');
    const failed = await ask(proxy.path, { method: 'POST', path: '/large', body });
    expect([failed.status, failed.body.toString()]).toEqual([500, '500 Internal Server Error\n']);
    expect(await proxy.accessLine(1)).toMatchObject({ status: 500, error: 'FCGI_LB_BUFFER_FAILED' });
    const line = await proxy.logLine(({ level, fields }) => level === 'error' && fields['code'] === 'FCGI_LB_BUFFER_FAILED');
    expect(line.message).toContain(directory.path);
    expect((await ask(proxy.path, { method: 'POST', path: '/small', body: 'b' })).status).toBe(200);
    directory.make();
    expect((await ask(proxy.path, { method: 'POST', path: '/again', body })).status).toBe(200);
    expect(seen).toEqual(['/small', '/again']);
  });

  it('a large answer to a slow client breaks off, and the next request is served', async () => {
    const { handler, next } = holding();
    const worker = await fakeWorker(handler);
    const directory = goneDirectory();
    const proxy = await startProxy(['--upstream', worker.path, '--max-conns', '1', '--temp-dir', directory.path]);
    directory.remove();
    const client = testClient(proxy.path);
    client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    const reply = await next();
    reply.stdout('Content-Type: text/plain\r\n\r\n');
    await client.until((received) => received.includes('200 OK'));
    client.socket.pause();
    for (let i = 0; i < 64; i += 1) reply.stdout(Buffer.alloc(65_528, 'b'));
    expect(await proxy.accessLine(1)).toMatchObject({ status: 200, error: 'FCGI_LB_BUFFER_FAILED' });
    client.socket.resume();
    expect((await client.closed).received).not.toContain('\r\n0\r\n');
    reply.end();
    const second = ask(proxy.path);
    const again = await next();
    again.stdout('Content-Type: text/plain\r\n\r\nfine');
    again.end();
    expect((await second).body.toString()).toBe('fine');
  });
});
