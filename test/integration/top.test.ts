// `fcgi-lb top` and `status` in a real terminal: what the screen shows, keys, sizes, and the
// terminal given back on every path.

import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect } from 'vitest';
import { ask } from '../support/clients/http-client.ts';
import { inTerminal } from '../support/clients/terminal.ts';
import { eventually } from '../support/eventually.ts';
import { buildIfMissing, MAIN, startCli } from '../support/program/cli-process.ts';
import { itWith } from '../support/program/programs.ts';
import { startProxy } from '../support/program/proxy.ts';
import { answering, fakeWorker } from '../support/servers/fake-worker.ts';
import { tempDir } from '../support/temp-dir.ts';

beforeAll(buildIfMissing);
const it = itWith('script');

async function served() {
  const directory = tempDir();
  const admin = join(directory, 'admin.sock');
  const paths = ['rt1.sock', 'rt2.sock', 'rt10.sock'].map((name) => join(directory, name));
  for (const path of paths) await fakeWorker(answering('fine'), { path });
  const words = ['--upstream', ...paths, '--max-conns', '1', '--admin', admin];
  return { directory, admin, paths, words, proxy: await startProxy(words) };
}

const command = (...words: readonly string[]): readonly string[] => [process.execPath, MAIN, ...words];
const LEFT = '\x1b[?25h\x1b[?1049l';
const names = (lines: readonly string[]): readonly string[] => lines.flatMap((line) => /^(rt\d+\.sock) /.exec(line)?.[1] ?? []);

describe('fcgi-lb top', () => {
  it('shows what happens, follows it, sorts at a key, takes up another size, and gives the terminal back at q', async () => {
    const { admin, paths, proxy } = await served();
    const terminal = await inTerminal(command('top', '--admin', admin, '--interval', '200ms', '--sort', 'name'));
    await eventually(() => expect(names(terminal.screen())).toEqual(['rt1.sock', 'rt2.sock', 'rt10.sock']));
    expect(terminal.screen()[0]).toMatch(/^fcgi-lb test, pid \d+, up .*: ready$/);
    proxy.program.operator.wish('drain', 'default', paths[2] ?? '', { by: 'a test' });
    await eventually(() => expect(terminal.screen().join('\n')).toMatch(/^rt10\.sock +draining +.*drain by a test$/m));
    for (let i = 0; i < 5; i += 1) await ask(proxy.path);
    await eventually(() => expect(terminal.screen().join('\n')).toMatch(/^default .* 5 +0 /m));
    terminal.type('s');
    await eventually(() => expect(names(terminal.screen())[0]).toBe('rt10.sock'));
    terminal.type('uR');
    await eventually(() => expect(names(terminal.screen())).toEqual(['rt10.sock', 'rt2.sock', 'rt1.sock']));
    terminal.resize(40, 11);
    await eventually(() => {
      const screen = terminal.screen();
      expect(screen.length).toBe(11);
      for (const line of screen) expect([...line].length).toBeLessThanOrEqual(40);
      expect(screen.at(-1)).toMatch(/^by name, reversed/);
    });
    terminal.type('q');
    expect(await terminal.ended).toBe(0);
    expect(terminal.output().startsWith('\x1b[?1049h\x1b[?25l')).toBe(true);
    expect(terminal.output().endsWith(LEFT)).toBe(true);
    expect(terminal.modes()[1]).toBe(terminal.modes()[0]);
  });

  it('draws only what has changed: the screen is never emptied while it runs', async () => {
    const { admin } = await served();
    const terminal = await inTerminal(command('top', '--admin', admin, '--interval', '100ms'));
    await eventually(() => expect(terminal.screen().join('\n')).toMatch(/^0 requests\/s/m));
    const [, ...updates] = terminal.output().split('\x1b[?2026h');
    await eventually(() => expect(terminal.output().split('\x1b[?2026h').length).toBeGreaterThan(updates.length + 5));
    expect(terminal.output().split('\x1b[2J').length).toBe(2);
    terminal.type('q');
    await terminal.ended;
  });

  for (const [how, end, code] of [
    ['Ctrl-C', (terminal) => terminal.type('\x03'), 0],
    ['TERM', (terminal) => terminal.signal('SIGTERM'), 143],
    ['INT', (terminal) => terminal.signal('SIGINT'), 130],
    ['HUP', (terminal) => terminal.signal('SIGHUP'), 129],
  ] as readonly (readonly [string, (terminal: Awaited<ReturnType<typeof inTerminal>>) => void, number])[]) {
    it(`gives the terminal back at ${how}`, async () => {
      const { admin } = await served();
      const terminal = await inTerminal(command('top', '--admin', admin));
      await eventually(() => expect(terminal.screen()[0]).toContain('ready'));
      end(terminal);
      expect(await terminal.ended).toBe(code);
      expect(terminal.output()).toContain(LEFT);
      expect(terminal.output().split('\x1b[?1049h').length).toBe(2);
      expect(terminal.modes()[1]).toBe(terminal.modes()[0]);
    });
  }

  it('gives the terminal back when it dies of an error of its own', async () => {
    const { admin } = await served();
    const bomb = "data:text/javascript,process.on('SIGUSR2',()=>{throw new Error('a bug')})";
    const terminal = await inTerminal([process.execPath, '--import', bomb.replaceAll("'", '`'), MAIN, 'top', '--admin', admin]);
    await eventually(() => expect(terminal.screen()[0]).toContain('ready'));
    terminal.signal('SIGUSR2');
    expect(await terminal.ended).toBe(1);
    expect(terminal.output()).toContain(LEFT);
    expect(terminal.modes()[1]).toBe(terminal.modes()[0]);
  });

  it('gives the terminal back while it is suspended, and takes it again', async () => {
    const { admin } = await served();
    const terminal = await inTerminal(command('top', '--admin', admin));
    await eventually(() => expect(terminal.screen()[0]).toContain('ready'));
    terminal.type('\x1a');
    await eventually(() => expect(terminal.output().endsWith(LEFT)).toBe(true));
    terminal.signal('SIGCONT');
    await eventually(() => expect(terminal.output().split('\x1b[?1049h').length).toBe(3));
    await eventually(() => expect(terminal.screen()[0]).toContain('ready'));
    terminal.type('q');
    expect(await terminal.ended).toBe(0);
    expect(terminal.modes()[1]).toBe(terminal.modes()[0]);
  });

  it('says that nothing answers, from the start or later, goes on trying, and is back when the program is', async () => {
    const { directory, admin, words, proxy } = await served();
    const terminal = await inTerminal(command('top', '--admin', admin, '--interval', '200ms'), { columns: 160 });
    await eventually(() => expect(names(terminal.screen()).length).toBe(3));
    await proxy.stop();
    await eventually(() =>
      expect(terminal.screen()[2]).toMatch(/^no answer for \d+ s, trying again: no fcgi-lb answers at .*admin\.sock/),
    );
    expect(names(terminal.screen()).length).toBe(3);
    rmSync(join(directory, 'http.sock'), { force: true });
    await startProxy(words);
    await eventually(() => expect(terminal.screen().join('\n')).not.toContain('no answer'));
    terminal.type('q');
    expect(await terminal.ended).toBe(0);
    const early = await inTerminal(command('top', '--admin', join(directory, 'none.sock'), '--interval', '200ms'));
    await eventually(() => expect(early.screen().join('\n')).toContain('no such socket'));
    early.type('q');
    expect(await early.ended).toBe(0);
  });

  it('--once prints one picture with rates, for scripts', async () => {
    const { admin, proxy } = await served();
    const once = startCli(['top', '--once', '--interval', '500ms', '--admin', admin]);
    await ask(proxy.path);
    expect((await once.ended).code).toBe(0);
    expect(once.stdout()).toMatch(/^\d[\d.]* requests\/s, /m);
    expect(once.stdout()).toMatch(/^UPSTREAM .* REQ\/S /m);
    expect(once.stdout()).not.toContain('\x1b');
  });
});

describe('fcgi-lb status in a terminal', () => {
  it('fits its width, and has colours unless NO_COLOR says no', async () => {
    const { admin, paths, proxy } = await served();
    proxy.program.operator.wish('drain', 'default', paths[0] ?? '', { by: 'a test' });
    const [plain, coloured] = await Promise.all([
      inTerminal(command('status', '--admin', admin), { columns: 60 }),
      inTerminal(command('status', '--admin', admin), { columns: 60 }, { NO_COLOR: '' }),
    ]);
    expect([await plain.ended, await coloured.ended]).toEqual([0, 0]);
    expect(plain.output()).not.toContain('\x1b');
    expect(coloured.output()).toContain('\x1b[33mdraining\x1b[0m');
    for (const line of plain.output().split('\r\n')) expect([...line].length).toBeLessThanOrEqual(60);
  });
});
