// A real libfcgi worker: one process, one request at a time.

import { randomBytes } from 'node:crypto';
import { Agent } from 'node:http';
import { describe, expect, onTestFinished } from 'vitest';
import { generated, startCWorkers } from '../peers/libfcgi.ts';
import { ask } from '../support/clients/http-client.ts';
import { itWith } from '../support/program/programs.ts';
import { startProxy } from '../support/program/proxy.ts';

const itC = itWith('libfcgi', 'spawn-fcgi');

/** An agent whose connections are closed with the test. */
function keepingAgent(): Agent {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  onTestFinished(() => agent.destroy());
  return agent;
}

describe('a libfcgi worker', () => {
  itC('is asked for its capacity once, says 1, and serves the request on that same connection', async () => {
    const workers = await startCWorkers();
    const site = await startProxy(['--upstream', ...workers.sockets]);
    for (let i = 0; i < 3; i += 1) {
      const answer = await ask(site.path, { path: `/hello?${i}` });
      expect(answer.status).toBe(200);
      expect(answer.body.toString()).toBe(`GET /hello?${i}\n`);
    }
    const known = site.log.filter(({ message }) => message === 'capacity of the upstream is known');
    expect(known.map(({ fields }) => fields)).toEqual([{ upstream: workers.sockets[0], max_conns: 1, told: true }]);
    expect(workers.journal()).toHaveLength(3);
  });

  itC('gets the body of a POST and answers with it', async () => {
    const workers = await startCWorkers();
    const site = await startProxy(['--upstream', ...workers.sockets]);
    for (const size of [0, 1, 65_535, 65_536, 3_000_000]) {
      const body = randomBytes(size);
      const answer = await ask(site.path, { method: 'POST', path: '/echo', body });
      expect(answer.body.equals(Buffer.concat([Buffer.from('POST /echo\n'), body])), `${size} bytes`).toBe(true);
    }
  });

  itC('sends 10 MiB that arrive byte for byte', async () => {
    const workers = await startCWorkers();
    const site = await startProxy(['--upstream', ...workers.sockets]);
    const length = 10 * 1024 * 1024;
    const answer = await ask(site.path, { path: `/generate?${length}` });
    expect(answer.complete).toBe(true);
    expect(answer.body.length).toBe(length);
    expect(answer.body.equals(generated(length))).toBe(true);
  });

  itC('may end with an exit status of its own: that is not the status of the answer', async () => {
    const workers = await startCWorkers();
    const site = await startProxy(['--upstream', ...workers.sockets]);
    const answer = await ask(site.path, { path: '/status?404' });
    expect(answer.status).toBe(200);
    expect(answer.complete).toBe(true);
    const line = await site.logLine(({ message }) => message === 'worker ended with a status of its own');
    expect(line.fields['appStatus']).toBe(404);
  });

  itC('that answers nothing at all is a 502, and its slot is free again', async () => {
    const workers = await startCWorkers();
    const site = await startProxy(['--upstream', ...workers.sockets]);
    expect((await ask(site.path, { method: 'POST', path: '/silent', body: 'x' })).status).toBe(502);
    expect(await site.accessLine(1)).toMatchObject({ error: 'FCGI_LB_UPSTREAM_NO_HEAD', attempts: 1 });
    expect((await ask(site.path, { path: '/echo' })).status).toBe(200);
  });

  itC('that answers without reading the body has its answer delivered whole', async () => {
    const workers = await startCWorkers();
    const body = randomBytes(5_000_000);
    for (const buffering of ['on', 'off']) {
      const site = await startProxy(['--upstream', ...workers.sockets, '--request-buffering', buffering]);
      for (const length of [0, 10, 1_000_000]) {
        const answer = await ask(site.path, { method: 'POST', path: `/unread?${length}`, body });
        expect(answer.status, `${buffering}, ${length} bytes`).toBe(200);
        expect(answer.complete).toBe(true);
        expect(answer.body.equals(generated(length))).toBe(true);
      }
      await site.accessLine(3);
      expect(site.access.map(({ error }) => error)).toEqual([undefined, undefined, undefined]);
    }
    expect(workers.journal()).toHaveLength(6);
  });
});

describe('four libfcgi workers', () => {
  itC('answer 2,000 requests in a row, each begun exactly once, and share them', async () => {
    const workers = await startCWorkers(4);
    const site = await startProxy(['--upstream', workers.glob]);
    const agent = keepingAgent();
    for (let number = 0; number < 2000; number += 1) {
      const post = number % 4 === 3;
      const path = `/echo?${number}`;
      const answer = await ask(site.path, { path, agent, ...(post ? { method: 'POST', body: `body ${number}` } : {}) });
      const expected = post ? `POST ${path}\nbody ${number}` : `GET ${path}\n`;
      if (answer.status !== 200 || answer.body.toString() !== expected) {
        expect.fail(`request ${number} was answered with ${answer.status}: ${answer.body.toString().slice(0, 200)}`);
      }
    }
    const journal = workers.journal();
    expect(journal.map(({ uri }) => uri)).toEqual(Array.from({ length: 2000 }, (_, number) => `/echo?${number}`));
    expect(new Set(journal.map(({ pid }) => pid)).size).toBe(4);
    await site.accessLine(2000);
    expect(site.access.every(({ attempts, error }) => attempts === 1 && error === undefined)).toBe(true);
  });

  itC('answer 200 requests at once, each begun exactly once', async () => {
    const workers = await startCWorkers(4);
    const site = await startProxy(['--upstream', workers.glob]);
    const paths = Array.from({ length: 200 }, (_, number) => `/echo?${number}`);
    const answers = await Promise.all(paths.map((path) => ask(site.path, { path })));
    expect(answers.map(({ body }) => body.toString())).toEqual(paths.map((path) => `GET ${path}\n`));
    expect(
      workers
        .journal()
        .map(({ uri }) => uri)
        .sort(),
    ).toEqual([...paths].sort());
    expect([...site.program.pool.upstreams].map(({ capacity }) => capacity)).toEqual([1, 1, 1, 1]);
  });
});

describe('what a libfcgi worker writes to STDERR', () => {
  itC('before its head, 100 KB in one line, is escaped and cut in the log, and the answer is right', async () => {
    const workers = await startCWorkers();
    const site = await startProxy(['--upstream', ...workers.sockets]);
    const answer = await ask(site.path, { path: '/complain?100000' });
    expect(answer.status).toBe(200);
    expect(answer.body.toString()).toBe('GET /complain?100000\n');
    const lines = site.log.filter(({ message }) => message === 'worker wrote to STDERR');
    expect(lines).toHaveLength(1);
    const text = String(lines[0]?.fields['stderr']);
    expect(text.startsWith('error\\x1b[31m\\x0d\\x07\\x7f!')).toBe(true);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
    expect(text).not.toMatch(/[\x00-\x1f\x7f]/);
    expect(text.length).toBeLessThan(17_000);
    expect(text.endsWith('...')).toBe(true);
  });

  itC('before its head, in thousands of lines, is limited in the log, which says how many are missing', async () => {
    const workers = await startCWorkers();
    const site = await startProxy(['--upstream', ...workers.sockets]);
    const answer = await ask(site.path, { path: '/complain-in-lines?2000' });
    expect(answer.status).toBe(200);
    expect(answer.body.toString()).toBe('GET /complain-in-lines?2000\n');
    const logged = site.log.filter(({ message }) => message === 'worker wrote to STDERR').map(({ fields }) => fields['stderr']);
    expect(logged.length).toBeLessThan(300);
    expect(logged[0]).toBe('complaint 0: something is not quite as it should be');
    // Later, when lines may come again, the log says how many did not.
    const dropped = (): unknown => site.log.find(({ fields }) => 'dropped' in fields)?.fields['dropped'];
    await expect
      .poll(
        async () => {
          await ask(site.path, { path: '/complain-in-lines?1' });
          return dropped();
        },
        { timeout: 10_000 },
      )
      .toBeGreaterThan(1000);
  });
});
