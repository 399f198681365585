// `npm run dev`: workers, and fcgi-lb from the sources in front of them, started again with each
// change, in a copy of the tree.

import { spawn } from 'node:child_process';
import { appendFileSync, cpSync, readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { ask } from '../support/clients/http-client.ts';
import { ROOT } from '../support/program/cli-process.ts';
import { tempDir } from '../support/temp-dir.ts';

/** tsx compiles every source when its cache is cold, which takes a busy machine a while. */
function startedAgain(check: () => void | Promise<void>): Promise<void> {
  return vi.waitFor(check, { timeout: 60_000, interval: 20 });
}

it('npm run dev serves, starts again when a source or the live page changes, and ends with all it started', {
  timeout: 90_000,
}, async () => {
  const tree = tempDir();
  for (const name of ['src', 'scripts', 'test/peers', 'package.json', 'tsconfig.json'])
    cpSync(join(ROOT, name), join(tree, name), { recursive: true });
  symlinkSync(join(ROOT, 'node_modules'), join(tree, 'node_modules'));
  const [http, admin] = [join(tree, 'http.sock'), join(tree, 'admin.sock')];
  const words = ['run', '--silent', 'dev', '--', '--listen', http, '--admin', admin];
  const dev = spawn('npm', words, { cwd: tree, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  let output = '';
  for (const stream of [dev.stdout, dev.stderr])
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
  const closed = new Promise<void>((resolve) => dev.once('close', () => resolve()));
  const end = (): void => {
    // To the whole group, as Ctrl-C in a terminal.
    if (dev.pid !== undefined && dev.exitCode === null && dev.signalCode === null) process.kill(-dev.pid, 'SIGINT');
  };
  onTestFinished(async () => {
    end();
    await closed;
  });
  const starts = (): number => output.split('listening on').length - 1;
  const directory = (): string => /Four workers behind (\S+)\/rt/.exec(output)?.[1] ?? '';

  await startedAgain(() => expect(starts(), output).toBe(1));
  expect((await ask(http, { path: '/hello' })).body.toString()).toMatch(/^worker \d \(pid \d+\) answers GET \/hello\n$/);

  appendFileSync(join(tree, 'src/core/clock.ts'), '// changed\n');
  await startedAgain(() => expect(starts(), output).toBe(2));
  expect((await ask(http, { path: '/hello' })).status).toBe(200);

  appendFileSync(join(tree, 'src/admin/page/page.html'), '<!-- changed -->\n');
  await startedAgain(async () =>
    expect((await ask(admin, { path: '/', headers: { Host: 'localhost' } })).body.toString()).toContain('<!-- changed -->'),
  );

  end();
  await closed;
  expect(() => readdirSync(directory())).toThrow('ENOENT');
});
