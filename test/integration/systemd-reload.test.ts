// The sockets that systemd passed (by the real systemd-socket-activate) while the configuration
// changes: none of them is ever lost.

import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, onTestFinished } from 'vitest';
import { ask, testClient, type Where } from '../support/clients/http-client.ts';
import { eventually } from '../support/eventually.ts';
import { buildIfMissing, commandLine, startCli } from '../support/program/cli-process.ts';
import { itWith } from '../support/program/programs.ts';
import { current, runs, stopAll, upgrade } from '../support/program/upgrades.ts';
import { answer, fakeWorker, holding } from '../support/servers/fake-worker.ts';
import { freePort } from '../support/servers/free-port.ts';
import { tempDir } from '../support/temp-dir.ts';

beforeAll(buildIfMissing);

const itWithSystemd = itWith('systemd');

/**
 * The program with three sockets of systemd: `web` and `spare` are unix sockets, `tcp` is what it
 * says. It listens on `web`.
 */
async function activated(more = '') {
  const directory = tempDir();
  const at = (name: string): string => join(directory, name);
  const { handler, next } = holding();
  const worker = await fakeWorker(handler, { path: at('w.sock'), maxConns: 9, single: false });
  const [web, spare, file, admin] = [at('web'), at('spare'), at('f.yaml'), at('admin.sock')];
  const port = await freePort();
  const write = (listen: string): void =>
    writeFileSync(file, `listen: [${listen}]\nadmin: ${admin}\n${more}pools: { rt: { upstreams: [${worker.path}] } }\n`);
  write('systemd:web');
  const sockets = [web, spare, `127.0.0.1:${port}`].map((address) => `--listen=${address}`);
  // systemd has the sockets as well, whoever it starts; here another process does.
  const pid = at('pid');
  const holds = `sleep 600 >&- 2>&- & echo $! > ${pid}; exec "$@"`;
  const program = ['systemd-socket-activate', ...sockets, '--fdname=web:spare:tcp', 'sh', '-c', holds, 'sh'];
  const cli = startCli(['--config', file], {}, { program });
  await cli.says(`Listening on 127.0.0.1:${port}`);
  const served = async (where: Where): Promise<void> => {
    const asked = ask(where);
    answer(await next(), 'served');
    expect((await asked).body.toString()).toBe('served');
  };
  const holder = (): number => Number(readFileSync(pid, 'utf8'));
  onTestFinished(() => {
    if (commandLine(holder()).startsWith('sleep')) process.kill(holder(), 'SIGKILL');
  });
  // The first client is what has it started.
  await served(web);
  await cli.says('"unused"');
  const reload = async (listen: string): Promise<readonly string[]> => {
    write(listen);
    const { body } = await ask(admin, { method: 'POST', path: '/reload', headers: { Host: 'localhost' } });
    const { problems = [] } = JSON.parse(body.toString()) as { readonly problems?: readonly string[] };
    return problems;
  };
  return { cli, holder, directory, web, spare, tcp: { port }, admin, write, reload, served, next, worker };
}

/** Resolves when the program closes the connection without having been asked anything. */
async function sentAway(where: Where): Promise<void> {
  const client = testClient(where);
  expect((await client.closed).received).toBe('');
}

describe('a socket that systemd passed', () => {
  itWithSystemd('is still there after a reload that failed when it had begun to serve on it', async () => {
    const { cli, spare, tcp, reload, served, worker } = await activated();
    for (let i = 0; i < 2; i += 1) {
      const problems = await reload(`systemd:web, systemd:spare, systemd:tcp, ${worker.path}`);
      expect(problems).toEqual([expect.stringContaining(`cannot listen on ${worker.path}: the address is in use`)]);
    }
    await sentAway(spare);
    expect(await reload('systemd:web, systemd:spare, systemd:tcp')).toEqual([]);
    await served(spare);
    await served(tcp);
    await stopAll(cli);
    expect(existsSync(spare)).toBe(true);
  });

  itWithSystemd('can be taken out by a reload and come back by another, and meanwhile nobody waits there in vain', async () => {
    const { cli, web, spare, tcp, reload, served, next } = await activated();
    const fds = (): number => readdirSync(`/proc/${cli.pid}/fd`).length;
    let before = 0;
    for (let i = 0; i < 4; i += 1) {
      expect(await reload('systemd:web, systemd:spare, systemd:tcp')).toEqual([]);
      if (i === 1) before = fds();
      await served(spare);
      await served(tcp);
      const idle = testClient(spare);
      idle.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      answer(await next(), 'before');
      await idle.until((received) => received.includes('before'));
      // What runs when it is taken out is finished, and so is what comes on its connections.
      const running = ask(spare);
      const held = await next();
      expect(await reload('systemd:web')).toEqual([]);
      await sentAway(spare);
      await sentAway(tcp);
      idle.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      answer(await next(), 'after');
      expect((await idle.closed).received).toMatch(/\r\nConnection: close\r\n[\s\S]*after/i);
      answer(held, 'finished');
      expect((await running).body.toString()).toBe('finished');
    }
    await served(web);
    expect(await reload('systemd')).toEqual([]);
    await eventually(() => expect(fds()).toBeLessThanOrEqual(before));
    await stopAll(cli);
  });

  itWithSystemd('may go from the clients to the operator and back', async () => {
    const { cli, directory, spare, tcp, write, served } = await activated();
    const reloaded = async (count: number): Promise<void> => {
      cli.kill('SIGHUP');
      await eventually(() => expect(cli.stderr().match(/"msg":"reloaded"/g)).toHaveLength(count));
    };
    write('systemd:web, systemd:spare, systemd:tcp');
    await reloaded(1);
    await served(tcp);
    write('systemd:web');
    await reloaded(2);
    const file = join(directory, 'f.yaml');
    const pools = `pools: { rt: { upstreams: [${join(directory, 'w.sock')}] } }\n`;
    writeFileSync(file, `listen: systemd:web\nadmin: ["systemd:spare", "systemd:tcp"]\n${pools}`);
    await reloaded(3);
    expect((await ask(spare, { path: '/healthz' })).body.toString()).toBe('{"status":"ok"}');
    expect((await ask(tcp, { path: '/healthz' })).status).toBe(403);
    expect((await ask(tcp, { path: '/healthz', headers: { Host: 'localhost' } })).status).toBe(200);
    // Nobody knows who may use it.
    expect((await ask(spare, { method: 'POST', path: '/reload' })).status).toBe(403);
    write('systemd:web');
    await reloaded(4);
    write('systemd:web, systemd:tcp');
    await reloaded(5);
    await served(tcp);
    await stopAll(cli);
  });

  itWithSystemd('is passed to a successor, whether somebody serves on it at that time or not', async () => {
    const { cli, web, spare, tcp, write, reload, served } = await activated();
    // Never served on: tcp. No longer: spare.
    expect(await reload('systemd:web, systemd:spare')).toEqual([]);
    expect(await reload('systemd:web')).toEqual([]);
    write('systemd:web, systemd:spare, systemd:tcp');
    await upgrade(cli);
    await eventually(() => expect(runs(cli.pid)).toBe(false));
    for (const where of [web, spare, tcp]) await served(where);
    write('systemd:web');
    await upgrade(cli);
    write('systemd:web, systemd:spare, systemd:tcp');
    process.kill(current(cli), 'SIGHUP');
    await cli.says('"msg":"reloaded"');
    await eventually(() => expect(cli.stderr().match(/"msg":"reloaded"/g)).toHaveLength(3));
    for (const where of [web, spare, tcp]) await served(where);
    await stopAll(cli);
  });

  itWithSystemd('collects clients for whoever is started next, as soon as a stop has begun', async () => {
    const { cli, holder, web, spare, reload, next } = await activated();
    expect(await reload('systemd:web, systemd:spare')).toEqual([]);
    expect(await reload('systemd:web')).toEqual([]);
    const inFlight = ask(web);
    const held = await next();
    cli.kill('SIGTERM');
    await cli.says('stopping: finishing what runs');
    const waiting = [web, spare].map((where) => testClient(where));
    for (const client of waiting) client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    answer(held, 'finished');
    expect((await inFlight).body.toString()).toBe('finished');
    await eventually(() => expect(runs(cli.pid)).toBe(false));
    expect(waiting.map(({ socket, received }) => [socket.readyState, received()])).toEqual([
      ['open', ''],
      ['open', ''],
    ]);
    process.kill(holder(), 'SIGKILL');
    expect((await cli.ended).code).toBe(0);
    await Promise.all(waiting.map(({ closed }) => closed));
  });

  itWithSystemd('has the time limits of any other listener', async () => {
    const { spare, reload } = await activated('client: { header_timeout: 100ms }\n');
    expect(await reload('systemd:web, systemd:spare')).toEqual([]);
    const slow = testClient(spare);
    slow.write('GET / HTTP/1.1\r\nHo');
    expect((await slow.closed).received).toMatch(/^HTTP\/1\.1 408 /);
  });
});
