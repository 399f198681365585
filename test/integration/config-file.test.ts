// `--config` and `fcgi-lb check` as an operator uses them: files on disk, options beside them, exit
// codes.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { ask } from '../support/clients/http-client.ts';
import { buildIfMissing, startCli } from '../support/program/cli-process.ts';
import { startProxy } from '../support/program/proxy.ts';
import { answering, fakeWorker } from '../support/servers/fake-worker.ts';
import { tempDir } from '../support/temp-dir.ts';

beforeAll(buildIfMissing);

/** Writes files into a fresh directory, and returns its path. */
function filesOf(files: Readonly<Record<string, string>>): string {
  const directory = tempDir();
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(directory, name, '..'), { recursive: true });
    writeFileSync(join(directory, name), text);
  }
  return directory;
}

const GOOD = 'listen: ./http.sock\nadmin: off\npools:\n  rt:\n    upstreams: ["./rt*.sock"]\n';

describe('fcgi-lb check', () => {
  it('says of a good file what is in it, and ends with 0', async () => {
    const directory = filesOf({ 'f.yaml': `include: pools/*.yaml\n${GOOD}`, 'pools/a.yaml': 'routes: [{ pool: rt }]\n' });
    const cli = startCli(['check', '--config', join(directory, 'f.yaml')]);
    expect(await cli.ended).toEqual({ code: 0, signal: null });
    expect(cli.stdout()).toBe(`${directory}/f.yaml: ok: 2 files, 1 pool, 1 upstream or glob, 1 route\n`);
    expect(cli.stderr()).toBe('');
  });

  it('says of a bad one all that is wrong, on standard error, and ends with 1', async () => {
    const directory = filesOf({
      'f.yaml': 'include: "pools/*.yaml"\nlog_levle: info\n',
      'pools/a.yaml': 'pools:\n  rt:\n    upstreams: [nonsense]\n',
    });
    const cli = startCli(['check', '--config', join(directory, 'f.yaml')]);
    expect(await cli.ended).toEqual({ code: 1, signal: null });
    expect(cli.stderr().split('\n')).toEqual([
      `${directory}/f.yaml:2:1: log_levle: unknown key; did you mean 'log_level'?`,
      `${directory}/pools/a.yaml:3:17: pools.rt.upstreams[0]: address 'nonsense': expected HOST:PORT, [IPV6]:PORT, /PATH or unix:/PATH`,
      `${directory}/f.yaml: 2 problems`,
      '',
    ]);
    expect(cli.stdout()).toBe('');
  });

  it.each([
    ['that is not there', 'none.yaml', 'there is no such file'],
    ['that is a directory', 'd', 'it is a directory'],
  ])('says of a file %s why it cannot be read, and ends with 1', async (_, name, why) => {
    const directory = filesOf({ 'd/x': '' });
    const cli = startCli(['check', '--config', join(directory, name)]);
    expect((await cli.ended).code).toBe(1);
    expect(cli.stderr()).toContain(`'${directory}/${name}' cannot be read: ${why}\n`);
  });

  it('needs a file, and knows no other options', async () => {
    const [none, other] = [startCli(['check']), startCli(['check', '--config', 'f.yaml', '--listen', 'a:1'])];
    expect([(await none.ended).code, (await other.ended).code]).toEqual([2, 2]);
    expect(none.stderr()).toBe('fcgi-lb: nothing to check: expected --config FILE; see fcgi-lb check --help\n');
    expect(other.stderr()).toBe('fcgi-lb: unknown option --listen; see fcgi-lb check --help\n');
  });

  it('has a help of its own', async () => {
    const cli = startCli(['check', '--help']);
    expect((await cli.ended).code).toBe(0);
    expect(cli.stdout()).toMatch(/^Usage: fcgi-lb check --config/);
    expect(cli.stdout()).toMatch(/^ {2}--config FILE/m);
  });
});

describe('fcgi-lb --config', () => {
  it('serves what the file says, with paths relative to it', async () => {
    const directory = filesOf({ 'f.yaml': GOOD });
    await fakeWorker(answering('from the file'), { path: join(directory, 'rt1.sock') });
    const cli = startCli(['serve', '--config', join(directory, 'f.yaml')]);
    await cli.says('listening on');
    expect((await ask(join(directory, 'http.sock'))).body.toString()).toBe('from the file');
    cli.kill('SIGTERM');
    expect(await cli.ended).toEqual({ code: 0, signal: null });
  });

  it('refuses a bad file with all that is wrong with it and exit code 2, and opens nothing', async () => {
    const directory = filesOf({ 'f.yaml': `${GOOD}    queue: { sizee: 4 }\n    balance: fastest\n` });
    const cli = startCli(['--config', join(directory, 'f.yaml')]);
    expect(await cli.ended).toEqual({ code: 2, signal: null });
    expect(cli.stderr().split('\n')).toEqual([
      `${directory}/f.yaml:6:14: pools.rt.queue.sizee: unknown key; did you mean 'size'?`,
      expect.stringContaining(`${directory}/f.yaml:7:14: pools.rt.balance: 'fastest' is not known; expected round-robin, `),
      `${directory}/f.yaml: 2 problems`,
      '',
    ]);
    await expect(ask(join(directory, 'http.sock'))).rejects.toThrow('ENOENT');
  });

  it('lets options win over the file', async () => {
    const directory = filesOf({ 'f.yaml': `${GOOD}access_log: off\nlog_level: error\n` });
    await fakeWorker(answering('fine'), { path: join(directory, 'rt1.sock') });
    const other = join(directory, 'other.sock');
    const log = join(directory, 'access.log');
    const cli = startCli(['--config', join(directory, 'f.yaml'), '--listen', other, '--log-level', 'info', '--access-log', log]);
    await cli.says(`listening on ${other}`);
    expect((await ask(other)).status).toBe(200);
    await expect(ask(join(directory, 'http.sock'))).rejects.toThrow('ENOENT');
  });

  it('refuses options that speak of the pool that --upstream makes', async () => {
    const directory = filesOf({ 'f.yaml': GOOD });
    for (const words of [['--upstream', '/a'], ['--balance', 'first'], ['--php'], ['--max-body', '1m']]) {
      const cli = startCli(['--config', join(directory, 'f.yaml'), ...words]);
      expect((await cli.ended).code).toBe(2);
      expect(cli.stderr()).toBe(`fcgi-lb: option ${words[0]} and --config exclude each other: say it in the file\n`);
    }
  });

  it('fills in variables from the environment of the program', async () => {
    const directory = filesOf({ 'f.yaml': 'pools: { rt: { upstreams: ["${FCGI_LB_TEST_DIR}/w.sock"] } }\n' });
    await fakeWorker(answering('found by a variable'), { path: join(directory, 'w.sock') });
    process.env['FCGI_LB_TEST_DIR'] = directory;
    onTestFinished(() => {
      delete process.env['FCGI_LB_TEST_DIR'];
    });
    const proxy = await startProxy(['--config', join(directory, 'f.yaml')]);
    expect((await ask(proxy.path)).body.toString()).toBe('found by a variable');
  });

  it('gives the worker the parameters of its pool and its route', async () => {
    const seen: (string | undefined)[] = [];
    const directory = filesOf({
      'f.yaml':
        'pools: { rt: { upstreams: [./w.sock], params: { A: pool, B: pool } } }\nroutes: [{ pool: rt, params: { B: route, SERVER_PORT: 443 } }]\n',
    });
    await fakeWorker(
      (reply) => {
        for (const name of ['A', 'B', 'SERVER_PORT', 'SCRIPT_NAME']) seen.push(reply.request.params.get(name));
        return answering('ok')(reply);
      },
      { path: join(directory, 'w.sock') },
    );
    const proxy = await startProxy(['--config', join(directory, 'f.yaml')]);
    expect((await ask(proxy.path)).status).toBe(200);
    expect(seen).toEqual(['pool', 'route', '443', '']);
  });
});
