// `fcgi-lb units`: files that systemd takes without a word of complaint, and a command line in them
// that works.

import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { buildIfMissing, startCli } from '../support/program/cli-process.ts';
import { itWith } from '../support/program/programs.ts';
import { tempDir } from '../support/temp-dir.ts';

const run = promisify(execFile);

beforeAll(buildIfMissing);

const itWithSystemd = itWith('systemd');

const FILES = ['fcgi-lb.service', 'fcgi-lb.socket', 'rt-fastcgi@.service', 'rt-fastcgi@.socket'];

async function units(...words: readonly string[]): Promise<{ code: number | null; out: string; err: string }> {
  const cli = startCli(['units', ...words]);
  const { code } = await cli.ended;
  return { code, out: cli.stdout(), err: cli.stderr() };
}

/** Units of systemd itself that ours depend on, also where they do not name them. */
const TARGETS = ['sysinit', 'basic', 'shutdown', 'sockets'];

/**
 * What the real systemd-analyze has to say of the units. Its exit code is 0 for most of what it
 * complains of. It reads every unit that a target of the machine wants, and complains of those too;
 * so it is given targets that want nothing.
 */
async function complaints(directory: string): Promise<string> {
  const paths = readdirSync(directory).map((name) => join(directory, name));
  const targets = tempDir();
  for (const name of TARGETS)
    writeFileSync(join(targets, `${name}.target`), '[Unit]\nDescription=stands for that of the machine\n');
  const env = { ...process.env, SYSTEMD_UNIT_PATH: `${directory}:${targets}` };
  const outcome = await run('systemd-analyze', ['verify', '--man=no', ...paths], { env }).catch((error: unknown) => {
    if (error instanceof Error && 'stderr' in error) return { stdout: '', stderr: `${error.message}${String(error.stderr)}` };
    throw error;
  });
  return outcome.stdout + outcome.stderr;
}

describe('fcgi-lb units', () => {
  for (const [what, words] of [
    ['of the least', []],
    [
      'with everything said',
      ['--instances', '2', '--user', 'rt', '--group', 'web', '--socket', '/run/app/%i.sock', '--listen', '[::1]:80'],
    ],
    ['with a unix listener', ['--listen', 'unix:/run/http.sock']],
    ['with a command line of many words', ['--exec', `/bin/sh -c 'exec sleep "$0"' %i`]],
  ] as const) {
    itWithSystemd(`${what} makes units that systemd accepts`, async () => {
      const directory = tempDir();
      const exec = words.some((word) => word === '--exec') ? [] : ['--exec', '/bin/cat'];
      const { code, out, err } = await units('--name', 'rt', ...exec, ...words, '--dir', directory);
      expect({ code, err }).toEqual({ code: 0, err: '' });
      expect(readdirSync(directory).sort()).toEqual(FILES);
      expect(out).toContain('systemctl enable --now rt-fastcgi@1.socket rt-fastcgi@2.socket');
      expect(await complaints(directory)).toBe('');
    });
  }

  itWithSystemd('would be told by systemd of a key that does not exist and of a program that is not there', async () => {
    const directory = tempDir();
    await units('--name', 'rt', '--exec', '/nowhere/worker', '--dir', directory);
    const service = join(directory, 'fcgi-lb.service');
    writeFileSync(service, readFileSync(service, 'utf8').replace('ProtectHome=', 'ProtectHouse='));
    const said = await complaints(directory);
    expect(said).toContain('ProtectHouse');
    expect(said).toContain('/nowhere/worker');
  });

  it('gives each worker a socket of its own at descriptor 0, and fcgi-lb the glob of them', async () => {
    const { out } = await units('--name', 'rt', '--exec', '/opt/rt.fcgi', '--socket', '/run/rt/%i.sock', '--group', 'web');
    const parts = new Map(
      out.split(/^# \/etc\/systemd\/system\//m).map((text): [string, string] => [text.split('\n', 1)[0] ?? '', text]),
    );
    expect([...parts.keys()].slice(1).sort()).toEqual(FILES);
    expect(parts.get('rt-fastcgi@.socket')).toMatch(/^ListenStream=\/run\/rt\/%i\.sock$/m);
    expect(parts.get('rt-fastcgi@.socket')).toMatch(/^SocketMode=0660$/m);
    expect(parts.get('rt-fastcgi@.socket')).toMatch(/^SocketGroup=web$/m);
    expect(parts.get('rt-fastcgi@.service')).toMatch(/^ExecStart=\/opt\/rt\.fcgi$/m);
    expect(parts.get('rt-fastcgi@.service')).toMatch(/^StandardInput=socket$/m);
    expect(parts.get('rt-fastcgi@.service')).toMatch(/^Restart=always$/m);
    expect(parts.get('fcgi-lb.socket')).toMatch(/^ListenStream=127\.0\.0\.1:8080$/m);
    const service = parts.get('fcgi-lb.service') ?? '';
    expect(service).toMatch(/^ExecStart=\S*node \S*main\.js serve --upstream \/run\/rt\/\*\.sock --listen systemd:http /m);
    for (const line of [
      'Type=notify',
      'NotifyAccess=all',
      'SupplementaryGroups=web',
      'NoNewPrivileges=yes',
      'ProtectSystem=strict',
      'RuntimeDirectory=fcgi-lb',
      'PrivateTmp=yes',
      'LimitNOFILE=65536',
    ]) {
      expect(service.split('\n')).toContain(line);
    }
  });

  it('overwrites nothing', async () => {
    const directory = tempDir();
    writeFileSync(join(directory, 'fcgi-lb.socket'), 'mine');
    const { code, err } = await units('--name', 'rt', '--exec', '/bin/cat', '--dir', directory);
    expect(code).toBe(2);
    expect(err).toContain(`${directory}/fcgi-lb.socket: already there`);
    expect(readdirSync(directory)).toEqual(['fcgi-lb.socket']);
    expect(readFileSync(join(directory, 'fcgi-lb.socket'), 'utf8')).toBe('mine');
  });

  it.each([
    [['--exec', '/w'], 'option --name is missing'],
    [['--name', 'rt'], 'option --exec is missing'],
    [['--name', 'r t', '--exec', '/w'], "option --name: 'r t': expected letters"],
    [['--name', 'rt', '--exec', 'worker'], "option --exec: 'worker': expected a command line that begins with an absolute path"],
    [['--name', 'rt', '--exec', '/w\nUser=root'], 'option --exec: '],
    [['--name', 'rt', '--exec', '/w', '--user', 'a\nb'], 'option --user: '],
    [['--name', 'rt', '--exec', '/w', '--socket', '/run/rt.sock'], 'expected %i once'],
    [['--name', 'rt', '--exec', '/w', '--socket', '/run/%n%i.sock'], 'expected %i once'],
    [['--name', 'rt', '--exec', '/w', '--socket', `/run/${'x'.repeat(100)}%i.sock`], 'unix sockets allow 107'],
    [['--name', 'rt', '--exec', '/w', '--instances', '0'], "'0'"],
    [['--name', 'rt', '--exec', '/w', '--instances', '5000'], 'at most 1000'],
    [['--name', 'rt', '--exec', '/w', '--listen', 'localhost:80'], 'systemd resolves no names'],
    [['--name', 'rt', '--exec', '/w', '--dir', '/nowhere/at/all'], "cannot write to '/nowhere/at/all' (ENOENT)"],
    [['--nam', 'rt'], 'unknown option --nam; see fcgi-lb units --help'],
  ] as const)('refuses %j', async (words, message) => {
    const { code, err, out } = await units(...words);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain(message);
  });
});
