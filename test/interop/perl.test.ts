// Real Perl workers on the FCGI module: a single process, and several under FCGI::ProcManager.

import { randomBytes } from 'node:crypto';
import { describe, expect } from 'vitest';
import { startPerlWorker } from '../peers/perl-worker.ts';
import { ask } from '../support/clients/http-client.ts';
import { itWith } from '../support/program/programs.ts';
import { type Proxy as Site, startProxy } from '../support/program/proxy.ts';

const itPerl = itWith('perl FCGI');
const itManaged = itWith('perl FCGI', 'perl FCGI::ProcManager');

async function capacityLearned(site: Site): Promise<unknown> {
  const line = await site.logLine(({ message }) => message === 'capacity of the upstream is known');
  return line.fields['max_conns'];
}

describe('a single Perl process', () => {
  itPerl('takes one request at a time, as it says itself', async () => {
    const worker = await startPerlWorker();
    const site = await startProxy(['--upstream', worker.socket]);
    const paths = Array.from({ length: 50 }, (_, number) => `/echo?${number}`);
    const answers = await Promise.all(paths.map((path) => ask(site.path, { path })));
    expect(answers.map(({ body }) => body.toString())).toEqual(paths.map((path) => `GET ${path}\n`));
    expect(await capacityLearned(site)).toBe(1);
    expect(worker.journal()).toHaveLength(50);
  });

  itPerl('gets the body of a POST', async () => {
    const worker = await startPerlWorker();
    const site = await startProxy(['--upstream', worker.socket]);
    for (const size of [0, 10, 65_536, 1_000_000]) {
      const body = randomBytes(size);
      const answer = await ask(site.path, { method: 'POST', path: '/echo', body: [body] });
      expect(answer.body.equals(Buffer.concat([Buffer.from('POST /echo\n'), body])), `${size} bytes`).toBe(true);
    }
  });

  itPerl('sees the application mounted at /, and nothing of the environment fcgi-lb runs in', async () => {
    const worker = await startPerlWorker();
    const site = await startProxy(['--upstream', worker.socket, '--param', 'APP_MODE=test']);
    const answer = await ask(site.path, { path: '/env?a=%20b' });
    const seen = new Map(
      answer.body
        .toString('latin1')
        .split('\n')
        .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)] as const),
    );
    expect(seen.get('SCRIPT_NAME')).toBe('');
    expect(seen.get('PATH_INFO')).toBe('/env');
    expect(seen.get('REQUEST_URI')).toBe('/env?a=%20b');
    expect(seen.get('QUERY_STRING')).toBe('a=%20b');
    expect(seen.get('APP_MODE')).toBe('test');
    expect(seen.has('REMOTE_USER')).toBe(false);
    expect(seen.has('PATH')).toBe(false);
  });

  itPerl('that answers without reading the body has its answer delivered whole', async () => {
    const worker = await startPerlWorker();
    const body = randomBytes(5_000_000);
    for (const buffering of ['on', 'off']) {
      const site = await startProxy(['--upstream', worker.socket, '--request-buffering', buffering]);
      for (const length of [0, 500_000]) {
        const answer = await ask(site.path, { method: 'POST', path: `/unread?${length}`, body });
        expect(answer.status, `${buffering}, ${length} bytes`).toBe(200);
        expect(answer.complete).toBe(true);
        expect(answer.body.toString()).toBe('u'.repeat(length));
      }
    }
    expect(worker.journal()).toHaveLength(4);
  });

  itPerl('may end the lines of its head with line feeds alone', async () => {
    const worker = await startPerlWorker();
    const site = await startProxy(['--upstream', worker.socket]);
    const answer = await ask(site.path, { path: '/bare' });
    expect(answer.status).toBe(418);
    expect(answer.headers['x-bytes']).toBe('caf\xe9');
    expect(answer.body.toString()).toBe('short and stout\n');
  });

  itPerl('may redirect within the server, to itself although it takes one request at a time', async () => {
    const worker = await startPerlWorker();
    const site = await startProxy(['--upstream', worker.socket]);
    const answer = await ask(site.path, { method: 'POST', path: '/elsewhere', body: 'a form' });
    expect(answer.status).toBe(200);
    expect(answer.body.toString()).toBe('GET /echo?moved\n');
    expect(worker.journal().map((line) => line.replace(/ \d+$/, ''))).toEqual(['POST /elsewhere', 'GET /echo?moved']);
  });
});

describe('Perl processes under FCGI::ProcManager', () => {
  itManaged('share one socket, which is noticed: their requests run side by side', async () => {
    const worker = await startPerlWorker({ processes: 4 });
    const site = await startProxy(['--upstream', worker.socket]);
    expect((await ask(site.path, { path: '/echo' })).status).toBe(200);
    expect(await capacityLearned(site)).toBe('unlimited');
    // Each of the four waits for the others: one after the other they would never meet.
    const answers = await Promise.all(Array.from({ length: 4 }, () => ask(site.path, { path: '/meet?4' })));
    expect(answers.map(({ body }) => body.toString())).toEqual(Array.from({ length: 4 }, () => '4 together'));
  });

  itManaged('answer 200 requests at once, each begun exactly once', async () => {
    const worker = await startPerlWorker({ processes: 3 });
    const site = await startProxy(['--upstream', worker.socket]);
    const paths = Array.from({ length: 200 }, (_, number) => `/echo?${number}`);
    const answers = await Promise.all(paths.map((path) => ask(site.path, { method: 'POST', path, body: path })));
    expect(answers.map(({ body }) => body.toString())).toEqual(paths.map((path) => `POST ${path}\n${path}`));
    expect(worker.journal()).toHaveLength(200);
  });

  itManaged('that die are replaced by the manager, and a GET is repeated on another process', async () => {
    const worker = await startPerlWorker({ processes: 3 });
    const site = await startProxy(['--upstream', worker.socket]);
    const answer = await ask(site.path, { path: '/die?kill' });
    // Every process dies of it: it is tried as often as --attempts says, and no more.
    expect(answer.status).toBe(502);
    expect(await site.accessLine(1)).toMatchObject({ attempts: 3, error: 'FCGI_LB_UPSTREAM_CLOSED' });
    expect(worker.journal()).toHaveLength(3);
    const post = await ask(site.path, { method: 'POST', path: '/die?kill', body: 'x' });
    expect(post.status).toBe(502);
    expect(worker.journal()).toHaveLength(4);
    for (let i = 0; i < 10; i += 1) expect((await ask(site.path, { path: '/echo' })).status).toBe(200);
  });
});
