// Heads, statuses and failures of scripts in a real php-fpm, as the client sees them.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { ask, rawClient, testClient } from '../support/clients/http-client.ts';
import { itWith } from '../support/program/programs.ts';
import type { Proxy as Site } from '../support/program/proxy.ts';
import { tempDir } from '../support/temp-dir.ts';
import { startPhpSite } from './php-site.ts';

const itPhp = itWith('php-fpm');

describe('a status that a script sets', () => {
  itPhp('reaches the client, whichever way it is set', async () => {
    const site = await startPhpSite();
    const get = (query: string) => ask(site.path, { path: `/status.php?${query}` });
    expect(await get('by=code&code=404')).toMatchObject({ status: 404, reason: 'Not Found' });
    expect(await get('by=code&code=503')).toMatchObject({ status: 503 });
    expect(await get('by=status-header')).toMatchObject({ status: 404 });
    expect(await get('by=status-line')).toMatchObject({ status: 299, reason: 'Quite Fine, Thanks' });
    const moved = await get('by=location');
    expect(moved).toMatchObject({ status: 302, headers: { location: '/elsewhere?a=b' } });
    expect(moved.body.toString()).toBe('the body\n');
    // An error status is the application's answer, not a failure of the worker.
    await site.accessLine(5);
    expect(site.access.map(({ error }) => error)).toEqual(Array.from({ length: 5 }, () => undefined));
  });

  itPhp('without a body keeps the body of the script away from the client, and the connection in step', async () => {
    const site = await startPhpSite();
    for (const [request, status] of [
      ['GET /status.php?by=code&code=204', 204],
      ['GET /status.php?by=code&code=304', 304],
      ['HEAD /status.php?by=none', 200],
      ['HEAD /download.php?mib=1&length=1', 200],
    ] as const) {
      const client = rawClient(site.path);
      client.write(`${request} HTTP/1.1\r\nHost: h\r\n\r\n`);
      const head = await client.until((received) => received.includes('\r\n\r\n'));
      expect(head, request).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
      client.write('GET /status.php?by=code&code=207 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n');
      const { received } = await client.closed;
      const second = received.slice(received.indexOf('\r\n\r\n') + 4);
      expect(second, request).toMatch(/^HTTP\/1\.1 207 /);
      expect(second, request).toContain('the body\n');
    }
  });
});

describe('headers that a script sends', () => {
  itPhp('arrive byte for byte, without those that concern only this server', async () => {
    const site = await startPhpSite();
    const answer = await ask(site.path, { path: '/headers.php' });
    expect(answer.status).toBe(200);
    expect(answer.body.toString()).toBe('done');
    expect(answer.headers['set-cookie']).toEqual(Array.from({ length: 12 }, (_, i) => `cookie${i + 1}=value%20${i + 1}`));
    expect(answer.headers['x-latin1']).toBe('caf\xe9');
    expect(answer.headers['x-utf8']).toBe('caf\xc3\xa9');
    expect(answer.headers['x-many']).toBe('one, two');
    expect(answer.headers['x-long']).toBe('l'.repeat(12_000));
    expect(answer.headers['content-type']).toBe('text/plain; charset=iso-8859-1');
    for (const absent of ['x-accel-redirect', 'x-accel-buffering', 'status']) expect(answer.headers).not.toHaveProperty(absent);
    // Hop-by-hop headers come from this server, not from PHP: the length is known, so nothing is
    // chunked.
    expect(answer.headers['transfer-encoding']).toBeUndefined();
    expect(answer.headers['content-length']).toBe('4');
    expect(answer.headers['keep-alive']).not.toBe('timeout=1');
  });
});

describe('a script that fails', () => {
  const stderrOf = async (site: Site): Promise<string> => {
    const line = await site.logLine(({ message }) => message === 'worker wrote to STDERR');
    return String(line.fields['stderr']);
  };

  itPhp('before any output is a 500 from PHP, with its message in the log', async () => {
    const site = await startPhpSite();
    const answer = await ask(site.path, { path: '/fatal.php' });
    expect(answer.status).toBe(500);
    expect(answer.body.toString()).not.toContain('there_is_no_such_function');
    expect(await stderrOf(site)).toContain('Call to undefined function there_is_no_such_function()');
  });

  itPhp('after output has its output delivered, with its message in the log', async () => {
    const site = await startPhpSite();
    const answer = await ask(site.path, { path: '/fatal.php?after=output' });
    expect(answer.status).toBe(200);
    expect(answer.complete).toBe(true);
    expect(answer.body.toString()).toBe('so far so good\n');
    expect(await stderrOf(site)).toContain('Call to undefined function there_is_no_such_function()');
  });

  itPhp('by not being there is a 404 from php-fpm, with its message in the log', async () => {
    const site = await startPhpSite();
    const answer = await ask(site.path, { path: '/no-such-script.php' });
    expect(answer.status).toBe(404);
    expect(answer.body.toString()).toBe('File not found.\n');
    expect(await stderrOf(site)).toContain('Primary script unknown');
  });

  for (const [framing, query] of [
    ['chunked', ''],
    ['with a Content-Length', '&length=13'],
  ] as const) {
    itPhp(`by being killed half-way never looks like a whole answer (${framing})`, async () => {
      const site = await startPhpSite({ words: ['--listen', '127.0.0.1:0'] });
      const go = join(tempDir(), 'go');
      const client = testClient({ port: site.port });
      client.write(`GET /stream.php?die=1&go=${encodeURIComponent(go)}${query} HTTP/1.1\r\nHost: h\r\n\r\n`);
      await client.until((received) => received.includes('first\n'));
      writeFileSync(go, '');
      const { received, error } = await client.closed;
      expect(error).toMatchObject({ code: 'ECONNRESET' });
      expect(received.endsWith('0\r\n\r\n')).toBe(false);
      expect(received).not.toContain('second');
      expect(await site.accessLine(1)).toMatchObject({ status: 200, attempts: 1, error: 'FCGI_LB_UPSTREAM_CLOSED' });
      // The next request is served by a new child.
      expect((await ask({ port: site.port }, { path: '/env.php' })).status).toBe(200);
    });
  }

  itPhp('by being killed half-way never looks like a whole answer to an HTTP/1.0 client', async () => {
    const site = await startPhpSite({ words: ['--listen', '127.0.0.1:0'] });
    const go = join(tempDir(), 'go');
    const client = testClient({ port: site.port });
    client.write(`GET /stream.php?die=1&go=${encodeURIComponent(go)} HTTP/1.0\r\nHost: h\r\n\r\n`);
    await client.until((received) => received.includes('first\n'));
    writeFileSync(go, '');
    // Here the end of the connection is the end of the body: only a reset tells the two apart.
    expect((await client.closed).error).toMatchObject({ code: 'ECONNRESET' });
  });
});
