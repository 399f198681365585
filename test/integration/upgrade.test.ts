// USR2: a successor takes over without losing a request, or does not come about and the old process
// serves on.

import { existsSync, lstatSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { Agent } from 'node:http';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { ask, testClient, type Where } from '../support/clients/http-client.ts';
import { eventually } from '../support/eventually.ts';
import { type Before, buildIfMissing, startCli } from '../support/program/cli-process.ts';
import { itWith } from '../support/program/programs.ts';
import { current, runs, stopAll, successors, upgrade } from '../support/program/upgrades.ts';
import { connects } from '../support/servers/connects.ts';
import { answer, answering, fakeWorker, holding } from '../support/servers/fake-worker.ts';
import { freePort } from '../support/servers/free-port.ts';
import { notifySocket } from '../support/servers/notify-socket.ts';
import { tempDir } from '../support/temp-dir.ts';

beforeAll(buildIfMissing);

const itWithSystemd = itWith('systemd', 'perl');

async function running(
  words: readonly string[],
  { env = {}, before = {} }: { env?: Record<string, string>; before?: Before } = {},
) {
  const path = join(tempDir(), 'http.sock');
  const worker = await fakeWorker(
    answering((uri) => `answer to ${uri}`),
    { maxConns: 1000 },
  );
  const upstream = words.includes('--upstream') || words.includes('--config') ? [] : ['--upstream', worker.path];
  const listen = words.includes('--config') ? [] : ['--listen', path];
  const admin = words.includes('--admin') || words.includes('--config') ? [] : ['--admin', 'off'];
  const cli = startCli([...upstream, ...listen, ...admin, ...words], env, before);
  await cli.says('listening on');
  return { cli, path };
}

describe('an upgrade', () => {
  it('ten times in a row under load, over TCP and a unix socket, fails no request and leaves one process', async () => {
    const worker = await fakeWorker(
      (reply) => {
        const uri = reply.request.params.get('REQUEST_URI') ?? '';
        setTimeout(() => answer(reply, `answer to ${uri}`), uri.startsWith('/slow') ? 1000 : 0);
      },
      { maxConns: 1000 },
    );
    const admin = join(tempDir(), 'admin.sock');
    const { cli, path } = await running(['--upstream', worker.path, '--listen', '127.0.0.1:0', '--admin', admin]);
    const port = Number(/127\.0\.0\.1:(\d+)/.exec(cli.stderr())?.[1]);
    const fds = (): number => readdirSync(`/proc/${current(cli)}/fd`).length;
    const atRest = fds();
    const inode = lstatSync(path).ino;
    const failures: string[] = [];
    let done = 0;
    let over = false;
    const client = async (where: Where, agent: Agent | undefined, name: string): Promise<void> => {
      for (let i = 0; !over; i += 1) {
        const uri = `/${name}/${i}`;
        try {
          const { status, body, complete } = await ask(where, { path: uri, ...(agent === undefined ? {} : { agent }) });
          if (status !== 200 || !complete || body.toString() !== `answer to ${uri}`) failures.push(`${uri}: ${status} ${body}`);
          done += 1;
        } catch (error) {
          failures.push(`${uri}: ${String(error)}`);
        }
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    };
    const kept = new Agent({ keepAlive: true, maxSockets: 1 });
    const keptUnix = new Agent({ keepAlive: true, maxSockets: 1 });
    onTestFinished(() => {
      kept.destroy();
      keptUnix.destroy();
    });
    const clients = [
      client({ port }, undefined, 'tcp'),
      client(path, undefined, 'unix'),
      client({ port }, kept, 'kept-tcp'),
      client(path, keptUnix, 'kept-unix'),
      client({ port }, undefined, 'slow-tcp'),
      client(path, undefined, 'slow-unix'),
    ];
    for (let i = 0; i < 10; i += 1) {
      const before = done;
      await upgrade(cli);
      await eventually(() => expect(done).toBeGreaterThan(before + 4));
    }
    await eventually(() => expect([cli.pid, ...successors(cli)].filter(runs)).toEqual([current(cli)]));
    over = true;
    await Promise.all(clients);
    kept.destroy();
    keptUnix.destroy();
    expect(failures).toEqual([]);
    expect(successors(cli)).toHaveLength(10);
    expect(lstatSync(path).ino).toBe(inode);
    await eventually(() => expect(fds()).toBeLessThanOrEqual(atRest));
    await stopAll(cli);
    expect(existsSync(path)).toBe(false);
    expect(await connects({ port })).toBe('ECONNREFUSED');
  }, 120_000);

  it('lets what runs finish in the old process, and tells kept connections to close', async () => {
    const { handler, next } = holding();
    const [one, two] = [await fakeWorker(handler), await fakeWorker(handler)];
    const { cli, path } = await running(['--upstream', one.path, two.path, '--max-conns', '1']);
    const kept = testClient(path);
    kept.write('GET /kept HTTP/1.1\r\nHost: a\r\n\r\n');
    answer(await next(), 'before');
    await kept.until((received) => received.includes('before'));
    const inFlight = ask(path, { path: '/in-flight' });
    const held = await next();

    await upgrade(cli);
    kept.write('GET /kept HTTP/1.1\r\nHost: a\r\n\r\n');
    answer(await next(), 'after');
    const { received, error } = await kept.closed;
    expect(error).toBeUndefined();
    expect(received).toMatch(/\r\nConnection: close\r\n[\s\S]*after(?:\r\n0\r\n\r\n)?$/i);
    expect(runs(cli.pid)).toBe(true);
    answer(held, 'finished');
    expect(await inFlight).toMatchObject({ status: 200, complete: true });
    await eventually(() => expect(runs(cli.pid)).toBe(false));
    const later = ask(path);
    answer(await next(), 'served by the successor');
    expect((await later).body.toString()).toBe('served by the successor');
    await stopAll(cli);
  });

  it('runs the files that are on disk now, and follows the configuration to other addresses', async () => {
    const directory = tempDir();
    const worker = await fakeWorker(answering('fine'));
    const at = (name: string): string => join(directory, `${name}.sock`);
    const config = at('lb.yaml');
    const port = await freePort();
    const pools = `pools: { app: { upstreams: [${worker.path}] } }`;
    const write = (...addresses: readonly string[]): void =>
      writeFileSync(config, `listen: [${addresses.join(', ')}]\nadmin: off\n${pools}\n`);
    write(at('a'), at('b'), `127.0.0.1:${port}`);
    const { cli } = await running(['--config', config]);
    expect((await ask(at('b'))).status).toBe(200);
    expect((await ask({ port })).status).toBe(200);
    write(at('a'), at('c'));
    await upgrade(cli);
    await cli.says('closed what the predecessor listened on');
    expect((await ask(at('a'))).status).toBe(200);
    expect((await ask(at('c'))).status).toBe(200);
    expect(await connects(at('b'))).toBe('ENOENT');
    await eventually(async () => expect(await connects({ port })).toBe('ECONNREFUSED'));
    await stopAll(cli);
    expect(readdirSync(directory)).toEqual(['lb.yaml.sock']);
  });

  it('leaves the readiness to the successor to tell', async () => {
    const { handler, next } = holding();
    const worker = await fakeWorker(handler);
    const admin = join(tempDir(), 'admin.sock');
    const { cli, path } = await running(['--upstream', worker.path, '--max-conns', '1', '--admin', admin]);
    const inFlight = ask(path);
    const held = await next();
    await upgrade(cli);
    for (let i = 0; i < 10; i += 1) expect((await ask(admin, { path: '/readyz' })).status).toBe(200);
    expect(runs(cli.pid)).toBe(true);
    answer(held, 'finished');
    expect((await inFlight).status).toBe(200);
    await stopAll(cli);
    expect(existsSync(admin)).toBe(false);
  });
});

describe('a successor', () => {
  const PRELOAD_WAITS = 'setInterval(() => undefined, 1000); await new Promise(() => undefined);';

  for (const [what, preload, said, words] of [
    ['that crashes', 'process.exit(3);', 'the successor exited with code 3 before it was ready', []],
    ['that is killed', "process.kill(process.pid, 'SIGKILL');", 'the successor was ended by SIGKILL before it was ready', []],
    ['that is never ready', PRELOAD_WAITS, 'the successor was not ready in 4000 ms', ['--upgrade-timeout', '4s']],
    [
      'that is never ready and does not listen to TERM',
      `process.on('SIGTERM', () => undefined); ${PRELOAD_WAITS}`,
      'the successor was not ready in 4000 ms',
      ['--upgrade-timeout', '4s'],
    ],
  ] as const) {
    it(`${what} is ended, and the old process serves on`, async () => {
      const file = join(tempDir(), 'preload.mjs');
      writeFileSync(file, '');
      const { cli, path } = await running(words, { before: { node: ['--import', file] } });
      const inode = lstatSync(path).ino;
      writeFileSync(file, preload);
      process.kill(cli.pid, 'SIGUSR2');
      await cli.says(`the upgrade failed: ${said}; this process serves on`);
      const started = Number(/"successor":(\d+)/.exec(cli.stderr())?.[1]);
      expect(started).toBeGreaterThan(0);
      expect(runs(started)).toBe(false);
      expect((await ask(path)).status).toBe(200);
      expect(lstatSync(path).ino).toBe(inode);
      writeFileSync(file, '');
      await upgrade(cli);
      expect((await ask(path)).status).toBe(200);
      await stopAll(cli);
    });
  }

  it('that finds its configuration broken says why, and the old process serves on', async () => {
    const directory = tempDir();
    const worker = await fakeWorker(answering('fine'));
    const config = join(directory, 'lb.yaml');
    const path = join(directory, 'http.sock');
    const good = `listen: ${path}\nadmin: off\npools: { app: { upstreams: [${worker.path}] } }\n`;
    writeFileSync(config, good);
    const { cli } = await running(['--config', config]);
    writeFileSync(config, good.replace('upstreams', 'upstream'));
    process.kill(cli.pid, 'SIGUSR2');
    await cli.says('the upgrade failed: the successor exited with code ');
    expect(cli.stderr()).toContain(`${config}:3:`);
    expect((await ask(path)).status).toBe(200);
    writeFileSync(config, good);
    await upgrade(cli);
    expect((await ask(path)).status).toBe(200);
    await stopAll(cli);
  });

  it('that cannot listen on one of its addresses takes no socket file away', async () => {
    const directory = tempDir();
    const worker = await fakeWorker(answering('fine'));
    const taken = await fakeWorker(answering('taken'));
    const config = join(directory, 'lb.yaml');
    const path = join(directory, 'http.sock');
    const write = (listen: string): void =>
      writeFileSync(config, `listen: [${listen}]\nadmin: off\npools: { app: { upstreams: [${worker.path}] } }\n`);
    write(path);
    const { cli } = await running(['--config', config]);
    write(`${path}, ${taken.path}`);
    process.kill(cli.pid, 'SIGUSR2');
    await cli.says('the upgrade failed: the successor exited with code 1');
    expect(cli.stderr()).toContain(`cannot listen on ${taken.path}: the address is in use`);
    expect((await ask(path)).status).toBe(200);
    expect(existsSync(taken.path)).toBe(true);
    cli.kill('SIGTERM');
    expect((await cli.ended).code).toBe(0);
    expect(existsSync(path)).toBe(false);
  });

  it('is not started while another is being waited for', async () => {
    const file = join(tempDir(), 'preload.mjs');
    writeFileSync(file, '');
    const { cli, path } = await running([], { before: { node: ['--import', file] } });
    writeFileSync(file, PRELOAD_WAITS);
    process.kill(cli.pid, 'SIGUSR2');
    await cli.says('a successor is starting');
    process.kill(cli.pid, 'SIGUSR2');
    await cli.says('refused to upgrade: an upgrade is running already');
    cli.kill('SIGHUP');
    await cli.says('refused to reload: an upgrade is running');
    expect(cli.stderr().match(/a successor is starting/g)).toHaveLength(1);
    expect((await ask(path)).status).toBe(200);
    // And it goes with the program that waits for it.
    const started = Number(/"successor":(\d+)/.exec(cli.stderr())?.[1]);
    cli.kill('SIGTERM');
    expect((await cli.ended).code).toBe(0);
    expect(runs(started)).toBe(false);
    expect(existsSync(path)).toBe(false);
  });

  it('serves on when its predecessor is killed at the very moment it is ready', async () => {
    const file = join(tempDir(), 'preload.mjs');
    writeFileSync(file, '');
    const { cli, path } = await running([], { before: { node: ['--import', file] } });
    // The predecessor is gone before the successor looks for it.
    writeFileSync(
      file,
      `const { ppid, send } = process;
       process.send = (...words) => { process.kill(ppid, 'SIGKILL'); return send.apply(process, words); };`,
    );
    process.kill(cli.pid, 'SIGUSR2');
    const started = await new Promise<number>((resolve) => {
      void cli.says('a successor is starting').then(() => resolve(Number(/"successor":(\d+)/.exec(cli.stderr())?.[1])));
    });
    await eventually(() => expect(runs(cli.pid)).toBe(false));
    for (let i = 0; i < 5; i += 1) expect((await ask(path)).status).toBe(200);
    process.kill(started, 'SIGTERM');
    await cli.ended;
    expect(existsSync(path)).toBe(false);
  });
});

describe('under systemd', () => {
  itWithSystemd('the sockets that systemd passed go from one process to the next, with their names', async () => {
    const directory = tempDir();
    const worker = await fakeWorker(answering('fine'));
    const path = join(directory, 'http.sock');
    const spare = join(directory, 'spare.sock');
    const port = await freePort();
    const sockets = [path, `127.0.0.1:${port}`, spare].map((address) => `--listen=${address}`);
    const program = ['systemd-socket-activate', ...sockets, '--fdname=web:web:spare'];
    const cli = startCli(['--upstream', worker.path, '--listen', 'systemd:web', '--admin', 'off'], {}, { program });
    await cli.says(`Listening on ${spare}`);
    for (let i = 0; i < 3; i += 1) {
      expect((await ask(path)).status).toBe(200);
      expect((await ask({ port })).status).toBe(200);
      expect(await connects(spare)).toBe('connected');
      await upgrade(cli);
    }
    expect((await ask(path)).status).toBe(200);
    expect((await ask({ port })).status).toBe(200);
    await stopAll(cli);
    expect(existsSync(path)).toBe(true);
  });

  itWithSystemd(
    'the successor is made known as the main process before it says that it is ready, and sends the signs of life',
    async () => {
      const notify = await notifySocket();
      const { cli } = await running([], { env: { NOTIFY_SOCKET: notify.path, WATCHDOG_USEC: '400000' } });
      await notify.message((message) => message.startsWith('READY=1'));
      await upgrade(cli);
      await eventually(() => expect(runs(cli.pid)).toBe(false));
      const from = notify.messages.indexOf(`MAINPID=${current(cli)}`);
      expect(from).toBeGreaterThan(0);
      await eventually(() => {
        const after = notify.messages.slice(from + 1).map((message) => message.replace(/\|.*/, ''));
        // A sign of life of the old process may still have been on its way.
        expect(after.find((message) => message !== 'WATCHDOG=1')).toBe('READY=1');
        const signs = after.slice(after.indexOf('READY=1')).filter((message) => message === 'WATCHDOG=1');
        expect(signs.length).toBeGreaterThan(1);
      });
      // systemd would end the whole service.
      expect(notify.messages.filter((message) => message.includes('STOPPING'))).toEqual([]);
      await stopAll(cli);
      expect(notify.messages.filter((message) => message.includes('STOPPING'))).toHaveLength(1);
    },
  );

  it('a successor of whom systemd cannot be told is ended, since systemd would end the service with the old process', async () => {
    const { cli, path } = await running([], { env: { NOTIFY_SOCKET: join(tempDir(), 'nobody') } });
    process.kill(cli.pid, 'SIGUSR2');
    await cli.says('the upgrade failed: systemd could not be told of the successor; this process serves on');
    expect((await ask(path)).status).toBe(200);
    cli.kill('SIGTERM');
    expect((await cli.ended).code).toBe(0);
    expect(existsSync(path)).toBe(false);
  });
});

describe('what the program starts after an upgrade', () => {
  it('inherits no socket and no variable of it', async () => {
    const directory = tempDir();
    const seen = join(directory, 'seen');
    const probe = join(directory, 'probe.sh');
    const script = `#!/bin/sh\nfile=${seen}.$PPID\n{ env; ls -l /proc/self/fd; } > $file.new; mv $file.new $file\n`;
    writeFileSync(probe, script, { mode: 0o755 });
    const worker = await fakeWorker(answering('fine'));
    const config = join(directory, 'lb.yaml');
    writeFileSync(
      config,
      `listen: [${join(directory, 'a.sock')}, 127.0.0.1:0]
admin: off
pools:
  app:
    upstreams: [${worker.path}]
    health: { probe: exec, command: [${probe}], interval: 100ms, timeout: 20s, when: always }
`,
    );
    const { cli } = await running(['--config', config]);
    await upgrade(cli);
    // Until a first request an upstream is not woken by probes.
    expect((await ask(join(directory, 'a.sock'))).status).toBe(200);
    const file = `${seen}.${current(cli)}`;
    await eventually(() => expect(existsSync(file)).toBe(true));
    const text = readFileSync(file, 'utf8');
    expect(text).toMatch(/^PATH=/m);
    expect(text).not.toMatch(/FCGI_LB_SUCCESSION|NODE_CHANNEL/);
    expect(text).toMatch(/ \d+ -> /);
    const sockets = [...text.matchAll(/ (\d+) -> socket:/g)].map(([, fd]) => Number(fd));
    expect(sockets.filter((fd) => fd > 2)).toEqual([]);
    await stopAll(cli);
  });
});
