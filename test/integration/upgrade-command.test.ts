// `fcgi-lb upgrade` and what stands behind it: whoever asks hears how it went, and what changes the
// configuration keeps out of its way.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { ask, testClient } from '../support/clients/http-client.ts';
import { eventually } from '../support/eventually.ts';
import { buildIfMissing, type CliProcess, startCli } from '../support/program/cli-process.ts';
import { itWith } from '../support/program/programs.ts';
import { current, runs, stopAll, successors } from '../support/program/upgrades.ts';
import { answer, answering, fakeWorker, holding } from '../support/servers/fake-worker.ts';
import { notifySocket } from '../support/servers/notify-socket.ts';
import { tempDir } from '../support/temp-dir.ts';

beforeAll(buildIfMissing);

const itWithSystemd = itWith('systemd', 'perl');
/** A successor that is never ready. */
const WAITS = 'setInterval(() => undefined, 1000); await new Promise(() => undefined);';

/** The program with a file and an admin socket, and a module that is loaded before it. */
async function running({ words = [], env = {} }: { words?: readonly string[]; env?: Record<string, string> } = {}) {
  const directory = tempDir();
  const at = (name: string): string => join(directory, name);
  const { handler, next } = holding();
  const worker = await fakeWorker(handler, { path: at('w.sock') });
  const preload = at('preload.mjs');
  const file = at('f.yaml');
  const [http, admin] = [at('http.sock'), at('admin.sock')];
  writeFileSync(preload, '');
  writeFileSync(file, `listen: ${http}\nadmin: [${admin}, "127.0.0.1:0"]\npools: { rt: { upstreams: [${worker.path}] } }\n`);
  const cli = startCli(['--config', file, ...words], env, { node: ['--import', preload] });
  await cli.says('listening on');
  return {
    cli,
    next,
    http,
    admin,
    file,
    successorIs: (text: string) => writeFileSync(preload, text),
    upgrade: () => command('upgrade', '--admin', admin),
    post: async (path: string) => {
      const { status, body } = await ask(admin, { method: 'POST', path, headers: { Host: 'localhost' } });
      return { status, body: JSON.parse(body.toString()) as Record<string, unknown> };
    },
  };
}

async function command(...words: readonly string[]) {
  const cli = startCli(words);
  const { code } = await cli.ended;
  return { code, out: cli.stdout(), err: cli.stderr() };
}

/** The successor that was started last, whether it has come to anything or not. */
function started(cli: CliProcess): number {
  return Number([...cli.stderr().matchAll(/"successor":(\d+)/g)].at(-1)?.[1]);
}

describe('fcgi-lb upgrade', () => {
  it('comes back when the successor serves, with both pids, while the old process finishes what it holds', async () => {
    const { cli, next, http, admin, upgrade } = await running({ words: ['--log-format', 'json'] });
    const inFlight = ask(http);
    const held = await next();
    expect(await upgrade()).toEqual({
      code: 0,
      out: expect.stringMatching(new RegExp(`^upgraded: process \\d+ serves in the place of ${cli.pid}\n$`)),
      err: '',
    });
    const [successor] = successors(cli);
    expect(cli.stderr()).toMatch(
      new RegExp(`"by":"admin ${admin} \\(fcgi-lb upgrade \\(.+\\)\\)",.*"msg":"upgrading: a successor is starting"`),
    );
    // Whoever asks next asks the successor.
    const status = await command('status', '--json', '--admin', admin);
    expect(JSON.parse(status.out)).toMatchObject({ pid: successor, ready: true });
    expect(runs(cli.pid)).toBe(true);
    answer(held, 'finished');
    expect((await inFlight).body.toString()).toBe('finished');
    await eventually(() => expect(runs(cli.pid)).toBe(false));
    // And the successor can be asked the same.
    expect(await upgrade()).toMatchObject({ code: 0, out: expect.stringContaining(`in the place of ${successor}\n`) });
    await stopAll(cli);
  });

  it('says why when the upgrade failed, and the old process serves on', async () => {
    const { cli, next, http, upgrade, post, successorIs } = await running();
    successorIs('process.exit(3);');
    const reason = 'the successor exited with code 3 before it was ready';
    expect(await upgrade()).toEqual({
      code: 1,
      out: '',
      err: `fcgi-lb: the upgrade failed: ${reason}; process ${cli.pid} serves on\n`,
    });
    expect(await post('/upgrade')).toEqual({ status: 422, body: { result: 'bad', pid: cli.pid, reason } });
    const served = ask(http);
    answer(await next(), 'served');
    expect((await served).body.toString()).toBe('served');
    cli.kill('SIGTERM');
    expect((await cli.ended).code).toBe(0);
  });

  it('is refused while one is running, and hears of a stop that ends the one that runs', async () => {
    const { cli, upgrade, post, successorIs } = await running();
    successorIs(WAITS);
    const first = upgrade();
    await cli.says('a successor is starting');
    expect(await upgrade()).toEqual({
      code: 1,
      out: '',
      err: `fcgi-lb: refused to upgrade: an upgrade is running already; process ${cli.pid} serves on\n`,
    });
    expect((await post('/upgrade')).status).toBe(409);
    cli.kill('SIGTERM');
    expect(await first).toMatchObject({
      code: 1,
      err: expect.stringContaining('the upgrade failed: the program was told to stop'),
    });
    expect((await cli.ended).code).toBe(0);
    expect(runs(started(cli))).toBe(false);
  });

  it('says that the program went away, and asks no other one, when there is no answer', async () => {
    const { cli, admin, upgrade, successorIs } = await running();
    successorIs(WAITS);
    const asked = upgrade();
    await cli.says('a successor is starting');
    cli.kill('SIGKILL');
    process.kill(started(cli), 'SIGKILL');
    expect(await asked).toEqual({
      code: 1,
      out: '',
      err: `fcgi-lb: ${admin} has broken off without an answer (socket hang up)\n`,
    });
  });

  it('waits no shorter than the program, which has a limit of its own', async () => {
    const { upgrade, successorIs } = await running({ words: ['--upgrade-timeout', '1500ms'] });
    successorIs(WAITS);
    expect(await upgrade()).toMatchObject({ code: 1, err: expect.stringContaining('the successor was not ready in 1500 ms;') });
  });
});

describe('POST /upgrade', () => {
  it('is taken on the unix socket only, while there is no token', async () => {
    const { cli } = await running();
    const port = /"admin":\["[^"]+","(127\.0\.0\.1:\d+)"\]/.exec(cli.stderr())?.[1] ?? '';
    expect(await command('upgrade', '--admin', port)).toMatchObject({
      code: 3,
      err: expect.stringContaining('requests that change something are taken on the unix socket that fcgi-lb makes only'),
    });
    expect(cli.stderr()).not.toContain('a successor is starting');
  });
});

describe('a reload', () => {
  itWithSystemd(
    'that is asked for over HTTP is refused while an upgrade runs, and is told to systemd at any other time',
    async () => {
      const notify = await notifySocket();
      const { cli, file, post, upgrade, successorIs } = await running({ env: { NOTIFY_SOCKET: notify.path } });
      successorIs(WAITS);
      expect((await post('/reload')).status).toBe(200);
      await notify.message((message) => message.startsWith('RELOADING=1'));
      await eventually(() => expect(notify.messages.filter((message) => message.startsWith('READY=1'))).toHaveLength(2));
      const asked = upgrade();
      await cli.says('a successor is starting');
      expect(await post('/reload')).toEqual({
        status: 422,
        body: {
          result: 'bad',
          at: expect.any(String),
          problems: ['an upgrade is running, and the successor reads the configuration anew'],
        },
      });
      expect(await command('reload', '--admin', `${file}/../admin.sock`)).toMatchObject({ code: 1 });
      cli.kill('SIGTERM');
      expect((await asked).code).toBe(1);
      await cli.ended;
      expect(notify.messages.filter((message) => message.startsWith('RELOADING=1'))).toHaveLength(1);
    },
  );

  it('that is on its way is over before the listeners are handed on', async () => {
    const { cli, file, http, admin } = await running();
    const extra = `${http}.extra`;
    await fakeWorker(answering('of the new configuration'), { path: `${http}.w` });
    writeFileSync(file, `listen: [${http}, ${extra}]\nadmin: ${admin}\npools: { rt: { upstreams: [${http}.w] } }\n`);
    const operator = testClient(admin);
    // Both are there before the first is done.
    const request = (path: string): string => `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n`;
    operator.write(request('/reload') + request('/upgrade'));
    const received = await operator.until((answers) => answers.includes('"successor"'));
    expect(received).toMatch(/"result":"good"[\s\S]*"generation":2[\s\S]*"result":"good"[\s\S]*"successor":\d+/);
    expect(cli.stderr()).toMatch(new RegExp(`"sockets":\\["${http}","${extra}","${admin}"\\]`));
    expect((await ask(extra)).body.toString()).toBe('of the new configuration');
    expect(current(cli)).not.toBe(cli.pid);
    await stopAll(cli);
  });
});
