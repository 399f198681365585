// What a successor has of its predecessor: the secret of its cookies, and the whole service when
// the predecessor is killed meanwhile.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Status } from '../../src/admin/status.ts';
import { ask } from '../support/clients/http-client.ts';
import { eventually } from '../support/eventually.ts';
import { buildIfMissing, startCli } from '../support/program/cli-process.ts';
import { itWith, programPath } from '../support/program/programs.ts';
import { current, runs, stopAll, upgrade } from '../support/program/upgrades.ts';
import { connects } from '../support/servers/connects.ts';
import { answering, fakeWorker } from '../support/servers/fake-worker.ts';
import { notifySocket } from '../support/servers/notify-socket.ts';
import { tempDir } from '../support/temp-dir.ts';

beforeAll(buildIfMissing);

const itWithSystemd = itWith('systemd', 'perl');

/** The program with three workers and sticky cookies, and a module that is loaded before it. */
async function running(env: Readonly<Record<string, string>> = {}) {
  const directory = tempDir();
  const paths = ['w1', 'w2', 'w3'].map((name) => join(directory, `${name}.sock`));
  for (const path of paths) await fakeWorker(answering(path), { path });
  const [http, admin] = [join(directory, 'http.sock'), join(directory, 'admin.sock')];
  const preload = join(directory, 'preload.mjs');
  writeFileSync(preload, '');
  const upstreams = ['--upstream', ...paths, '--balance', 'sticky:route'];
  const addresses = ['--listen', http, '--listen', '127.0.0.1:0', '--admin', admin];
  const cli = startCli([...upstreams, ...addresses, '--log-format', 'json'], env, { node: ['--import', preload] });
  await cli.says('listening on');
  const port = Number(/127\.0\.0\.1:(\d+)/.exec(cli.stderr())?.[1]);
  return { cli, directory, http, admin, port, successorIs: (text: string) => writeFileSync(preload, text) };
}

interface Visitor {
  readonly cookie: string;
  readonly home: string;
}

/** Clients with a cookie each, at every worker. */
async function visitors(http: string): Promise<readonly Visitor[]> {
  const all: Visitor[] = [];
  for (let i = 0; i < 6; i += 1) {
    const { headers, body } = await ask(http);
    all.push({ cookie: headers['set-cookie']?.[0]?.split(';')[0] ?? '', home: body.toString() });
  }
  expect(new Set(all.map(({ home }) => home)).size).toBe(3);
  return all;
}

/**
 * Comes back with each cookie, in an order in which no other balancer would find the same workers.
 */
async function comeBack(http: string, all: readonly Visitor[]): Promise<void> {
  for (const { cookie, home } of [...all, ...all.toReversed()]) {
    const { headers, body } = await ask(http, { headers: { Cookie: cookie } });
    expect([body.toString(), headers['set-cookie']]).toEqual([home, undefined]);
  }
}

describe('a sticky cookie', () => {
  it('leads to its upstream after an upgrade, and after another one', async () => {
    const { cli, http } = await running();
    const all = await visitors(http);
    for (let i = 0; i < 2; i += 1) {
      await upgrade(cli);
      await eventually(() => expect(runs(cli.pid)).toBe(false));
      await comeBack(http, all);
    }
    await stopAll(cli);
  });

  it('is signed with a secret that stands neither in the words nor in the environment of the successor', async () => {
    const { cli } = await running();
    await upgrade(cli);
    const shown = ['cmdline', 'environ'].map((name) => readFileSync(`/proc/${current(cli)}/${name}`, 'utf8')).join('\0');
    const [, told] = /(?:^|\0)FCGI_LB_SUCCESSION=([^\0]*)/.exec(shown) ?? [];
    const { sockets, ...rest } = JSON.parse(told ?? '') as { sockets: Record<string, unknown>[] };
    expect(Object.keys(rest)).toEqual(['format', 'parent']);
    for (const socket of sockets) {
      expect(['asked', 'fd', 'fdName', 'file', 'inode', 'text']).toEqual(expect.arrayContaining(Object.keys(socket)));
    }
    // 32 random bytes are 43 such letters.
    expect((told ?? '').split(/[/.]/).filter((word) => /^[\w-]{43}$/.test(word))).toEqual([]);
    await stopAll(cli);
  });
});

describe('what the operator has said', () => {
  it('of upstreams holds after an upgrade, and after another one', async () => {
    const { cli, admin, http, directory } = await running();
    const [w1, w2, w3] = ['w1', 'w2', 'w3'].map((name) => join(directory, `${name}.sock`));
    const said = async (what: string, name: string, body?: string): Promise<void> => {
      const path = `/pools/default/upstreams/${name}.sock/${what}`;
      const headers = body === undefined ? {} : { 'Content-Type': 'application/json' };
      expect((await ask(admin, { method: 'POST', path, headers, body: body ?? '' })).status).toBe(200);
    };
    const states = async (): Promise<readonly unknown[]> => {
      const { pools } = JSON.parse((await ask(admin, { path: '/status' })).body.toString()) as Status;
      return (pools[0]?.upstreams ?? []).map(({ name, state, weight }) => [name, state.is, weight]).sort();
    };
    await said('drain', 'w1');
    await said('disable', 'w2');
    await said('weight', 'w3', '{"weight": 7}');
    for (let i = 0; i < 2; i += 1) {
      expect(await states()).toEqual([
        [w1, 'draining', 1],
        [w2, 'disabled', 1],
        [w3, 'up', 7],
      ]);
      for (let each = 0; each < 3; each += 1) expect((await ask(http)).body.toString()).toBe(w3);
      await upgrade(cli);
      await eventually(() => expect(runs(cli.pid)).toBe(false));
    }
    await said('undrain', 'w1');
    await said('enable', 'w2');
    await upgrade(cli);
    await eventually(async () => {
      expect((await states()).map((each) => (each as readonly unknown[])[1])).toEqual(['up', 'up', 'up']);
    });
    await stopAll(cli);
  });
});

describe('a predecessor that is killed while its successor is being loaded', () => {
  for (const [when, preload] of [
    [
      'and the successor has noticed',
      `const { ppid } = process;
       process.kill(ppid, 'SIGKILL');
       while (process.ppid === ppid || process.connected) await new Promise((resolve) => setTimeout(resolve, 2));`,
    ],
    [
      'and the successor has not noticed yet',
      `const { ppid } = process;
       process.kill(ppid, 'SIGKILL');
       while (process.ppid === ppid) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2);`,
    ],
  ] as const) {
    it(`leaves it the service, ${when}`, async () => {
      const { cli, directory, http, admin, port, successorIs } = await running();
      const all = await visitors(http);
      successorIs(preload);
      process.kill(cli.pid, 'SIGUSR2');
      await cli.says('a successor is starting');
      await eventually(() => expect(runs(cli.pid)).toBe(false));
      // Whoever connects meanwhile waits, and is not refused.
      expect((await ask({ port })).status).toBe(200);
      await comeBack(http, all);
      await cli.says('took over from the predecessor');
      const { pid } = JSON.parse((await ask(admin, { path: '/status' })).body.toString()) as { readonly pid: number };
      expect(pid).toBe(Number(/"successor":(\d+)/.exec(cli.stderr())?.[1]));
      // Nothing of it is half a service: it can be succeeded, and takes its files away in the end.
      successorIs('');
      process.kill(pid, 'SIGUSR2');
      await cli.says('serves now; this one finishes what runs');
      await eventually(() => expect(runs(pid)).toBe(false));
      await comeBack(http, all);
      await stopAll(cli);
      expect([http, admin].map(existsSync)).toEqual([false, false]);
      expect(await connects({ port })).toBe('ECONNREFUSED');
      expect(existsSync(directory)).toBe(true);
    });
  }
});

describe('a successor that dies when systemd has just been told of it', () => {
  itWithSystemd('is not the main process any more: systemd is told so, and the old process serves on', async () => {
    const notify = await notifySocket();
    const directory = tempDir();
    const real = programPath('systemd-notify');
    // It dies before systemd-notify has ended, so that the end of both is known by then.
    const kills = 'kill -KILL $pid; while grep -q "^State:.[^ZX]" /proc/$pid/status 2>/dev/null; do :; done';
    const once = `pid=\${1#MAINPID=}; if mkdir ${directory}/once 2>/dev/null; then ${kills}; fi`;
    const script = `#!/bin/sh\ncase $1 in MAINPID=*) ${once};; esac\nexec ${real} "$@"\n`;
    writeFileSync(join(directory, 'systemd-notify'), script, { mode: 0o755 });
    const { cli, http } = await running({ NOTIFY_SOCKET: notify.path, PATH: `${directory}:${process.env['PATH']}` });
    process.kill(cli.pid, 'SIGUSR2');
    await cli.says('the upgrade failed: the successor was ended by SIGKILL');
    const [dead] = /"successor":(\d+)/.exec(cli.stderr())?.slice(1) ?? [];
    await notify.message((message) => message === `MAINPID=${cli.pid}`);
    expect(notify.messages.filter((message) => message.startsWith('MAINPID='))).toEqual([
      `MAINPID=${dead}`,
      `MAINPID=${cli.pid}`,
    ]);
    expect((await ask(http)).status).toBe(200);
    await upgrade(cli);
    expect((await ask(http)).status).toBe(200);
    await stopAll(cli);
  });
});
