// Probes put to real workers: php-fpm, C on libfcgi, Perl's FCGI, fcgiwrap.

import { join } from 'node:path';
import { describe, expect } from 'vitest';
import type { ProbeQuestion, TextPattern } from '../../src/config/health.ts';
import { cgiScript, startFcgiwrap } from '../peers/fcgiwrap.ts';
import { startCWorkers } from '../peers/libfcgi.ts';
import { startPerlWorker } from '../peers/perl-worker.ts';
import { PHP_ROOT, startPhpFpm } from '../peers/php-fpm.ts';
import { Probed, requestQuestion } from '../support/parts/probed.ts';
import { itWith } from '../support/program/programs.ts';

const itPhp = itWith('php-fpm');
const itC = itWith('libfcgi', 'spawn-fcgi');
const itPerl = itWith('perl FCGI');
const itManaged = itWith('perl FCGI', 'perl FCGI::ProcManager');
const itWrap = itWith('fcgiwrap');

const VALUES: ProbeQuestion = { kind: 'values' };

function text(text: string): TextPattern {
  return { kind: 'substring', text };
}

/** What a few probes one after the other, each of them, are answered. */
async function story(socket: string, question: ProbeQuestion, times = 3): Promise<ReadonlySet<string>> {
  const probed = new Probed(socket, question);
  await probed.probes(times);
  expect(probed.upstream.inFlight).toBe(0);
  return new Set(probed.story.filter((line) => !line.startsWith('DOWN')));
}

const GOOD = new Set(['good']);

describe('php-fpm', () => {
  const pong = { expect: { body: text('pong') } };

  for (const fixPathinfo of [true, false]) {
    itPhp(`answers at its ping.path without further ado, cgi.fix_pathinfo ${fixPathinfo ? 'on' : 'off'}`, async () => {
      const php = await startPhpFpm({ children: 1, pingPath: '/ping', fixPathinfo });
      expect(await story(php.socket, requestQuestion('/ping', pong))).toEqual(GOOD);
      expect(await story(php.socket, requestQuestion('/ping?full', pong))).toEqual(GOOD);
    });

    itPhp(`runs the script that the operator names, cgi.fix_pathinfo ${fixPathinfo ? 'on' : 'off'}`, async () => {
      const php = await startPhpFpm({ children: 1, fixPathinfo });
      const params = { SCRIPT_FILENAME: join(PHP_ROOT, 'env.php') };
      const question = requestQuestion('/health/env.php?x', { params, expect: { body: text(hex('fcgi-lb probe')) } });
      expect(await story(php.socket, question)).toEqual(GOOD);
    });
  }

  itPhp('without a ping.path says 404', async () => {
    const php = await startPhpFpm({ children: 1 });
    expect(await story(php.socket, requestQuestion())).toEqual(new Set(['bad: status 404, expected 200-399']));
  });

  itPhp('answers GET_VALUES', async () => {
    const php = await startPhpFpm({ children: 1 });
    expect(await story(php.socket, VALUES, 10)).toEqual(GOOD);
  });
});

describe('a Perl worker', () => {
  itPerl('is asked as an application mounted at /', async () => {
    const worker = await startPerlWorker();
    expect(await story(worker.socket, requestQuestion('/a%20b?q', { expect: { body: text('GET /a%20b?q') } }))).toEqual(GOOD);
    const lines = ['SCRIPT_NAME=\n', 'PATH_INFO=/env\n', 'REQUEST_URI=/env?q\n', 'QUERY_STRING=q\n', 'HTTP_HOST=localhost\n'];
    for (const line of lines) {
      expect(await story(worker.socket, requestQuestion('/env?q', { expect: { body: text(line) } }), 1), line).toEqual(GOOD);
    }
  });

  itPerl('sees what the operator sets in the place of what it would be told', async () => {
    const worker = await startPerlWorker();
    const params = { HTTP_HOST: 'tickets.example.org', SCRIPT_NAME: '/rt', HTTPS: 'on' };
    for (const [name, value] of Object.entries(params)) {
      const question = requestQuestion('/env', { params, expect: { body: text(`${name}=${value}\n`) } });
      expect(await story(worker.socket, question, 1), name).toEqual(GOOD);
    }
  });

  itPerl('answers GET_VALUES, and serves requests in between', async () => {
    const worker = await startPerlWorker();
    expect(await story(worker.socket, VALUES, 10)).toEqual(GOOD);
    expect(await story(worker.socket, requestQuestion('/echo'))).toEqual(GOOD);
    expect(await story(worker.socket, { kind: 'connect' }, 10)).toEqual(GOOD);
    expect(await story(worker.socket, requestQuestion('/echo'))).toEqual(GOOD);
  });

  itManaged('of several that share a socket answers', async () => {
    const worker = await startPerlWorker({ processes: 2 });
    expect(await story(worker.socket, VALUES, 10)).toEqual(GOOD);
    expect(await story(worker.socket, requestQuestion('/echo'))).toEqual(GOOD);
  });
});

describe('a C worker on libfcgi', () => {
  itC('answers every question, and serves requests in between', async () => {
    const workers = await startCWorkers(1);
    const [socket = ''] = workers.sockets;
    expect(await story(socket, VALUES, 10)).toEqual(GOOD);
    expect(await story(socket, { kind: 'connect' }, 10)).toEqual(GOOD);
    expect(
      await story(socket, requestQuestion('/echo', { expect: { headers: new Map([['content-type', text('/')]]) } })),
    ).toEqual(GOOD);
  });
});

describe('fcgiwrap', () => {
  itWrap('runs the script that the operator names', async () => {
    const wrap = await startFcgiwrap();
    const params = { SCRIPT_FILENAME: cgiScript('echo.sh') };
    expect(await story(wrap.socket, requestQuestion('/echo', { params }))).toEqual(GOOD);
  });
});

/** As env.php shows names and values. */
function hex(value: string): string {
  return Buffer.from(value).toString('hex');
}
