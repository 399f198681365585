// Where the access log goes: files, pipes and syslog servers that are full, slow or gone hold
// nobody up, and what is lost is counted.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { closeSync, constants, mkdirSync, openSync, readFileSync, readSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { ask } from '../support/clients/http-client.ts';
import { eventually } from '../support/eventually.ts';
import { buildIfMissing, type CliProcess, MAIN, startCli } from '../support/program/cli-process.ts';
import { itWith, itWithMount } from '../support/program/programs.ts';
import { answering, type FakeWorker, fakeWorker } from '../support/servers/fake-worker.ts';
import { notifySocket } from '../support/servers/notify-socket.ts';
import { tempDir } from '../support/temp-dir.ts';

beforeAll(buildIfMissing);

/** Written once a request, so that a few hundred fill the memory that lines may wait in. */
const LONG = { 'X-Long': 'x'.repeat(30_000) };
const FORMAT = ['--access-log-format', '$request_uri $http_x_long'];

const NO_ADMIN = ['--admin', 'off'];

function words(worker: FakeWorker, path: string): string[] {
  return ['--upstream', worker.path, '--listen', path, '--max-conns', '1', '--log-format', 'json'];
}

async function running(more: readonly string[]): Promise<{ readonly cli: CliProcess; readonly path: string }> {
  const worker = await fakeWorker(answering('fine'));
  const path = join(tempDir(), 'http.sock');
  const cli = startCli([...words(worker, path), ...(more.includes('--admin') ? [] : NO_ADMIN), ...more]);
  await cli.says('listening on');
  return { cli, path };
}

async function askTimes(path: string, count: number, headers: Record<string, string> = LONG): Promise<void> {
  for (let i = 0; i < count; i += 1) expect((await ask(path, { path: `/${i}`, headers })).status).toBe(200);
}

function fifo(): string {
  const path = join(tempDir(), 'fifo');
  execFileSync('mkfifo', [path]);
  return path;
}

/** The messages of a kind in the program's log. */
function said(cli: CliProcess, text: string): { readonly msg: string; readonly dropped?: number; readonly error?: string }[] {
  return cli
    .stderr()
    .split('\n')
    .filter((line) => line.includes(text))
    .map((line) => JSON.parse(line) as { msg: string });
}

async function stops(cli: CliProcess): Promise<void> {
  cli.kill('SIGTERM');
  expect(await cli.ended).toEqual({ code: 0, signal: null });
}

describe('an access log that cannot be written', () => {
  it('because the disk is full holds nobody up, and what is lost is told once and counted', async () => {
    const { cli, path } = await running(['--access-log', '/dev/full', ...FORMAT]);
    await askTimes(path, 1);
    await cli.says('lines wait in memory');
    await askTimes(path, 250);
    const told = said(cli, 'cannot write the access log');
    // At once, and not again within ten seconds; a slow machine may have come to the next time.
    expect(told.length).toBeLessThan(4);
    expect(told[0]).toMatchObject({ level: 'error', error: expect.stringContaining('ENOSPC') });
    await stops(cli);
  });

  itWithMount()('because a disk is full is written again when there is room, no line in halves', async () => {
    const directory = tempDir();
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=128k', 'tmpfs', directory]);
    onTestFinished(() => void execFileSync('umount', ['--lazy', directory]));
    const ballast = join(directory, 'ballast');
    writeFileSync(ballast, Buffer.alloc(60_000));
    const log = join(directory, 'access.log');
    const { cli, path } = await running(['--access-log', log, ...FORMAT]);
    await askTimes(path, 3);
    await cli.says('lines wait in memory');
    rmSync(ballast);
    await eventually(() => {
      const lines = readFileSync(log, 'utf8').split('\n');
      expect(lines).toEqual([...Array.from({ length: 3 }, (_, i) => `/${i} ${LONG['X-Long']}`), '']);
    });
    await stops(cli);
  });

  it('because nobody reads the FIFO holds nobody up, and is lost beyond the memory there is for it', async () => {
    const admin = join(tempDir(), 'admin.sock');
    const { cli, path } = await running(['--access-log', fifo(), ...FORMAT, '--admin', admin]);
    await askTimes(path, 160);
    await cli.says('lines are lost');
    expect(said(cli, 'lines are lost')[0]).toMatchObject({ dropped: 1, error: 'what reads it does not keep up' });
    const status = JSON.parse((await ask(admin, { path: '/status' })).body.toString()) as { access_log_dropped: number };
    expect(status.access_log_dropped).toBeGreaterThan(10);
    const metrics = (await ask(admin, { path: '/metrics' })).body.toString();
    expect(metrics).toContain(`\nfcgi_lb_access_log_dropped_total ${status.access_log_dropped}\n`);
    await stops(cli);
  });

  it('because nobody reads standard output, a socket, holds nobody up', async () => {
    const worker = await fakeWorker(answering('fine'));
    const path = join(tempDir(), 'http.sock');
    const child = start([...words(worker, path), ...NO_ADMIN, '--access-log', '-', ...FORMAT], ['ignore', 'pipe', 'ignore']);
    await listening(path);
    await askTimes(path, 200);
    await endsWell(child);
  });

  it('because nobody reads standard output, a pipe, holds nobody up, and leaves the pipe as it was for others', async () => {
    const worker = await fakeWorker(answering('fine'));
    const path = join(tempDir(), 'http.sock');
    const pipe = openSync(fifo(), constants.O_RDWR);
    onTestFinished(() => closeSync(pipe));
    const child = start([...words(worker, path), ...NO_ADMIN, '--access-log', '-', ...FORMAT], ['ignore', pipe, 'ignore']);
    await listening(path);
    await askTimes(path, 200);
    const flags = /flags:\s*(\d+)/.exec(readFileSync(`/proc/self/fdinfo/${pipe}`, 'utf8'))?.[1] ?? '';
    expect(Number.parseInt(flags, 8) & constants.O_NONBLOCK).toBe(0);
    await endsWell(child);
  });
});

describe('an access log that cannot be opened anew', () => {
  it('goes on where it was, and the log says why', async () => {
    const directory = join(tempDir(), 'logs');
    mkdirSync(directory);
    const { cli, path } = await running(['--access-log', join(directory, 'a.log'), '--access-log-format', '$request_uri']);
    renameSync(directory, `${directory}-moved`);
    cli.kill('SIGUSR1');
    await cli.says('cannot open the access log anew');
    expect(cli.stderr()).toContain('ENOENT');
    await askTimes(path, 1, {});
    await eventually(() => expect(readFileSync(join(`${directory}-moved`, 'a.log'), 'utf8')).toBe('/0\n'));
    await stops(cli);
  });
});

describe("the program's own log", () => {
  it('that nobody reads holds nobody up, and says how many lines it lost when somebody does', async () => {
    const worker = await fakeWorker(answering('fine'));
    const path = join(tempDir(), 'http.sock');
    const pipe = fifo();
    const inherited = openSync(pipe, constants.O_RDWR);
    onTestFinished(() => closeSync(inherited));
    const child = start(
      [...words(worker, path), ...NO_ADMIN, '--log-level', 'debug', '--access-log', 'off'],
      ['ignore', 'ignore', inherited],
    );
    await listening(path);
    // A path that is refused is quoted in the log.
    for (let i = 0; i < 60; i += 1) expect((await ask(path, { path: `/%zz${'y'.repeat(30_000)}` })).status).toBe(400);
    const reader = openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK);
    onTestFinished(() => closeSync(reader));
    const block = Buffer.alloc(1 << 20);
    let text = '';
    await eventually(() => {
      text += block.toString('latin1', 0, readSync(reader, block));
      expect(text).toContain('lines of this log were lost');
    });
    const lines = text.split('\n').slice(0, -1);
    const dropped = lines.flatMap((each) => (JSON.parse(each) as { dropped?: number }).dropped ?? []);
    expect(dropped.reduce((sum, one) => sum + one, 0)).toBeGreaterThan(10);
    await endsWell(child);
  });
});

describe('a syslog server', () => {
  const itWithLogger = itWith('logger', 'perl');

  it('over UDP gets one message a request, in the form of RFC 3164', async () => {
    const { socket, port, messages } = await udpServer();
    const { cli, path } = await running([
      ...['--access-log', `syslog:127.0.0.1:${port},facility=daemon,severity=notice,tag=rt`],
      ...['--access-log-format', '$request_uri $status'],
    ]);
    await askTimes(path, 3, {});
    await eventually(() => expect(messages).toHaveLength(3));
    for (const [i, message] of messages.entries()) {
      expect(message).toMatch(new RegExp(`^<29>[A-Z][a-z]{2} [ 123]\\d \\d\\d:\\d\\d:\\d\\d [^ .]+ rt: /${i} 200$`));
    }
    await stops(cli);
    socket.unref();
  });

  it('over UDP gets what fits of a line that is too long', async () => {
    const { port, messages } = await udpServer();
    const { cli, path } = await running(['--access-log', `syslog:server=127.0.0.1:${port},nohostname`, ...FORMAT]);
    await askTimes(path, 1);
    await eventually(() => expect(messages).toHaveLength(1));
    expect(messages[0]).toMatch(/^<190>.{15} fcgi_lb: \/0 x+$/);
    expect(messages[0]).toHaveLength(8192);
    await stops(cli);
  });

  it('over UDP that has gone is told of once, and nobody waits', async () => {
    const { socket, port } = await udpServer();
    socket.close();
    const { cli, path } = await running(['--access-log', `syslog:127.0.0.1:${port}`]);
    await askTimes(path, 50, {});
    await cli.says('lines are lost');
    expect(said(cli, 'cannot write the access log').length).toBeLessThan(3);
    await stops(cli);
  });

  it('whose name does not exist is told of, and nobody waits', async () => {
    const { cli, path } = await running(['--access-log', 'syslog:no-such-host.invalid:514']);
    await askTimes(path, 5, {});
    await cli.says('lines are lost');
    await stops(cli);
  });

  itWithLogger("behind the machine's own socket gets them through logger(1), which ends with the program", async () => {
    const { path: socket, messages } = await notifySocket();
    const { cli, path } = await running([
      ...['--access-log', `syslog:unix:${socket},facility=local3,severity=info,tag=rt`],
      ...['--access-log-format', '$request_uri $status'],
    ]);
    await askTimes(path, 3, {});
    await eventually(() => expect(messages).toHaveLength(3));
    for (const [i, message] of messages.entries()) expect(message).toMatch(new RegExp(`^<158>.*\\brt: /${i} 200$`));
    await askTimes(path, 1, {});
    await stops(cli);
    await eventually(() => expect(messages).toHaveLength(4));
  });

  itWithLogger("behind the machine's own socket may go and come back: the log tells, and lines arrive again", async () => {
    const gone = join(tempDir(), 'log');
    const { cli, path } = await running(['--access-log', `syslog:unix:${gone}`, '--access-log-format', '$request_uri $status']);
    await askTimes(path, 1, {});
    await cli.says('cannot write the access log');
    expect(cli.stderr()).toContain(gone);
    const back = await notifySocket(gone);
    await eventually(async () => {
      await askTimes(path, 1, {});
      expect(back.messages.length).toBeGreaterThan(0);
    });
    await stops(cli);
  });
});

type Stdio = ['ignore', number | 'pipe' | 'ignore', number | 'pipe' | 'ignore'];

/** For standard streams that nobody reads; startCli reads them all. */
function start(args: readonly string[], stdio: Stdio): ChildProcess {
  const child = spawn(process.execPath, [MAIN, ...args], { stdio });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  onTestFinished(async () => {
    child.kill('SIGKILL');
    child.stdout?.destroy();
    await ended;
  });
  return child;
}

async function listening(path: string): Promise<void> {
  await eventually(async () => void (await ask(path)));
}

async function endsWell(child: ChildProcess): Promise<void> {
  const ended = new Promise((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })));
  child.kill('SIGTERM');
  expect(await ended).toEqual({ code: 0, signal: null });
}

async function udpServer(): Promise<{ readonly socket: Socket; readonly port: number; readonly messages: string[] }> {
  const socket = createSocket('udp4');
  const messages: string[] = [];
  let open = true;
  socket.on('message', (message) => messages.push(message.toString()));
  socket.once('close', () => {
    open = false;
  });
  onTestFinished(() => {
    if (open) socket.close();
  });
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  return { socket, port: socket.address().port, messages };
}
