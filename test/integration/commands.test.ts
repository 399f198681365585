// The commands that talk to the running program, and HUP, as an operator uses them: real processes,
// real exit codes.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Status } from '../../src/admin/status.ts';
import { ask } from '../support/clients/http-client.ts';
import { eventually } from '../support/eventually.ts';
import { type Before, buildIfMissing, startCli } from '../support/program/cli-process.ts';
import { answer, answering, fakeWorker, holding } from '../support/servers/fake-worker.ts';
import { tempDir } from '../support/temp-dir.ts';

beforeAll(buildIfMissing);

async function run(words: readonly string[], env: Readonly<Record<string, string>> = {}, before: Before = {}) {
  const cli = startCli(words, env, before);
  const { code } = await cli.ended;
  return { code, out: cli.stdout(), err: cli.stderr() };
}

/** The program with a file that the test rewrites. */
async function running(pool: string, words: readonly string[] = []) {
  const directory = tempDir();
  const file = join(directory, 'f.yaml');
  const [http, admin] = [join(directory, 'http.sock'), join(directory, 'admin.sock')];
  const write = (text: string, more = ''): void =>
    writeFileSync(file, `listen: ${http}\nadmin: ${admin}\npools: { rt: ${text} }\n${more}`);
  write(pool);
  const cli = startCli(['--config', file, '--log-format', 'json', ...words]);
  await cli.says('listening on');
  const command = (...rest: string[]) => run([...rest, '--admin', admin]);
  const status = async (): Promise<Status> => JSON.parse((await command('status', '--json')).out) as Status;
  return { cli, directory, file, http, admin, write, command, status };
}

describe('fcgi-lb status', () => {
  it('shows pools, queues and upstreams, for eyes and as JSON', async () => {
    const { handler, next } = holding();
    const worker = await fakeWorker(handler);
    const { http, command, status } = await running(`{ upstreams: [${worker.path}], max_conns: 1 }`);
    const first = ask(http);
    const held = await next();
    const second = ask(http);
    await eventually(async () => expect((await status()).pools[0]?.queue.waiting).toBe(1));
    expect(await status()).toMatchObject({
      format: 1,
      version: expect.stringMatching(/^\d+\.\d+\.\d+$/),
      generation: 1,
      uptime_seconds: expect.any(Number),
      ready: true,
      reload: null,
      pools: [
        {
          name: 'rt',
          leaving: false,
          queue: { waiting: 1, size: 1024 },
          upstreams: [
            {
              name: worker.path,
              leaving: false,
              state: { is: 'up', since: expect.stringMatching(/^\d{4}-.*Z$/), reason: 'nothing is known against it' },
              activity: { is: 'starting', since: expect.any(String), reason: '1 of 1 slots in use' },
              capacity: 1,
              in_flight: 1,
            },
          ],
        },
      ],
    });
    const { code, out } = await command('status');
    expect(code).toBe(0);
    expect(out).toMatch(/^fcgi-lb \S+, pid \d+, up \d+s, generation 1: ready\n.*\b1 waiting\b/);
    expect(out).toMatch(/^rt +1\/1024 .* 1 up$/m);
    expect(out).toContain(`${worker.path}  up     starting   1/1 `);
    expect(out).toMatch(/ nothing is known against it$/m);
    answer(held, 'one');
    answer(await next(), 'two');
    expect([(await first).status, (await second).status]).toEqual([200, 200]);
  });
});

describe('fcgi-lb drain and undrain', () => {
  it('take an upstream out of service by the last part of its path and back, while it finishes what it holds', async () => {
    const directory = tempDir();
    const { handler, next } = holding();
    await fakeWorker(handler, { path: join(directory, 'rt1.sock') });
    await fakeWorker(answering('two'), { path: join(directory, 'rt2.sock') });
    const { cli, http, command, admin, status } = await running(
      `{ upstreams: ["${directory}/rt*.sock"], max_conns: 1, balance: first }`,
    );
    const state = async (): Promise<string | undefined> => (await status()).pools[0]?.upstreams[0]?.state.is;
    // Whichever was found first.
    let held = ask(http);
    const reply = await next();
    expect(await command('drain', 'rt1.sock')).toMatchObject({
      code: 0,
      out: `${directory}/rt1.sock in pool rt is draining; 1 in flight\n`,
    });
    const waiting = startCli(['drain', 'rt1.sock', '--wait', '--admin', admin]);
    for (let i = 0; i < 3; i += 1) expect((await ask(http)).body.toString()).toBe('two');
    await eventually(() => expect(cli.stderr().split('"msg":"drain"').length).toBe(3));
    expect(waiting.stdout()).toBe('');
    answer(reply, 'finished');
    expect((await held).body.toString()).toBe('finished');
    expect((await waiting.ended).code).toBe(0);
    expect(waiting.stdout()).toBe(`${directory}/rt1.sock in pool rt is drained\n`);
    expect(await state()).toBe('draining');
    expect((await command('undrain', `${directory}/rt1.sock`)).out).toBe(
      `${directory}/rt1.sock in pool rt gets requests again\n`,
    );
    expect(await state()).toBe('up');
    held = ask(http);
    answer(await next(), 'again');
    expect((await held).body.toString()).toBe('again');
    const logged = cli
      .stderr()
      .split('\n')
      .filter((line) => /"msg":"(un)?drain"/.test(line));
    expect(JSON.parse(logged[0] ?? '')).toMatchObject({
      by: `admin ${admin}`,
      agent: expect.stringMatching(/^fcgi-lb drain \(.+\)$/),
      pool: 'rt',
      upstream: `${directory}/rt1.sock`,
    });
  });

  it('Ctrl-C while waiting leaves the drain in place; an undrain meanwhile ends the wait with 1', async () => {
    const { handler, next } = holding();
    const worker = await fakeWorker(handler);
    const { http, command, admin, status } = await running(`{ upstreams: [${worker.path}], max_conns: 1 }`);
    const held = ask(http);
    const reply = await next();
    const draining = async (): Promise<void> =>
      eventually(async () => expect((await status()).pools[0]?.upstreams[0]?.state.is).toBe('draining'));
    const first = startCli(['drain', worker.path, '--wait', '--admin', admin]);
    await draining();
    first.kill('SIGINT');
    expect(await first.ended).toEqual({ code: null, signal: 'SIGINT' });
    await draining();
    const second = startCli(['drain', worker.path, '--wait', '--pool', 'rt', '--admin', admin]);
    await eventually(async () => {
      await command('undrain', worker.path);
      expect(second.stderr()).toContain('somebody took it back');
    });
    expect((await second.ended).code).toBe(1);
    answer(reply, 'done');
    await held;
  });

  it('say which upstreams there are when the word means none, or several', async () => {
    const directories = [tempDir(), tempDir()];
    for (const directory of directories) await fakeWorker(answering('x'), { path: join(directory, 'rt1.sock') });
    const paths = directories.map((directory) => join(directory, 'rt1.sock'));
    const { command } = await running(`{ upstreams: [${paths.join(', ')}] }`);
    expect(await command('drain', 'rt9.sock')).toMatchObject({
      code: 2,
      err: `fcgi-lb: no upstream 'rt9.sock'; there are ${paths.join(', ')}\n`,
    });
    expect(await command('drain', 'rt1.sock')).toMatchObject({
      code: 2,
      err: expect.stringContaining(`'rt1.sock' may be ${paths[0]} in pool rt or`),
    });
    expect(await command('undrain', paths[0] ?? '', '--pool', 'php')).toMatchObject({
      code: 2,
      err: "fcgi-lb: no pool 'php'; there are rt\n",
    });
    expect(await command('drain', `unix:${paths[1]}`)).toMatchObject({ code: 0 });
  });
});

describe('fcgi-lb reload', () => {
  it('puts the file in force; of a bad one it prints the problems, exits with 1, and nothing has changed', async () => {
    const [one, two] = [await fakeWorker(answering('one')), await fakeWorker(answering('two'))];
    const { cli, http, write, command, status, file } = await running(`{ upstreams: [${one.path}] }`);
    expect((await ask(http)).body.toString()).toBe('one');
    write(`{ upstreams: [${two.path}] }`);
    expect(await command('reload')).toEqual({ code: 0, out: 'reloaded: generation 2\n', err: '' });
    expect((await ask(http)).body.toString()).toBe('two');
    write(`{ upstreams: [${one.path}] }`, 'log_levle: info\n');
    expect(await command('reload')).toEqual({
      code: 1,
      out: '',
      err: `${file}:4:1: log_levle: unknown key; did you mean 'log_level'?\n${file}: 1 problem\nfcgi-lb: nothing was reloaded: the program goes on as before\n`,
    });
    expect((await ask(http)).body.toString()).toBe('two');
    expect((await status()).reload).toMatchObject({ result: 'bad' });
    expect((await command('status')).out).toContain("log_levle: unknown key; did you mean 'log_level'?");
    expect(cli.stderr()).toContain('did you mean');
  });

  it('that fails halfway leaves the access log as it was, and does not complain of the one it had opened', async () => {
    const worker = await fakeWorker(answering('fine'));
    const { cli, http, file, directory, admin, command } = await running(`{ upstreams: [${worker.path}] }`);
    writeFileSync(
      file,
      `listen: [${http}, /nowhere/at/all.sock]\nadmin: ${admin}\naccess_log: ${directory}/a.log\npools: { rt: { upstreams: [${worker.path}] } }\n`,
    );
    expect(await command('reload')).toMatchObject({ code: 1, err: expect.stringContaining('/nowhere/at/all.sock') });
    await ask(http);
    await eventually(() => expect(cli.stdout()).toContain('"path":"/"'));
    expect(cli.stderr()).not.toContain('cannot write the access log');
    expect(readFileSync(join(directory, 'a.log'), 'utf8')).toBe('');
  });

  it('is answered also when it takes out the very listener that it came on', async () => {
    const worker = await fakeWorker(answering('fine'));
    const { file, http, directory, command } = await running(`{ upstreams: [${worker.path}] }`);
    const moved = join(directory, 'moved.sock');
    writeFileSync(file, `listen: ${http}\nadmin: ${moved}\npools: { rt: { upstreams: [${worker.path}] } }\n`);
    expect((await command('reload')).out).toBe('reloaded: generation 2\n');
    expect((await command('status')).code).toBe(1);
    expect((await run(['status', '--admin', moved])).code).toBe(0);
  });
});

describe('SIGHUP', () => {
  it('reloads; a bad file is reported in the log and changes nothing', async () => {
    const [one, two] = [await fakeWorker(answering('one')), await fakeWorker(answering('two'))];
    const { cli, http, write, directory } = await running(`{ upstreams: [${one.path}] }`);
    write(`{ upstreams: [${two.path}] }`, 'nonsense: 1\n');
    cli.kill('SIGHUP');
    await cli.says('nothing was reloaded');
    expect(cli.stderr()).toContain('nonsense: unknown key');
    expect((await ask(http)).body.toString()).toBe('one');
    const log = join(directory, 'access.log');
    write(`{ upstreams: [${two.path}] }`, `access_log: ${log}\n`);
    cli.kill('SIGHUP');
    cli.kill('SIGHUP');
    await cli.says('"msg":"reloaded"');
    expect((await ask(http)).body.toString()).toBe('two');
    await eventually(() => expect(readFileSync(log, 'utf8').trim().split('\n').length).toBe(1));
    expect(cli.stdout().trim().split('\n').length).toBe(1);
  });

  it('while the program stops is refused, and the stop goes on', async () => {
    const { handler, next } = holding();
    const worker = await fakeWorker(handler);
    const { cli, http } = await running(`{ upstreams: [${worker.path}], max_conns: 1 }`);
    const held = ask(http);
    const reply = await next();
    cli.kill('SIGTERM');
    await cli.says('stopping');
    cli.kill('SIGHUP');
    await cli.says('the program is stopping');
    answer(reply, 'done');
    expect(await held).toMatchObject({ status: 200, complete: true });
    expect(await cli.ended).toEqual({ code: 0, signal: null });
  });
});

describe('a command', () => {
  const commands = [
    ['status'],
    ['status', '--json'],
    ['top', '--once'],
    ['drain', 'rt1.sock'],
    ['undrain', 'rt1.sock'],
    ['enable', 'rt1.sock'],
    ['disable', 'rt1.sock'],
    ['weight', 'rt1.sock', '2'],
    ['reload'],
  ];

  it.each(commands)('%s says where it looked when no program answers, and exits with 1', async (...words) => {
    const directory = tempDir();
    const { code, err } = await run(words.concat('--admin', `${directory}/none.sock`));
    expect([code, err]).toEqual([
      1,
      `fcgi-lb: no fcgi-lb answers at ${directory}/none.sock (no such socket); is it running? --admin ADDR says where it listens\n`,
    ]);
  });

  it.each([
    [['drain'], 'drain needs an upstream; see fcgi-lb drain --help'],
    [['undrain', 'a', 'b'], "unexpected word 'b'"],
    [['status', 'x'], "unexpected word 'x'"],
    [
      ['status', '--sort', 'colour'],
      "option --sort: 'colour' is not known; expected state or busy or rate or requests or errors or p99 or age or name",
    ],
    [['top', '--interval', '10ms'], "option --interval: '10ms' is too short: expected at least 100ms"],
    [['top'], 'top needs a terminal; --once prints one picture, status --json is for programs'],
    [['reload', '--wait'], 'unknown option --wait; see fcgi-lb reload --help'],
    [['status', '--admin', 'nonsense'], "address 'nonsense': expected HOST:PORT, [IPV6]:PORT, /PATH or unix:/PATH"],
  ])('%j makes no sense: exit code 2', async (words, message) => {
    expect(await run(words)).toMatchObject({ code: 2, err: `fcgi-lb: ${message}\n` });
  });

  it.each(commands)('%s has a help of its own', async (name = '') => {
    const { code, out } = await run([name, '--help']);
    expect(code).toBe(0);
    expect(out).toContain(`Usage: fcgi-lb ${name}`);
    expect(out).toMatch(/^ {2}--admin ADDR/m);
  });

  it('finds the socket in the runtime directory by itself', async () => {
    // Root has /run, which is the machine's: whoever runs the tests is taken for an ordinary user.
    const ordinary = { node: ['--import', 'data:text/javascript,process.getuid = () => 1000'] };
    const worker = await fakeWorker(answering('fine'));
    const directory = tempDir();
    const env = { XDG_RUNTIME_DIR: directory };
    const cli = startCli(['--upstream', worker.path, '--listen', join(directory, 'http.sock')], env, ordinary);
    await cli.says('listening on');
    expect((await run(['drain', worker.path], env, ordinary)).code).toBe(0);
  });
});
