// Signals that come while the program is still being loaded: none ends it, and each is acted on
// when it serves.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { ask } from '../support/clients/http-client.ts';
import { eventually } from '../support/eventually.ts';
import { buildIfMissing, type CliProcess, startCli } from '../support/program/cli-process.ts';
import { current, stopAll, successors } from '../support/program/upgrades.ts';
import { answering, fakeWorker } from '../support/servers/fake-worker.ts';
import { tempDir } from '../support/temp-dir.ts';

beforeAll(buildIfMissing);

/**
 * Sends a signal to its own process at the moment at which node asks for the file that wires all
 * the others, once.
 */
function sendsWhileLoading(directory: string, signal: NodeJS.Signals): string {
  const once = join(directory, 'once');
  writeFileSync(once, '');
  const hooks = `
    import { unlinkSync } from 'node:fs';
    export function load(url, context, next) {
      if (url.endsWith('/dist/app/program.js')) {
        try { unlinkSync(${JSON.stringify(once)}); process.kill(process.pid, '${signal}'); } catch {}
      }
      return next(url, context);
    }`;
  const preload = join(directory, 'preload.mjs');
  const url = `data:text/javascript,${encodeURIComponent(hooks)}`;
  writeFileSync(preload, `import { register } from 'node:module';\nregister(${JSON.stringify(url)});\n`);
  return preload;
}

async function starting(node: readonly string[] = [], directory = tempDir()): Promise<{ cli: CliProcess; http: string }> {
  const http = join(directory, 'http.sock');
  const worker = await fakeWorker(answering('fine'));
  const cli = startCli(['--upstream', worker.path, '--listen', http, '--admin', 'off', '--log-format', 'json'], {}, { node });
  return { cli, http };
}

/** Whether the process has a handler for a signal of this number. */
function catches(pid: number, signal: number): boolean {
  const mask = /^SigCgt:\s*(\w+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '0';
  return ((BigInt(`0x${mask}`) >> BigInt(signal - 1)) & 1n) === 1n;
}

const USR2 = 12;

describe('while the program is being loaded', () => {
  it('HUP does not end it, and the configuration is read again when it serves', async () => {
    const directory = tempDir();
    const { cli, http } = await starting(['--import', sendsWhileLoading(directory, 'SIGHUP')], directory);
    await cli.says('"msg":"reloaded"');
    expect(cli.stderr()).toMatch(/"msg":"listening on [\s\S]*"by":"signal HUP","msg":"reloading"/);
    expect((await ask(http)).status).toBe(200);
    await stopAll(cli);
  });

  it('USR2 does not end it, and has a successor started when it serves', async () => {
    const directory = tempDir();
    const { cli, http } = await starting(['--import', sendsWhileLoading(directory, 'SIGUSR2')], directory);
    await cli.says('serves now; this one finishes what runs');
    await cli.says('took over from the predecessor');
    expect(successors(cli)).toHaveLength(1);
    expect((await ask(http)).status).toBe(200);
    await stopAll(cli);
  });

  it('USR1 neither ends it nor opens it to a debugger', async () => {
    const directory = tempDir();
    const { cli, http } = await starting(['--import', sendsWhileLoading(directory, 'SIGUSR1')], directory);
    await cli.says('listening on');
    expect((await ask(http)).status).toBe(200);
    cli.kill('SIGTERM');
    expect(await cli.ended).toEqual({ code: 0, signal: null });
    expect(cli.stderr()).not.toContain('Debugger listening');
  });

  it('all of them together are acted on', async () => {
    const { cli, http } = await starting();
    // The loading of all but our first module is still to come.
    await eventually(() => expect(catches(cli.pid, USR2)).toBe(true));
    for (const signal of ['SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const) cli.kill(signal);
    await cli.says('serves now; this one finishes what runs');
    await cli.says('took over from the predecessor');
    // The kernel may give them to different threads, so that the later one comes first.
    expect(cli.stderr()).toMatch(/"msg":"reloaded"|refused to reload: an upgrade is running/);
    expect(current(cli)).not.toBe(cli.pid);
    expect((await ask(http)).status).toBe(200);
    await stopAll(cli);
  });
});

describe('a command that does not serve', () => {
  it('ends with its terminal', async () => {
    const directory = tempDir();
    const worker = await fakeWorker(() => undefined, { maxConns: 1 });
    const [http, admin] = [join(directory, 'http.sock'), join(directory, 'admin.sock')];
    const cli = startCli(['--upstream', worker.path, '--listen', http, '--admin', admin, '--max-conns', '1']);
    await cli.says('listening on');
    const held = ask(http).catch(() => undefined);
    await eventually(async () => {
      const { body } = await ask(admin, { path: '/status' });
      expect(body.toString()).toContain('"in_flight":1');
    });
    const drain = startCli(['drain', 'w.sock', '--wait', '--admin', admin]);
    await cli.says('"msg":"drain"');
    drain.kill('SIGHUP');
    expect((await drain.ended).signal).toBe('SIGHUP');
    cli.kill('SIGTERM');
    cli.kill('SIGINT');
    await cli.ended;
    await held;
  });
});
