// fastcgi-client, which others wrote, and fcgi-lb on the same workers: the same answers, and where
// the other stops.

import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { endRecord, stdoutRecord } from '../peers/fastcgi-server.ts';
import { askForeign, cgiParams, foreignClient, readyClient } from '../peers/foreign-client.ts';
import { startCWorkers } from '../peers/libfcgi.ts';
import { startPerlWorker } from '../peers/perl-worker.ts';
import { PHP_ROOT, startPhpFpm } from '../peers/php-fpm.ts';
import { ask } from '../support/clients/http-client.ts';
import { itWith } from '../support/program/programs.ts';
import { startProxy } from '../support/program/proxy.ts';
import { fakeWorker } from '../support/servers/fake-worker.ts';

const itPhp = itWith('php-fpm');
const itC = itWith('libfcgi', 'spawn-fcgi');
const itPerl = itWith('perl FCGI');

/** ms within which it would be ready if it ever was: php-fpm's answer takes less than 10. */
const BOUND = 1000;

describe('fastcgi-client beside fcgi-lb', () => {
  itPhp('gets from php-fpm what clients of fcgi-lb get, its probe included', async () => {
    const fpm = await startPhpFpm();
    const site = await startProxy(['--upstream', fpm.socket, '--root', PHP_ROOT, '--php']);
    const client = await readyClient(fpm.socket, false);
    const body = randomBytes(1_000_000);
    const script = { SCRIPT_FILENAME: join(PHP_ROOT, 'upload.php'), SCRIPT_NAME: '/upload.php', PATH_INFO: '' };
    const direct = await askForeign(client, cgiParams('POST', '/upload.php', body.length, script), body);
    const through = await ask(site.path, { method: 'POST', path: '/upload.php', body });
    expect([direct.status, JSON.parse(direct.body.toString())]).toEqual([0, JSON.parse(through.body.toString())]);
    expect(through.body.toString()).toContain(createHash('sha256').update(body).digest('hex'));
  });

  for (const [what, itReal, start] of [
    ['a libfcgi worker', itC, async () => (await startCWorkers()).sockets[0] ?? ''],
    ['a Perl worker', itPerl, async () => (await startPerlWorker()).socket],
  ] as const) {
    itReal(`gets from ${what} what clients of fcgi-lb get, in turns and at once`, async () => {
      const socket = await start();
      const site = await startProxy(['--upstream', socket]);
      const client = await readyClient(socket);
      for (const size of [0, 1, 65_535, 65_536, 1_000_000]) {
        const body = randomBytes(size);
        const direct = await askForeign(client, cgiParams('POST', '/echo', size), body);
        const through = await ask(site.path, { method: 'POST', path: '/echo', body });
        expect(direct.body.equals(through.body), `${size} bytes`).toBe(true);
        expect(direct.head).toContain('Content-Type: application/octet-stream');
      }
      const uris = Array.from({ length: 20 }, (_, number) => `/echo?${number}`);
      const answers = await Promise.all(
        uris.flatMap((uri) => [askForeign(client, cgiParams('GET', uri, 0)), ask(site.path, { path: uri })]),
      );
      expect(answers.map(({ body }) => body.toString())).toEqual(uris.flatMap((uri) => [`GET ${uri}\n`, `GET ${uri}\n`]));
      expect(site.access.filter(({ error }) => error !== undefined)).toEqual([]);
    });
  }
});

describe('where fastcgi-client stops, fcgi-lb goes on:', () => {
  itC('a libfcgi worker never answers the probe of the one, which has no padding, and answers that of the other', async () => {
    const workers = await startCWorkers(2);
    const [one = '', two = ''] = workers.sockets;
    const client = foreignClient({ sockFile: one, skipCheckServer: false });
    // It hears of it when the worker ends with the test.
    client.on('error', () => undefined);
    const outcome = Promise.race([once(client, 'ready').then(() => 'ready'), delay(BOUND).then(() => 'silence')]);
    const site = await startProxy(['--upstream', two]);
    expect((await ask(site.path, { path: '/hello' })).status).toBe(200);
    const known = await site.logLine(({ message }) => message === 'capacity of the upstream is known');
    expect(known.fields['max_conns']).toBe(1);
    expect(await outcome).toBe('silence');
  });

  it('a record header that comes in two parts ends the process of the one', async () => {
    const worker = await fakeWorker(async (reply) => {
      const end = endRecord();
      reply.raw(Buffer.concat([stdoutRecord('Content-Type: text/plain\r\n\r\nwhole'), end.subarray(0, 3)]));
      // Long enough for the reader to have read so far: there is no sign of that.
      await delay(100);
      reply.raw(end.subarray(3));
      reply.socket.end();
    });
    const site = await startProxy(['--upstream', worker.path]);
    expect((await ask(site.path)).body.toString()).toBe('whole');

    const script = `
      const client = require('fastcgi-client')({ sockFile: process.argv[1], skipCheckServer: true });
      client.on('ready', () => client.request({ REQUEST_METHOD: 'GET' }, (error, request) => request.stdin.end()));
    `;
    const ended = await new Promise<{ readonly code: unknown; readonly err: string }>((resolve) => {
      const words = ['--no-deprecation', '-e', script, worker.path];
      const options = { cwd: join(import.meta.dirname, '../..'), timeout: 20_000 };
      execFile(process.execPath, words, options, (error, _, err) => resolve({ code: error?.code, err }));
    });
    expect(ended.code).toBe(1);
    expect(ended.err).toContain('RangeError');
  });
});
