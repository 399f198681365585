// As a service of systemd: sockets that it passes (by the real systemd-socket-activate) and what it
// is told (by the real systemd-notify).

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { ask } from '../support/clients/http-client.ts';
import { eventually } from '../support/eventually.ts';
import { buildIfMissing, type CliProcess, startCli } from '../support/program/cli-process.ts';
import { itWith } from '../support/program/programs.ts';
import { answering, fakeWorker } from '../support/servers/fake-worker.ts';
import { freePort } from '../support/servers/free-port.ts';
import { notifySocket } from '../support/servers/notify-socket.ts';
import { tempDir } from '../support/temp-dir.ts';

beforeAll(buildIfMissing);

const itWithSystemd = itWith('systemd', 'perl');

/** Starts fcgi-lb by systemd-socket-activate, which starts it when the first client connects. */
async function activated(sockets: readonly string[], words: readonly string[], names?: string): Promise<CliProcess> {
  const fdNames = names === undefined ? [] : [`--fdname=${names}`];
  const program = ['systemd-socket-activate', ...sockets.map((address) => `--listen=${address}`), ...fdNames];
  const cli = startCli(words, {}, { program });
  await cli.says(`Listening on ${sockets.at(-1)}`);
  return cli;
}

async function worker(text = 'fine'): Promise<string> {
  return (await fakeWorker(answering(text))).path;
}

/** CLOCK_MONOTONIC in microseconds, as another program reads it. */
function monotonic(): number {
  const script = 'printf "%d", clock_gettime(CLOCK_MONOTONIC) * 1e6';
  return Number(execFileSync('perl', ['-MTime::HiRes=clock_gettime,CLOCK_MONOTONIC', '-e', script]).toString());
}

describe('--listen systemd', () => {
  itWithSystemd('serves on every socket that systemd passes, TCP and unix, from the request that started it on', async () => {
    const path = join(tempDir(), 'http.sock');
    const port = await freePort();
    const cli = await activated(
      [path, `127.0.0.1:${port}`],
      ['--upstream', await worker(), '--listen', 'systemd', '--admin', 'off'],
    );
    expect((await ask(path)).body.toString()).toBe('fine');
    await cli.says(`"listen":["systemd:unknown","127.0.0.1:${port}"]`);
    expect((await ask({ port })).body.toString()).toBe('fine');
    cli.kill('SIGTERM');
    expect((await cli.ended).code).toBe(0);
    // It is systemd's.
    expect(existsSync(path)).toBe(true);
  });

  itWithSystemd(
    'takes sockets by name, for the admin listener as well, and alone means those that nothing else names',
    async () => {
      const directory = tempDir();
      const at = (name: string): string => join(directory, name);
      const cli = await activated(
        [at('a'), at('b'), at('c')],
        ['--upstream', await worker(), '--listen', 'systemd:web', '--admin', 'systemd:ops', '--listen', 'systemd'],
        'web:ops:more',
      );
      expect((await ask(at('a'))).body.toString()).toBe('fine');
      expect((await ask(at('c'))).body.toString()).toBe('fine');
      expect(JSON.parse((await ask(at('b'), { path: '/healthz' })).body.toString())).toEqual({ status: 'ok' });
      expect(cli.stderr()).toContain('"listen":["systemd:web","systemd:more"],"admin":["systemd:ops"]');
    },
  );

  itWithSystemd('warns of sockets that no address takes', async () => {
    const directory = tempDir();
    const [used, spare] = [join(directory, 'a'), join(directory, 'b')];
    const cli = await activated(
      [used, spare],
      ['--upstream', await worker(), '--listen', 'systemd:web', '--admin', 'off'],
      'web:spare',
    );
    expect((await ask(used)).status).toBe(200);
    await cli.says('"unused":["systemd:spare"]');
  });

  itWithSystemd('says which names there are when the one asked for is not among them', async () => {
    const path = join(tempDir(), 'http.sock');
    const cli = await activated([path], ['--upstream', '/w.sock', '--listen', 'systemd:wbe', '--admin', 'off'], 'web');
    void ask(path).catch(() => undefined);
    expect((await cli.ended).code).toBe(1);
    expect(cli.stderr()).toContain(
      'cannot listen on systemd:wbe: systemd passed no socket of that name that is still free; it passed web',
    );
  });

  it('says that systemd passed nothing', async () => {
    const cli = startCli(['--upstream', '/w.sock', '--listen', 'systemd', '--admin', 'off']);
    expect((await cli.ended).code).toBe(1);
    expect(cli.stderr()).toContain('fcgi-lb: cannot listen on systemd: systemd passed no sockets (LISTEN_FDS is not set)');
  });

  it('leaves sockets alone that are meant for another process', async () => {
    const environment = { LISTEN_FDS: '1', LISTEN_PID: '1', LISTEN_FDNAMES: 'web' };
    const cli = startCli(['--upstream', '/w.sock', '--listen', 'systemd', '--admin', 'off'], environment);
    expect((await cli.ended).code).toBe(1);
    expect(cli.stderr()).toContain('the sockets are meant for process 1 (LISTEN_PID)');
  });

  itWithSystemd('shows neither the variables nor the sockets to what the program starts', async () => {
    const directory = tempDir();
    const seen = join(directory, 'seen');
    const probe = join(directory, 'probe.sh');
    writeFileSync(probe, `#!/bin/sh\n{ env; ls -l /proc/self/fd; } > ${seen}.new; mv ${seen}.new ${seen}\n`, { mode: 0o755 });
    const config = join(directory, 'lb.yaml');
    writeFileSync(
      config,
      `listen: systemd
admin: off
pools:
  app:
    upstreams: [${await worker()}]
    health: { probe: exec, command: [${probe}], interval: 100ms, timeout: 20s, when: always }
`,
    );
    const notify = await notifySocket();
    const path = join(directory, 'http.sock');
    const program = [
      'systemd-socket-activate',
      `--listen=${path}`,
      `--setenv=NOTIFY_SOCKET=${notify.path}`,
      '--setenv=WATCHDOG_USEC=60000000',
    ];
    const cli = startCli(['--config', config], {}, { program });
    await cli.says(`Listening on ${path}`);
    expect((await ask(path)).status).toBe(200);
    await eventually(() => expect(existsSync(seen)).toBe(true));
    const text = readFileSync(seen, 'utf8');
    expect(text).toMatch(/^PATH=/m);
    expect(text).not.toMatch(/LISTEN_|NOTIFY_SOCKET|WATCHDOG_|FCGI_LB_SUCCESSION/);
    // The standard streams, and nothing else that could be a listener or a client.
    const sockets = [...text.matchAll(/ (\d+) -> socket:/g)].map(([, fd]) => Number(fd));
    expect(sockets.filter((fd) => fd > 2)).toEqual([]);
    expect(text).toMatch(/ \d+ -> /);
  });
});

describe('NOTIFY_SOCKET', () => {
  itWithSystemd('is told of READY when clients are answered, and of STOPPING while what runs is finished', async () => {
    const notify = await notifySocket();
    const path = join(tempDir(), 'http.sock');
    const cli = startCli(['--upstream', await worker(), '--listen', path, '--admin', 'off'], { NOTIFY_SOCKET: notify.path });
    const ready = await notify.message((message) => message.includes('READY=1'));
    expect(ready).toBe(`READY=1|STATUS=serving on ${path}`);
    expect((await ask(path)).status).toBe(200);
    cli.kill('SIGTERM');
    expect((await cli.ended).code).toBe(0);
    expect(notify.messages).toEqual([ready, 'STOPPING=1|STATUS=finishing what runs']);
  });

  itWithSystemd('is told of a reload when it begins, by the clock that systemd reads, and when it is over', async () => {
    const notify = await notifySocket();
    const directory = tempDir();
    const config = join(directory, 'lb.yaml');
    const path = join(directory, 'http.sock');
    writeFileSync(config, `listen: ${path}\nadmin: off\npools: { app: { upstreams: [${await worker()}] } }\n`);
    const cli = startCli(['--config', config], { NOTIFY_SOCKET: notify.path });
    await notify.message((message) => message.startsWith('READY=1'));
    const before = monotonic();
    cli.kill('SIGHUP');
    await eventually(() => expect(notify.messages).toHaveLength(3));
    const [, reloading = '', ready] = notify.messages;
    const began = /^RELOADING=1\|MONOTONIC_USEC=(\d+)\|STATUS=reloading the configuration$/.exec(reloading)?.[1];
    expect(Number(began)).toBeGreaterThanOrEqual(before);
    expect(Number(began)).toBeLessThanOrEqual(monotonic());
    expect(ready).toBe(`READY=1|STATUS=serving on ${path}`);
    writeFileSync(config, 'nonsense');
    cli.kill('SIGHUP');
    await notify.message((message) => message === `READY=1|STATUS=serving on ${path}; the last reload failed`);
  });

  itWithSystemd('gets a sign of life every half of WATCHDOG_USEC, and none from a program that does not run', async () => {
    const notify = await notifySocket();
    const path = join(tempDir(), 'http.sock');
    const cli = startCli(['--upstream', await worker(), '--listen', path, '--admin', 'off'], {
      NOTIFY_SOCKET: notify.path,
      WATCHDOG_USEC: '200000',
    });
    const count = (): number => notify.messages.filter((message) => message === 'WATCHDOG=1').length;
    await eventually(() => expect(count()).toBeGreaterThanOrEqual(3));
    expect(cli.stderr()).toContain('each sign of life is a process of its own');
    cli.kill('SIGSTOP');
    // A process that has been started already may still say its word.
    await new Promise((resolve) => setTimeout(resolve, 500));
    const before = count();
    await new Promise((resolve) => setTimeout(resolve, 1000));
    expect(count()).toBe(before);
    cli.kill('SIGCONT');
    await eventually(() => expect(count()).toBeGreaterThan(before));
  });

  itWithSystemd('gets no sign of life from a program whose event loop does not turn, though the process runs', async () => {
    const notify = await notifySocket();
    const directory = tempDir();
    const at = (name: string): string => join(directory, name);
    // A loop that an endless computation holds up; other threads of the process go on.
    writeFileSync(
      at('preload.mjs'),
      `import { existsSync, writeFileSync } from 'node:fs';
       process.on('SIGWINCH', () => {
         writeFileSync('${at('blocked')}', '');
         while (!existsSync('${at('release')}'));
       });`,
    );
    const cli = startCli(
      ['--upstream', await worker(), '--listen', at('http.sock'), '--admin', 'off'],
      { NOTIFY_SOCKET: notify.path, WATCHDOG_USEC: '200000' },
      { node: ['--import', at('preload.mjs')] },
    );
    const count = (): number => notify.messages.filter((message) => message === 'WATCHDOG=1').length;
    await eventually(() => expect(count()).toBeGreaterThanOrEqual(2));
    cli.kill('SIGWINCH');
    await eventually(() => expect(existsSync(at('blocked'))).toBe(true));
    // A process that has been started already may still say its word.
    await new Promise((resolve) => setTimeout(resolve, 500));
    const before = count();
    await new Promise((resolve) => setTimeout(resolve, 1000));
    expect(count()).toBe(before);
    writeFileSync(at('release'), '');
    await eventually(() => expect(count()).toBeGreaterThan(before));
  });

  itWithSystemd('gets no sign of life when WATCHDOG_PID is another process', async () => {
    const notify = await notifySocket();
    const path = join(tempDir(), 'http.sock');
    const cli = startCli(['--upstream', await worker(), '--listen', path, '--admin', 'off'], {
      NOTIFY_SOCKET: notify.path,
      WATCHDOG_USEC: '50000',
      WATCHDOG_PID: '1',
    });
    await notify.message((message) => message.includes('READY=1'));
    for (let i = 0; i < 20; i += 1) expect((await ask(path)).status).toBe(200);
    cli.kill('SIGTERM');
    await cli.ended;
    expect(notify.messages.some((message) => message.includes('WATCHDOG'))).toBe(false);
  });

  it('that is not there makes no process at all', async () => {
    const directory = tempDir();
    const called = join(directory, 'called');
    writeFileSync(join(directory, 'systemd-notify'), `#!/bin/sh\ntouch ${called}\n`, { mode: 0o755 });
    const path = join(directory, 'http.sock');
    const cli = startCli(['--upstream', await worker(), '--listen', path, '--admin', 'off'], {
      PATH: `${directory}:${process.env['PATH']}`,
      WATCHDOG_USEC: '50000',
    });
    await cli.says('listening on');
    expect((await ask(path)).status).toBe(200);
    cli.kill('SIGTERM');
    expect((await cli.ended).code).toBe(0);
    expect(existsSync(called)).toBe(false);
  });

  it('that nobody can be told of is a warning, once, and the program serves', async () => {
    const directory = tempDir();
    const path = join(directory, 'http.sock');
    const cli = startCli(['--upstream', await worker(), '--listen', path, '--admin', 'off'], {
      PATH: directory,
      NOTIFY_SOCKET: join(directory, 'none'),
      WATCHDOG_USEC: '100000',
    });
    await cli.says('cannot tell systemd: systemd-notify failed');
    expect((await ask(path)).status).toBe(200);
    cli.kill('SIGTERM');
    expect((await cli.ended).code).toBe(0);
    expect(cli.stderr().match(/cannot tell systemd/g)).toHaveLength(1);
  });
});

describe('the units that fcgi-lb prints', () => {
  itWithSystemd('have a command line that serves when systemd passes its socket under the name they give it', async () => {
    const directory = tempDir();
    const printed = startCli(['units', '--name', 'rt', '--exec', '/w', '--socket', `${directory}/rt%i.sock`]);
    await printed.ended;
    const name = /^FileDescriptorName=(.*)$/m.exec(printed.stdout())?.[1] ?? '';
    const line = /^ExecStart=(.* serve .*)$/m.exec(printed.stdout())?.[1] ?? '';
    const words = line
      .split(' ')
      .slice(2)
      .map((word) => word.replace('127.0.0.1:9180', '127.0.0.1:0').replace('/run/fcgi-lb/', `${directory}/`));
    await fakeWorker(answering('worker'), { path: join(directory, 'rt1.sock') });
    const path = join(directory, 'http');
    await activated([path], words, name);
    expect((await ask(path)).body.toString()).toBe('worker');
    expect((await ask(join(directory, 'admin.sock'), { path: '/healthz' })).status).toBe(200);
  });
});
