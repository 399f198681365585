// Every command that the documentation shows is run, with sockets of the test's own in the place of
// those in /run.

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ask } from '../support/clients/http-client.ts';
import { eventually } from '../support/eventually.ts';
import { answering, fakeWorker } from '../support/servers/fake-worker.ts';
import { tempDir } from '../support/temp-dir.ts';

const run = promisify(execFile);
const ROOT = new URL('../../', import.meta.url).pathname;
const PAGES = [
  'README.md',
  ...readdirSync(join(ROOT, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];
const CLI = join(ROOT, 'dist/cli/main.js');

interface Shown {
  readonly page: string;
  readonly command: string;
}

/** The lines of all `sh` blocks. */
function shownCommands(): Shown[] {
  return PAGES.flatMap((page) => {
    const text = readFileSync(join(ROOT, page), 'utf8');
    const blocks = [...text.matchAll(/```sh\n([\s\S]*?)```/g)].map((match) => match[1] ?? '');
    return blocks.flatMap((block) =>
      block
        .split('\n')
        .filter((line) => line.trim() !== '')
        .map((command) => ({ page, command })),
    );
  });
}

/** A shell's view of a simple command: words, and single quotes removed. */
function wordsOf(command: string): string[] {
  return [...command.matchAll(/'([^']*)'|(\S+)/g)].map((match) => match[1] ?? match[2] ?? '');
}

function start(
  command: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): { readonly child: ChildProcess; readonly output: () => string; until(text: string): Promise<void> } {
  // A process group of its own, so that a signal reaches all of it, as Ctrl-C in a terminal does.
  const child = spawn(command, args, {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
    env: { ...process.env, ...environment },
  });
  onTestFinished(() => signal(child, 'SIGKILL'));
  let output = '';
  let changed: () => void = () => undefined;
  const take = (chunk: Buffer): void => {
    output += chunk.toString();
    changed();
  };
  child.stdout.on('data', take);
  child.stderr.on('data', take);
  child.on('close', () => changed());
  return {
    child,
    output: () => output,
    until: async (text) => {
      while (!output.includes(text)) {
        if (child.exitCode !== null) throw new Error(`ended with ${child.exitCode} before saying '${text}': ${output}`);
        await new Promise<void>((resolve) => {
          changed = resolve;
        });
      }
    },
  };
}

function signal(child: ChildProcess, name: NodeJS.Signals): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  process.kill(-child.pid, name);
}

function exit(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.exitCode);
  return new Promise((resolve) => child.once('exit', (code) => resolve(code)));
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/**
 * Starts fcgi-lb as shown, with everything below /run moved to a directory where two workers are.
 */
async function serveAsShown(words: readonly string[]): Promise<{
  readonly admin: string;
  readonly directory: string;
  readonly ended: Promise<number | null>;
  readonly stop: () => Promise<number | null>;
}> {
  const directory = tempDir();
  for (const name of ['rt1.sock', 'rt2.sock']) await fakeWorker(answering('hello'), { path: join(directory, name) });
  writeFileSync(join(directory, 'fcgi-lb.token'), 'as long as a token has to be\n'.replaceAll(' ', '-'), { mode: 0o600 });
  writeFileSync(join(directory, 'fcgi-lb.secret'), 'as long as a secret has to be\n', { mode: 0o600 });
  const moved = words.map((word) => word.replace('/run/', `${directory}/`).replace(/127\.0\.0\.1:(?:8080|9180)/, '127.0.0.1:0'));
  const admin = join(directory, 'admin.sock');
  const listen = moved.includes('--listen') ? [] : ['--listen', join(directory, 'http.sock')];
  const { child, until } = start(process.execPath, [CLI, ...moved, ...listen, '--admin', admin], { SOCKETS: directory });
  await until('listening on');
  return {
    admin,
    directory,
    ended: exit(child),
    stop: () => {
      signal(child, 'SIGTERM');
      return exit(child);
    },
  };
}

async function check(command: string): Promise<void> {
  const [first, second, ...rest] = wordsOf(command);
  if (command === 'npm ci && npm run test:setup && npm test') {
    // This very test runs by `npm test`; the checks of a change (.ci/run) run the other two.
    const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: Record<string, string> };
    expect(scripts).toMatchObject({ test: 'vitest run', 'test:setup': 'bash scripts/install-test-programs.sh' });
    // The tests install nothing: only the setup does.
    expect([scripts['pretest'], scripts['posttest']].join()).not.toMatch(/install|setup/);
    const checks = readFileSync(join(ROOT, '.ci/run'), 'utf8').split('\n');
    for (const line of ['npm ci', 'npm run --silent test:setup', 'npm test']) {
      expect(checks.some((each) => each.startsWith(line))).toBe(true);
    }
  } else if (command === 'npm ci && npm run demo') {
    const port = await freePort();
    // Without the default addresses of the admin listener, which may be another program's, and in
    // /run for root.
    const words = ['--listen', `127.0.0.1:${port}`, '--admin', 'off'];
    const demo = start('npm', ['run', '--silent', 'demo', '--', ...words]);
    await demo.until('listening on');
    const answer = await fetch(`http://127.0.0.1:${port}/hello`);
    expect(await answer.text()).toMatch(/^worker \d \(pid \d+\) answers GET \/hello\n$/);
    const directory = /Four workers behind (\S+)\/rt/.exec(demo.output())?.[1] ?? '';
    signal(demo.child, 'SIGINT');
    await exit(demo.child);
    expect(() => readdirSync(directory)).toThrow('ENOENT');
  } else if (first === 'npx' && second === 'fcgi-lb' && rest.includes('--help')) {
    const { stdout } = await run(process.execPath, [CLI, ...rest]);
    expect(stdout).toContain('--upstream WHAT...');
  } else if (first === 'npx' && second === 'fcgi-lb' && rest[0] === 'check') {
    const { stdout } = await run(process.execPath, [CLI, ...rest], { cwd: ROOT });
    expect(stdout).toMatch(/: ok: /);
  } else if (first === 'npx' && second === 'fcgi-lb' && rest[0] === 'completion') {
    const { stdout } = await run(process.execPath, [CLI, ...rest], { cwd: ROOT });
    expect(stdout).toContain(`made by: fcgi-lb completion ${rest[1]}`);
  } else if (first === 'npx' && second === 'fcgi-lb' && rest[0] === 'units') {
    const { stdout } = await run(process.execPath, [CLI, ...rest], { cwd: ROOT });
    expect(stdout).toContain(`\nExecStart=${rest[rest.indexOf('--exec') + 1]}\n`);
  } else if (
    first === 'npx' &&
    second === 'fcgi-lb' &&
    ['status', 'top', 'drain', 'undrain', 'enable', 'disable', 'weight', 'reload'].includes(rest[0] ?? '')
  ) {
    const { admin, directory, stop } = await serveAsShown(['--upstream', '/run/rt*.sock']);
    const at = rest.indexOf('--admin');
    const words = (at === -1 ? rest : rest.toSpliced(at, 2)).map((word) => word.replace('/run/', `${directory}/`));
    await run(process.execPath, [CLI, ...words, '--admin', admin]);
    await stop();
  } else if (first === 'npx' && second === 'fcgi-lb' && rest[0] === 'alert-test') {
    const config = join(tempDir(), 'f.yaml');
    writeFileSync(
      config,
      'pools: { rt: { upstreams: ["${SOCKETS}/rt*.sock"] } }\nalerts: { targets: { a: { to: command, command: ["true"] } } }\n',
    );
    const { admin, stop } = await serveAsShown(['--config', config]);
    const { stdout } = await run(process.execPath, [CLI, ...rest, '--admin', admin]);
    expect(stdout).toBe('a: delivered: exit code 0\n');
    await stop();
  } else if (first === 'npx' && second === 'fcgi-lb' && rest[0] === 'upgrade') {
    const { admin, ended } = await serveAsShown(['--upstream', '/run/rt*.sock']);
    const { stdout } = await run(process.execPath, [CLI, ...rest, '--admin', admin]);
    expect(await ended).toBe(0);
    const [, successor] = /^upgraded: process (\d+) serves in the place of \d+\n$/.exec(stdout) ?? [];
    process.kill(Number(successor), 'SIGTERM');
    await eventually(() => expect(existsSync(`/proc/${successor}`)).toBe(false));
  } else if (first === 'npx' && second === 'fcgi-lb') {
    const { stop } = await serveAsShown(rest);
    expect(await stop()).toBe(0);
  } else if (first === 'curl' && second?.startsWith('http://127.0.0.1:9180/')) {
    const { admin, stop } = await serveAsShown(['--upstream', '/run/rt*.sock']);
    expect((await ask(admin, { path: new URL(second).pathname })).status).toBe(200);
    await stop();
  } else {
    throw new Error(`no test knows how to run: ${command}`);
  }
}

describe('a command shown in the documentation works:', () => {
  for (const { page, command } of shownCommands()) {
    it(`${page}: ${command}`, () => check(command));
  }
});
