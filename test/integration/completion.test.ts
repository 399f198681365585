// Completion in the shells themselves: commands, options, values, paths, and names that the running
// program knows.

import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, onTestFinished } from 'vitest';
import { COMMANDS } from '../../src/cli/command-names.ts';
import { SERVE_OPTIONS } from '../../src/cli/options/table.ts';
import { inTerminal } from '../support/clients/terminal.ts';
import { eventually } from '../support/eventually.ts';
import { buildIfMissing, MAIN } from '../support/program/cli-process.ts';
import { itWith } from '../support/program/programs.ts';
import { startProxy } from '../support/program/proxy.ts';
import { answering, fakeWorker } from '../support/servers/fake-worker.ts';
import { tempDir } from '../support/temp-dir.ts';

const run = promisify(execFile);
type Shell = 'bash' | 'zsh' | 'fish';
const scripts = new Map<Shell, string>();

beforeAll(async () => {
  buildIfMissing();
  for (const shell of ['bash', 'zsh', 'fish'] as const) {
    scripts.set(shell, (await run(process.execPath, [MAIN, 'completion', shell])).stdout);
  }
});

/**
 * A program that runs, a directory with some files in it, and `fcgi-lb` as a command that
 * completion may call.
 */
async function place() {
  const directory = tempDir();
  const admin = join(directory, 'admin.sock');
  const paths = ['rt1.sock', 'rt2.sock'].map((name) => join(directory, name));
  for (const path of paths) await fakeWorker(answering('fine'), { path });
  await startProxy(['--upstream', ...paths, '--admin', admin]);
  const bin = join(directory, 'bin');
  mkdirSync(bin);
  mkdirSync(join(directory, 'files/sub'), { recursive: true });
  writeFileSync(join(directory, 'files/fcgi-lb.yaml'), '');
  // What is typed in a shell of the test is shown and not done.
  writeFileSync(
    join(bin, 'fcgi-lb'),
    `#!/bin/sh\nif [ "$2" = --names ]; then exec '${process.execPath}' '${MAIN}' "$@"; fi\necho "WORDS:$*:END"\n`,
  );
  // Nobody waits at a key here, and the machine may be busy: what is tried is what is offered, not
  // how soon.
  writeFileSync(join(bin, 'timeout'), '#!/bin/sh\nshift\nexec "$@"\n');
  for (const name of ['fcgi-lb', 'timeout']) chmodSync(join(bin, name), 0o755);
  for (const [shell, text] of scripts) writeFileSync(join(directory, `completion.${shell}`), text);
  const env = { ...process.env, PATH: `${bin}:${process.env['PATH']}`, HOME: directory };
  const files = join(directory, 'files');
  return { directory, admin, paths, files, env };
}

/** What bash makes of a line before it calls the function: words, taken apart also at = and :. */
function bashWords(line: string): readonly string[] {
  const words = line.match(/[=:]+|[^\s=:]+/g) ?? [];
  return /\s$/.test(line) ? [...words, ''] : words;
}

async function bash({ directory, env }: { readonly directory: string; readonly env: NodeJS.ProcessEnv }, line: string) {
  const words = bashWords(line);
  const script = `source completion.bash
COMP_LINE=$1 COMP_POINT=\${#1}; shift
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_fcgi_lb
printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout } = await run('bash', ['--norc', '-c', script, 'bash', line, ...words], { cwd: directory, env });
  return stdout.split('\n').filter((word) => word !== '');
}

async function fish({ directory, env }: { readonly directory: string; readonly env: NodeJS.ProcessEnv }, line: string) {
  const script = 'source completion.fish; complete --do-complete $argv[1]';
  const { stdout } = await run('fish', ['--no-config', '-c', script, line], { cwd: directory, env });
  return stdout
    .split('\n')
    .filter((word) => word !== '')
    .map((word) => word.split('\t')[0] ?? '');
}

/** The line as it is after TAB in a shell that somebody sits at, and then Enter. */
async function typed(
  shell: 'bash' | 'zsh',
  { directory, env }: Awaited<ReturnType<typeof place>>,
  line: string,
): Promise<string> {
  const { PATH: path = '', HOME: home = '' } = env;
  const start = shell === 'bash' ? ['bash', '--norc', '--noprofile', '-i'] : ['zsh', '-f', '-i'];
  const terminal = await inTerminal(start, { columns: 200 }, { PATH: path, HOME: home, PS1: '> ', TERM: 'xterm' });
  const load = shell === 'bash' ? '' : 'autoload -Uz compinit; compinit -u -D; unsetopt beep; ';
  terminal.type(`cd ${directory}; ${load}source completion.${shell}; echo rea''dy\n`);
  await eventually(() => expect(terminal.output()).toContain('ready'));
  terminal.type(`${line}\t`);
  // The answer to the key may take a process; Enter is only read once it is there.
  terminal.type('\n');
  await eventually(() => expect(terminal.output()).toMatch(/WORDS:.*:END/));
  return /WORDS:(.*?):END/.exec(terminal.output())?.[1] ?? '';
}

describe('completion of bash', () => {
  const it = itWith('bash');

  it('offers commands, and the options of the command that is there', async () => {
    const at = await place();
    expect(await bash(at, 'fcgi-lb ')).toEqual([...COMMANDS]);
    expect(await bash(at, 'fcgi-lb und')).toEqual(['undrain']);
    expect(await bash(at, 'fcgi-lb drain --')).toEqual(['--wait', '--pool', '--admin', '--token-file', '--help']);
    expect(await bash(at, 'fcgi-lb drain --wait --pool rt --')).toEqual(['--admin', '--token-file', '--help']);
    const serve = SERVE_OPTIONS.map(({ name }) => `--${name}`);
    expect(await bash(at, 'fcgi-lb --')).toEqual(serve);
    expect(await bash(at, 'fcgi-lb serve --li')).toEqual(['--listen', '--linger-timeout']);
    // Those that may be given again are offered again.
    expect(await bash(at, 'fcgi-lb --listen=[::1]:80 --queue 5 --')).toEqual(serve.filter((name) => name !== '--queue'));
    expect(await bash(at, 'fcgi-lb frobnicate ')).toEqual([]);
  });

  it('offers the values that an option takes, and nothing where there is nothing to know', async () => {
    const at = await place();
    expect(await bash(at, 'fcgi-lb --log-level ')).toEqual(['debug', 'info', 'warn', 'error']);
    expect(await bash(at, 'fcgi-lb --hand-over o')).toEqual(['on', 'off']);
    expect(await bash(at, 'fcgi-lb --log-format=p')).toEqual(['pretty']);
    expect(await bash(at, 'fcgi-lb --balance ha')).toEqual(['hash:']);
    expect(await bash(at, 'fcgi-lb --queue ')).toEqual([]);
    expect(await bash(at, 'fcgi-lb top --sort p')).toEqual(['p99']);
    expect(await bash(at, 'fcgi-lb completion ')).toEqual(['bash', 'zsh', 'fish']);
    expect(await bash(at, 'fcgi-lb completion zsh ')).toEqual([]);
  });

  it('offers files and directories where they belong, behind unix: and = as well', async () => {
    const at = await place();
    expect(await bash(at, 'fcgi-lb check --config files/')).toEqual(expect.arrayContaining(['files/fcgi-lb.yaml', 'files/sub']));
    expect(await bash(at, 'fcgi-lb --config=files/f')).toEqual(['files/fcgi-lb.yaml']);
    expect(await bash(at, 'fcgi-lb --root files/')).toEqual(['files/sub']);
    expect(await bash(at, 'fcgi-lb --listen unix:files/f')).toEqual(['files/fcgi-lb.yaml']);
    expect((await bash(at, 'fcgi-lb --upstream rt1.sock rt')).sort()).toEqual(['rt1.sock', 'rt2.sock']);
    expect(await bash(at, 'fcgi-lb --upstream rt1.sock --qu')).toEqual(['--queue', '--queue-timeout']);
    expect(await bash(at, 'fcgi-lb --access-log ')).toEqual(expect.arrayContaining(['-', 'off', 'files']));
  });

  it('asks the running program for upstreams and pools, and offers none when nobody answers', async () => {
    const at = await place();
    const on = `--admin ${at.admin}`;
    const lines: readonly (readonly [string, readonly string[]])[] = [
      [`fcgi-lb drain ${on} `, ['rt1.sock', 'rt2.sock']],
      [`fcgi-lb drain --wait --admin=${at.admin} rt2`, ['rt2.sock']],
      [`fcgi-lb weight ${on} ${at.directory}/rt`, at.paths],
      [`fcgi-lb weight ${on} rt1.sock `, []],
      [`fcgi-lb enable ${on} --pool `, ['default']],
      [`fcgi-lb drain --admin ${at.directory}/none.sock `, []],
    ];
    // The program is asked for a second only.
    for (const [line, expected] of lines) await eventually(async () => expect(await bash(at, line)).toEqual(expected));
  });

  itWith('bash', 'script')('works at the key TAB', async () => {
    const at = await place();
    expect(await typed('bash', at, 'fcgi-lb und')).toBe('undrain');
    expect(await typed('bash', at, `fcgi-lb --listen=unix:files/fc`)).toBe('--listen=unix:files/fcgi-lb.yaml');
    const asked = () => typed('bash', at, `fcgi-lb drain --admin ${at.admin} rt2`);
    await eventually(async () => expect(await asked()).toBe(`drain --admin ${at.admin} rt2.sock`));
  });
});

describe('fcgi-lb completion --names', () => {
  itWith()('gives up a program that does not answer, and says nothing', async () => {
    const path = join(tempDir(), 'admin.sock');
    const silent = createServer((socket) => void socket.resume());
    await new Promise<void>((resolve) => silent.listen(path, resolve));
    onTestFinished(() => void silent.close());
    const { stdout, stderr } = await run(process.execPath, [MAIN, 'completion', '--names', 'upstreams', '--admin', path]);
    expect([stdout, stderr]).toEqual(['', '']);
  });
});

describe('completion of fish', () => {
  const it = itWith('fish');

  it('offers commands, options, values, paths and names', async () => {
    const at = await place();
    expect((await fish(at, 'fcgi-lb ')).sort()).toEqual([...COMMANDS].sort());
    expect(await fish(at, 'fcgi-lb und')).toEqual(['undrain']);
    expect((await fish(at, 'fcgi-lb drain --')).sort()).toEqual(['--admin', '--help', '--pool', '--token-file', '--wait']);
    expect((await fish(at, 'fcgi-lb --li')).sort()).toEqual(['--linger-timeout', '--listen']);
    expect((await fish(at, 'fcgi-lb --log-level ')).sort()).toEqual(['debug', 'error', 'info', 'warn']);
    expect(await fish(at, 'fcgi-lb --log-format=p')).toEqual(['--log-format=pretty']);
    expect(await fish(at, 'fcgi-lb check --config files/f')).toEqual(['files/fcgi-lb.yaml']);
    expect(await fish(at, 'fcgi-lb --root files/')).toEqual(['files/sub/']);
    expect(await fish(at, 'fcgi-lb --queue ')).toEqual([]);
    await eventually(async () =>
      expect(await fish(at, `fcgi-lb drain --wait --admin ${at.admin} `)).toEqual(['rt1.sock', 'rt2.sock']),
    );
    expect(await fish(at, `fcgi-lb weight --admin ${at.admin} rt1.sock `)).toEqual([]);
    await eventually(async () => expect(await fish(at, `fcgi-lb drain --admin ${at.admin} --pool `)).toEqual(['default']));
    expect((await fish(at, 'fcgi-lb completion ')).sort()).toEqual(['bash', 'fish', 'zsh']);
  });
});

describe('completion of zsh', () => {
  const it = itWith('zsh', 'script');

  it('works at the key TAB: commands, options, values, paths and names', async () => {
    const at = await place();
    const lines = [
      ['fcgi-lb und', 'undrain'],
      ['fcgi-lb drain --wa', 'drain --wait'],
      ['fcgi-lb --queue-t', '--queue-timeout'],
      ['fcgi-lb --log-level d', '--log-level debug'],
      ['fcgi-lb check --config files/f', 'check --config files/fcgi-lb.yaml'],
      ['fcgi-lb --upstream rt1.sock rt2', '--upstream rt1.sock rt2.sock'],
      // zsh itself takes the slash off again at Enter.
      ['fcgi-lb --root fil', '--root files'],
      [`fcgi-lb drain --admin ${at.admin} rt2`, `drain --admin ${at.admin} rt2.sock`],
      [`fcgi-lb drain --admin ${at.admin} --pool d`, `drain --admin ${at.admin} --pool default`],
    ] as const;
    const right = ([line, expected]: readonly [string, string]) =>
      eventually(async () => expect(await typed('zsh', at, line)).toBe(expected));
    await Promise.all(lines.map(right));
  });
});
