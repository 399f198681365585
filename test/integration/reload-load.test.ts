// Reloads without end under load, and sockets that come and go: nothing fails, no worker gets two
// requests, nothing is left behind. `npm run bench -- reload` does the same for longer, with real
// workers.

import { readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { AdminClient } from '../../src/admin/client.ts';
import type { Status } from '../../src/admin/status.ts';
import { unixAddress } from '../../src/core/address.ts';
import { ask } from '../support/clients/http-client.ts';
import { eventually } from '../support/eventually.ts';
import { buildIfMissing, startCli } from '../support/program/cli-process.ts';
import { answer, fakeWorker } from '../support/servers/fake-worker.ts';
import { tempDir } from '../support/temp-dir.ts';

beforeAll(buildIfMissing);

const RELOADS = 40;
const WORKERS = 4;

/** Workers that take one request at a time, and note when they were given two. */
async function workersIn(directory: string) {
  const doubled: string[] = [];
  const paths = Array.from({ length: WORKERS }, (_, i) => join(directory, `rt${i}.sock`));
  for (const path of paths) {
    let running = 0;
    const handler = async (reply: Parameters<Parameters<typeof fakeWorker>[0]>[0]): Promise<void> => {
      running += 1;
      const uri = reply.request.params.get('REQUEST_URI') ?? '';
      if (running > 1) doubled.push(`${path} ${uri}`);
      await delay(Number(/\d+$/.exec(uri)?.[0]));
      running -= 1;
      answer(reply, 'done');
    };
    await fakeWorker(handler, { path, single: false, maxConns: 1 });
  }
  return { paths, doubled };
}

async function served() {
  const directory = tempDir();
  const { paths, doubled } = await workersIn(directory);
  const file = join(directory, 'f.yaml');
  const http = join(directory, 'http.sock');
  const admin = join(directory, 'admin.sock');
  const write = (pools: string, listen = http): void =>
    writeFileSync(file, `listen: [${listen}]\nadmin: ${admin}\naccess_log: off\npools:\n  rt: ${pools}\n`);
  write(`{ upstreams: ["${directory}/rt*.sock"], max_conns: 1 }`);
  const cli = startCli(['--config', file, '--log-level', 'warn', '--log-format', 'json']);
  await eventually(async () => expect((await ask(http, { path: '/1' })).status).toBe(200));
  const client = new AdminClient([unixAddress(admin)], 'a test');
  const status = async (): Promise<Status> => (await client.ask('GET', '/status')).body as Status;
  const { pid } = await status();
  const descriptors = (): number => readdirSync(`/proc/${pid}/fd`).length;
  return { cli, directory, paths, doubled, http, write, client, status, descriptors };
}

/**
 * Sends requests, some of them long ones and some POST, until told to stop; returns the statuses of
 * those that did not succeed.
 */
function load(http: string): { readonly stop: () => Promise<{ readonly sent: number; readonly failed: readonly string[] }> } {
  const answers: Promise<string>[] = [];
  const timer = setInterval(() => {
    const i = answers.length;
    const path = i % 40 === 0 ? '/long/700' : '/short/10';
    const what = i % 7 === 0 ? { method: 'POST', body: 'x' } : {};
    answers.push(
      ask(http, { path, ...what }).then(
        ({ status, complete }) => (status === 200 && complete ? '' : `${path}: ${status}`),
        (error: unknown) => `${path}: ${String(error)}`,
      ),
    );
  }, 12);
  onTestFinished(() => clearInterval(timer));
  return {
    stop: async () => {
      clearInterval(timer);
      const ends = await Promise.all(answers);
      return { sent: ends.length, failed: ends.filter((end) => end !== '') };
    },
  };
}

/** What the operator might write next: always served by somebody, never twice the same. */
function variant(i: number, directory: string, paths: readonly string[]): { readonly pool: string; readonly extra: boolean } {
  const without = paths.filter((_, index) => index !== i % WORKERS);
  const upstreams = [
    `"${directory}/rt*.sock"`,
    paths.join(', '),
    without.join(', '),
    paths.map((path, index) => `{ address: ${path}, weight: ${1 + ((i + index) % 3)} }`).join(', '),
    `"${directory}/rt[0-2].sock", ${paths.at(-1)}`,
  ][i % 5];
  const more = [
    'balance: first',
    'balance: round-robin, passive: off',
    'health: { probe: connect, interval: 50ms }',
    'timeouts: { connect: 2s, read: 9s }',
    'balance: sticky:s',
    'keepalive: 5s',
    'hand_over: false',
  ][i % 7];
  return { pool: `{ upstreams: [${upstreams}], max_conns: 1, queue: { size: ${500 + i} }, ${more} }`, extra: i % 2 === 0 };
}

describe('under load', () => {
  it('reloads of all kinds, one after the other, fail no request, leave nothing open and leave the slots right', async () => {
    const { directory, paths, doubled, http, write, client, status, descriptors } = await served();
    const before = descriptors();
    const running = load(http);
    for (let i = 0; i < RELOADS; i += 1) {
      const { pool, extra } = variant(i, directory, paths);
      write(pool, extra ? `${http}, ${directory}/extra${i % 3}.sock` : http);
      expect((await client.ask('POST', '/reload')).body).toMatchObject({ result: 'good', generation: i + 2 });
      await delay(60);
    }
    write(`{ upstreams: ["${directory}/rt*.sock"], max_conns: 1 }`);
    await client.ask('POST', '/reload');
    const { sent, failed } = await running.stop();
    expect([failed, doubled]).toEqual([[], []]);
    expect(sent).toBeGreaterThan(RELOADS);
    await eventually(async () => {
      const { pools } = await status();
      expect(pools.map(({ leaving, queue }) => [leaving, queue.waiting])).toEqual([[false, 0]]);
      expect(
        pools[0]?.upstreams
          .map(({ name, leaving, state, capacity, in_flight }) => [name, leaving, state.is, capacity, in_flight])
          .sort(),
      ).toEqual(paths.map((path) => [path, false, 'up', 1, 0]));
    });
    await eventually(() => expect(descriptors()).toBeLessThanOrEqual(before));
    expect(readdirSync(directory).filter((name) => name.startsWith('extra'))).toEqual([]);
  });

  it('sockets that leave the glob and come back while it is reloaded fail no request and leave the slots right', async () => {
    const { directory, paths, doubled, http, write, client, status, descriptors } = await served();
    const before = descriptors();
    const running = load(http);
    for (let i = 0; i < RELOADS; i += 1) {
      const path = paths[i % WORKERS] ?? '';
      renameSync(path, join(directory, 'gone'));
      if (i % 4 === 0) {
        write(`{ upstreams: ["${directory}/rt*.sock"], max_conns: 1, queue: { size: ${500 + i} } }`);
        await client.ask('POST', '/reload');
      }
      await delay(50);
      renameSync(join(directory, 'gone'), path);
      await delay(20);
    }
    expect([(await running.stop()).failed, doubled]).toEqual([[], []]);
    await eventually(async () => {
      const { pools } = await status();
      expect(pools[0]?.upstreams.map(({ name, leaving, in_flight }) => [name, leaving, in_flight]).sort()).toEqual(
        paths.map((path) => [path, false, 0]),
      );
    });
    await eventually(() => expect(descriptors()).toBeLessThanOrEqual(before));
  });
});
