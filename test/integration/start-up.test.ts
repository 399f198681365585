// Starting the program: what is wrong is said in one line, with an exit code that tells a typing
// error from a world that is not ready.

import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { ask } from '../support/clients/http-client.ts';
import { buildIfMissing, startCli } from '../support/program/cli-process.ts';
import { answering, fakeWorker } from '../support/servers/fake-worker.ts';
import { deadSocket } from '../support/servers/sockets.ts';
import { tempDir } from '../support/temp-dir.ts';

beforeAll(buildIfMissing);

async function listening(where: { port: 0; host: string } | { path: string }): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(where, resolve));
  onTestFinished(() => void server.close());
  const bound = server.address();
  return bound !== null && typeof bound === 'object' ? `127.0.0.1:${bound.port}` : String(bound);
}

describe('words that make no sense', () => {
  for (const [words, expected] of [
    [[], '--upstream'],
    [['--upstream', '/w.sock', '--frobnicate'], '--frobnicate'],
    [['--upstream', '/w.sock', '--queue', 'many'], '--queue'],
    [['--upstream', '/w.sock', '--listen', 'nowhere'], '--listen'],
    [['--upstream', '/w.sock', '--php'], '--root'],
    [['dance'], 'dance'],
  ] as const) {
    it(`(${words.join(' ') || 'none'}) get one message that names them, and exit code 2`, async () => {
      const cli = startCli(words);
      expect(await cli.ended).toEqual({ code: 2, signal: null });
      expect(cli.stderr()).toMatch(/^fcgi-lb: [^\n]+\n$/);
      expect(cli.stderr()).toContain(expected);
      expect(cli.stdout()).toBe('');
    });
  }
});

describe('an address in use', () => {
  it('on TCP is named, and the exit code is 1', async () => {
    const address = await listening({ host: '127.0.0.1', port: 0 });
    const cli = startCli(['--upstream', '/w.sock', '--admin', 'off', '--listen', address]);
    expect((await cli.ended).code).toBe(1);
    expect(cli.stderr()).toContain(`fcgi-lb: cannot listen on ${address}: the address is in use`);
  });

  it('on a unix socket is named, and the one who listens there is left alone', async () => {
    const path = join(tempDir(), 'taken.sock');
    await listening({ path });
    const cli = startCli(['--upstream', '/w.sock', '--admin', 'off', '--listen', path]);
    expect((await cli.ended).code).toBe(1);
    expect(cli.stderr()).toContain(`cannot listen on ${path}: the address is in use`);
  });

  it('of the admin listener, when it was asked for, is an error too', async () => {
    const address = await listening({ host: '127.0.0.1', port: 0 });
    const cli = startCli(['--upstream', '/w.sock', '--admin', address, '--listen', join(tempDir(), 'http.sock')]);
    expect((await cli.ended).code).toBe(1);
    expect(cli.stderr()).toContain(address);
  });

  it('only by a socket file that a killed program left is taken over', async () => {
    const path = join(tempDir(), 'http.sock');
    await deadSocket(path);
    const worker = await fakeWorker(answering('fine'));
    const cli = startCli(['--upstream', worker.path, '--admin', 'off', '--listen', path]);
    await cli.says('listening on');
    expect((await ask(path)).body.toString()).toBe('fine');
  });

  it('by something that is no socket is not taken over', async () => {
    const path = join(tempDir(), 'precious.txt');
    writeFileSync(path, 'data');
    const cli = startCli(['--upstream', '/w.sock', '--admin', 'off', '--listen', path]);
    expect((await cli.ended).code).toBe(1);
    expect(cli.stderr()).toContain(path);
    expect(readFileSync(path, 'utf8')).toBe('data');
  });
});

describe('a start', () => {
  it('with a glob that matches nothing is a warning: the program serves when a worker comes', async () => {
    const directory = tempDir();
    const http = join(directory, 'http');
    const cli = startCli(['--upstream', `${directory}/w*.sock`, '--admin', 'off', '--listen', http]);
    await cli.says('listening on');
    expect(cli.stderr()).toMatch(/"level":"warn".*no upstream yet/);
    expect(cli.stderr()).toContain(`${directory}/w*.sock`);
    await fakeWorker(answering('here at last'), { path: join(directory, 'w1.sock') });
    expect((await ask(http)).body.toString()).toBe('here at last');
  });

  it('says in one line where it listens and which upstreams it has', async () => {
    const worker = await fakeWorker(answering('fine'));
    const http = join(tempDir(), 'http');
    const cli = startCli(['--upstream', worker.path, '--admin', 'off', '--listen', http]);
    await cli.says('listening on');
    const line = cli
      .stderr()
      .split('\n')
      .find((text) => text.includes('listening on'));
    expect(JSON.parse(line ?? '')).toMatchObject({ listen: [http], upstreams: [worker.path], max_conns: 'auto' });
  });

  it('with --version or --help prints it and ends with 0', async () => {
    const [version, help] = [startCli(['--version']), startCli(['--help'])];
    expect([(await version.ended).code, (await help.ended).code]).toEqual([0, 0]);
    expect(version.stdout()).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect(help.stdout()).toContain('--upstream');
  });
});
