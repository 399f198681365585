// Bodies of every size through a real php-fpm, both ways, and many at the same time.

import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { ask, testClient } from '../support/clients/http-client.ts';
import { itWith } from '../support/program/programs.ts';
import { tempDir } from '../support/temp-dir.ts';
import { readEnvironment, startPhpSite } from './php-site.ts';

const itPhp = itWith('php-fpm');

const MIB = 1024 * 1024;

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** What download.php sends. */
function download(mib: number): Buffer {
  const blocks = Array.from({ length: mib * 16 }, (_, number) => {
    const digest = createHash('sha256').update(String(number)).digest();
    return Buffer.alloc(65_536, digest);
  });
  return Buffer.concat(blocks);
}

describe('an answer from php-fpm', () => {
  for (const length of ['', '&length=1']) {
    itPhp(`of 20 MiB arrives whole, ${length === '' ? 'without' : 'with'} a Content-Length of its own`, async () => {
      const site = await startPhpSite();
      const answer = await ask(site.path, { path: `/download.php?mib=20${length}` });
      expect(answer.status).toBe(200);
      expect(answer.complete).toBe(true);
      expect(answer.body.length).toBe(20 * MIB);
      expect(sha256(answer.body)).toBe(sha256(download(20)));
      expect(answer.headers['content-length']).toBe(length === '' ? undefined : String(20 * MIB));
      expect(await site.accessLine(1)).toMatchObject({ status: 200, bytes: 20 * MIB, attempts: 1, error: undefined });
    });
  }

  itPhp('arrives whole with --response-buffering off', async () => {
    const site = await startPhpSite({ words: ['--response-buffering', 'off'] });
    const answer = await ask(site.path, { path: '/download.php?mib=8' });
    expect(answer.complete).toBe(true);
    expect(sha256(answer.body)).toBe(sha256(download(8)));
  });

  itPhp('reaches the client part by part when the script flushes', async () => {
    const site = await startPhpSite();
    const go = join(tempDir(), 'go');
    const client = testClient(site.path);
    client.write(`GET /stream.php?go=${encodeURIComponent(go)} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n`);
    // The script sends the second part only after the file is there, and the file only after the
    // first part has come.
    const first = await client.until((received) => received.includes('first\n'));
    expect(first).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(first).not.toContain('second');
    expect(first.toLowerCase()).not.toContain('x-accel-buffering');
    writeFileSync(go, '');
    const { received } = await client.closed;
    expect(received).toContain('second\n');
    expect(received.endsWith('\r\n0\r\n\r\n')).toBe(true);
  });
});

describe('a body for php-fpm', () => {
  itPhp('of 50 MiB, chunked and of unknown length, arrives whole with its length', async () => {
    const site = await startPhpSite();
    // Chunks of many sizes, 50 MiB in all.
    const sizes = [1, 7, 4096, 65_535, 65_536, 65_537, MIB - 1, 3 * MIB];
    const parts = sizes.map((size) => randomBytes(size));
    const rest = 50 * MIB - sizes.reduce((sum, size) => sum + size, 0);
    const block = randomBytes(MIB);
    for (let left = rest; left > 0; left -= MIB) parts.push(block.subarray(0, Math.min(left, MIB)));
    const headers = { 'Content-Type': 'application/octet-stream' };
    const answer = await ask(site.path, { method: 'POST', path: '/upload.php', headers, body: parts });
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.body.toString())).toEqual({
      contentLength: String(50 * MIB),
      transferEncoding: null,
      contentType: 'application/octet-stream',
      length: 50 * MIB,
      sha256: sha256(Buffer.concat(parts)),
    });
  });

  itPhp('arrives whole at the sizes where memory, records and files meet', async () => {
    const site = await startPhpSite();
    for (const size of [0, 1, 65_527, 65_528, 65_529, 65_535, 65_536, 65_537, 131_072, 131_073]) {
      const body = randomBytes(size);
      const answer = await ask(site.path, { method: 'PUT', path: '/upload.php', body });
      const told = JSON.parse(answer.body.toString()) as Record<string, unknown>;
      expect(told, `${size} bytes`).toMatchObject({ contentLength: String(size), length: size, sha256: sha256(body) });
    }
  });

  itPhp('of known length is streamed with --request-buffering off', async () => {
    const site = await startPhpSite({ words: ['--request-buffering', 'off'] });
    const body = randomBytes(10 * MIB);
    const answer = await ask(site.path, { method: 'POST', path: '/upload.php', body });
    const told = JSON.parse(answer.body.toString()) as Record<string, unknown>;
    expect(told).toMatchObject({ contentLength: String(body.length), length: body.length, sha256: sha256(body) });
  });
});

describe('many requests to php-fpm', () => {
  itPhp('run side by side in its children', async () => {
    const site = await startPhpSite({ children: 4 });
    const at = join(tempDir(), 'meeting');
    mkdirSync(at);
    // The first request finds out that php-fpm takes any number.
    await ask(site.path, { path: '/env.php' });
    const path = `/meet.php?of=4&at=${encodeURIComponent(at)}`;
    const answers = await Promise.all(Array.from({ length: 4 }, () => ask(site.path, { path })));
    expect(answers.map((answer) => answer.body.toString())).toEqual(Array.from({ length: 4 }, () => '4 together'));
  });

  itPhp('at once, 200 for 4 children, are all answered, each with its own answer', async () => {
    const site = await startPhpSite({ children: 4 });
    const answers = await Promise.all(
      Array.from({ length: 200 }, (_, number) =>
        ask(site.path, { path: `/env.php?number=${number}`, headers: { 'X-Number': String(number) } }),
      ),
    );
    for (const [number, answer] of answers.entries()) {
      expect(answer.status).toBe(200);
      const seen = readEnvironment(answer.body);
      expect(seen.get('QUERY_STRING')).toBe(`number=${number}`);
      expect(seen.get('HTTP_X_NUMBER')).toBe(String(number));
    }
    await site.accessLine(200);
    expect(site.access.every(({ status, error }) => status === 200 && error === undefined)).toBe(true);
  });
});
