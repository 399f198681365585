// Every file in config/ serves, with sockets of the test's own in the place of those in /run.

import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { answering, fakeWorker } from '../helpers/fake-worker.ts';
import { ask } from '../helpers/http-client.ts';
import { startProxy } from '../helpers/proxy.ts';
import { tempDir } from '../helpers/temp-dir.ts';

const CONFIG = join(import.meta.dirname, '../../config');

/** For each file: the sockets of its workers, and a parameter that shows what the file makes of a request for /a/b. */
const FILES: Readonly<
  Record<string, { readonly sockets: readonly string[]; readonly shows: readonly [name: string, value: string] }>
> = {
  'minimal.yaml': { sockets: ['app1.sock', 'app2.sock'], shows: ['PATH_INFO', '/a/b'] },
  'rt.yaml': { sockets: ['rt1.sock', 'rt2.sock'], shows: ['SERVER_PORT', '443'] },
  'php-fpm.yaml': { sockets: ['php8.2-fpm.sock'], shows: ['SCRIPT_FILENAME', '/srv/site/index.php'] },
};

describe('config/', () => {
  it('has no file that this test does not know', () => {
    const names = readdirSync(CONFIG).filter((name) => name.endsWith('.yaml'));
    expect(names.sort()).toEqual(Object.keys(FILES).sort());
  });

  it.each(Object.entries(FILES))('%s serves from all its sockets', async (file, { sockets, shows: [name, value] }) => {
    const directory = tempDir();
    mkdirSync(join(directory, 'run'));
    const seen = new Set<string>();
    for (const socket of sockets) {
      const handler = (reply: Parameters<ReturnType<typeof answering>>[0]) => {
        seen.add(`${socket} ${reply.request.params.get(name)}`);
        return answering('fine')(reply);
      };
      await fakeWorker(handler, { path: join(directory, 'run', socket) });
    }
    process.env['SOCKETS'] = join(directory, 'run');
    process.env['SITE'] = '/srv/site';
    onTestFinished(() => {
      delete process.env['SOCKETS'];
      delete process.env['SITE'];
    });
    const proxy = await startProxy(['--config', join(CONFIG, file)]);
    expect(proxy.program.pool.upstreams.size).toBe(sockets.length);
    // One at a time to each idle upstream in turn: least-conn takes the one that has waited longest.
    for (const _ of sockets) expect((await ask(proxy.path, { path: '/a/b' })).body.toString()).toBe('fine');
    expect([...seen].sort()).toEqual(sockets.map((socket) => `${socket} ${value}`));
  });
});
