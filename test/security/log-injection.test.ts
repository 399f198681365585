// Logs: what workers write to STDERR and what clients put into a request line cannot forge lines or
// drive a terminal.

import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { ask, testClient } from '../support/clients/http-client.ts';
import { eventually } from '../support/eventually.ts';
import { buildIfMissing, startCli } from '../support/program/cli-process.ts';
import { startProxy } from '../support/program/proxy.ts';
import { answer, fakeWorker } from '../support/servers/fake-worker.ts';
import { tempDir } from '../support/temp-dir.ts';

beforeAll(buildIfMissing);

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be found
const CONTROLS = /[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029]/;

const FORGED = '{"level":"info","msg":"all is well"}';

function stderrWorker(text: string) {
  return fakeWorker((reply) => {
    reply.stderr(Buffer.from(text, 'utf8'));
    answer(reply, 'fine');
  });
}

describe('what a worker writes to STDERR', () => {
  it('is logged with control characters escaped, each line as a value of its own', async () => {
    const worker = await stderrWorker(`real\r${FORGED}\x1b[2Jgone\x00\x7f\u009b31m\u2028\n${FORGED}\n`);
    const proxy = await startProxy(['--upstream', worker.path, '--max-conns', '1']);
    await ask(proxy.path);
    const lines = proxy.log
      .filter(({ message }) => message === 'worker wrote to STDERR')
      .map(({ fields }) => String(fields['stderr']));
    expect(lines).toEqual([`real\\x0d${FORGED}\\x1b[2Jgone\\x00\\x7f\\x9b31m\\u2028`, FORGED]);
  });

  it('is bounded in length, over however many records a line comes', async () => {
    const worker = await fakeWorker((reply) => {
      for (let i = 0; i < 50; i += 1) reply.stderr('e'.repeat(10_000));
      answer(reply, 'fine');
    });
    const proxy = await startProxy(['--upstream', worker.path, '--max-conns', '1']);
    await ask(proxy.path);
    const lines = proxy.log.filter(({ message }) => message === 'worker wrote to STDERR');
    expect(lines).toHaveLength(1);
    expect(String(lines[0]?.fields['stderr']).length).toBeLessThan(5000);
  });

  it('is bounded in rate, and the log says that lines were dropped', async () => {
    let times = 0;
    const worker = await fakeWorker((reply) => {
      times += 1;
      if (times === 1) for (let i = 0; i < 20; i += 1) reply.stderr('noise\n'.repeat(1000));
      else reply.stderr('a word\n');
      answer(reply, 'fine');
    });
    const proxy = await startProxy(['--upstream', worker.path, '--max-conns', '1']);
    await ask(proxy.path);
    expect(proxy.log.filter(({ message }) => message === 'worker wrote to STDERR').length).toBeLessThan(200);
    // Sooner or later a line passes again, and says how many did not.
    const dropped = (): number => proxy.log.reduce((sum, { fields }) => sum + Number(fields['dropped'] ?? 0), 0);
    await eventually(async () => {
      await ask(proxy.path);
      expect(dropped()).toBeGreaterThan(19_000);
    });
  });

  it('leaves standard error of the program one line of JSON a message', async () => {
    const worker = await stderrWorker(`x\r\n${FORGED}\x1b[31m\u009b1m\n`);
    const path = join(tempDir(), 'http.sock');
    const cli = startCli(['--upstream', worker.path, '--listen', path, '--admin', 'off', '--log-format', 'json']);
    await cli.says('listening on');
    await ask(path);
    await cli.says('worker wrote to STDERR');
    cli.kill('SIGTERM');
    await cli.ended;
    expect(cli.stderr()).not.toMatch(CONTROLS);
    for (const line of cli.stderr().trim().split('\n')) expect(JSON.parse(line)).not.toMatchObject({ msg: 'all is well' });
  });
});

describe('a head that is refused', () => {
  for (const format of ['json', 'pretty']) {
    it(`is quoted in the log (${format}) without its control characters`, async () => {
      const heads = ['X-\x9b31m: 1', 'X-A: \x7f\x9b2J\x85', 'Status: \x9b31m', 'Location: /%zz\x9b31m'];
      const worker = await fakeWorker((reply) => {
        const number = Number((reply.request.params.get('REQUEST_URI') ?? '').slice(1));
        reply.stdout(Buffer.from(`${heads[number]}\r\n\r\n`, 'latin1'));
        reply.end();
      });
      const path = join(tempDir(), 'http.sock');
      const words = ['--max-conns', '1', '--attempts', '1', '--log-format', format];
      const cli = startCli(['--upstream', worker.path, '--listen', path, '--admin', 'off', ...words]);
      await cli.says('listening on');
      for (const number of heads.keys()) expect((await ask(path, { path: `/${number}` })).status).toBe(502);
      cli.kill('SIGTERM');
      await cli.ended;
      expect(cli.stderr()).toContain('FCGI_LB_UPSTREAM_BAD_HEAD');
      expect(cli.stderr()).not.toMatch(CONTROLS);
    });
  }
});

describe('what a client sends', () => {
  for (const format of ['json', 'pretty']) {
    it(`leaves both logs (${format}) one line a request, without control characters`, async () => {
      const worker = await stderrWorker('');
      const path = join(tempDir(), 'http.sock');
      const cli = startCli(['--upstream', worker.path, '--listen', path, '--admin', 'off', '--log-format', format]);
      await cli.says('listening on');
      for (const target of ['/a\x9b31mred', '/a\x85b', '/a"b\\c', '/..\x9b31m', '/a%0a%1b[31m']) {
        const client = testClient(path);
        client.write(Buffer.from(`GET ${target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`, 'latin1'));
        await client.closed;
      }
      cli.kill('SIGTERM');
      await cli.ended;
      expect(cli.stdout().trim().split('\n').length).toBeGreaterThan(0);
      expect(cli.stdout()).not.toMatch(CONTROLS);
      expect(cli.stderr()).not.toMatch(CONTROLS);
    });
  }
});
