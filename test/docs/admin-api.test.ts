// docs/admin-api.md names every route of the admin listener, and each that it names answers as it
// says.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fastify } from 'fastify';
import { beforeAll, describe, expect, it } from 'vitest';
import { Feed } from '../../src/admin/feed.ts';
import { LivePage } from '../../src/admin/live-page.ts';
import { type AdminFacts, addRoutes } from '../../src/admin/routes.ts';
import { Events } from '../../src/core/events.ts';
import { ask, testClient } from '../support/clients/http-client.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { buildIfMissing, startCli } from '../support/program/cli-process.ts';
import { answering, fakeWorker } from '../support/servers/fake-worker.ts';
import { freePort } from '../support/servers/free-port.ts';
import { tempDir } from '../support/temp-dir.ts';

beforeAll(buildIfMissing);

const PAGE = readFileSync(join(import.meta.dirname, '../../docs/admin-api.md'), 'utf8');
const TOKEN = 'a-token-that-is-long-enough';

interface Documented {
  readonly method: string;
  readonly path: string;
  readonly who: string;
  readonly body: string;
  readonly codes: readonly number[];
  /** Fields of the JSON answer; none where the page points elsewhere. */
  readonly fields: readonly string[];
}

function rowsOf(heading: string): readonly (readonly string[])[] {
  const [, section = ''] = PAGE.split(`\n## ${heading}\n`);
  const lines =
    section
      .split('\n## ')[0]
      ?.split('\n')
      .filter((line) => line.startsWith('| ')) ?? [];
  return lines.slice(1).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

function wordsIn(cell: string): readonly string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map(([, word = '']) => word);
}

const ROUTES: readonly Documented[] = rowsOf('Paths').map(
  ([method = '', path = '', who = '', body = '', codes = '', answer = '']) => ({
    method: wordsIn(method)[0] ?? '',
    path: wordsIn(path)[0] ?? '',
    who,
    body: wordsIn(body)[0] ?? '',
    codes: codes.split(', ').map(Number),
    fields: wordsIn(answer),
  }),
);

/** The routes that the program adds, with the words of the page for what is variable in a path. */
async function routesThatExist(): Promise<readonly string[]> {
  const app = fastify();
  const found: string[] = [];
  app.addHook('onRoute', ({ method, url }) => void found.push(`${String(method)} ${url}`));
  addRoutes(app, {} as AdminFacts, () => ({ by: 'a test' }));
  const status = () => {
    throw new Error('no page is open');
  };
  new LivePage(new Feed(status, new Events(), new FakeClock())).attach(app);
  await app.ready();
  return found.map((route) => route.replace(/:(\w+)/g, (_, name: string) => name.toUpperCase()));
}

/** A program with one upstream, a target of alerts, and a token, on a unix socket and TCP. */
async function running() {
  const directory = tempDir();
  await fakeWorker(answering('fine'), { path: join(directory, 'rt1.sock') });
  const [admin, port, file, token] = [
    join(directory, 'a.sock'),
    await freePort(),
    join(directory, 'f.yaml'),
    join(directory, 't'),
  ];
  writeFileSync(token, `${TOKEN}\n`, { mode: 0o600 });
  writeFileSync(
    file,
    `listen: ${directory}/http.sock\nadmin: [${admin}, '127.0.0.1:${port}']\nadmin_token_file: ${token}\n` +
      `pools: { rt: { upstreams: ['${directory}/rt1.sock'] } }\n` +
      `alerts: { targets: { a: { to: command, command: ['true'] } } }\n`,
  );
  const cli = startCli(['--config', file, '--log-format', 'json']);
  await cli.says('listening on');
  const path = (route: string): string => route.replace('POOL', 'rt').replace('UPSTREAM', 'rt1.sock').replace('NAME', 'main.js');
  return { admin, tcp: { port }, path };
}

describe('docs/admin-api.md', () => {
  it('names every route, once, and no other', async () => {
    const documented = ROUTES.map(({ method, path }) => `${method} ${path}`);
    const existing = await routesThatExist();
    const heads = ROUTES.filter(({ method, path }) => method === 'GET' && path !== '/events').map(({ path }) => `HEAD ${path}`);
    expect(documented.length).toBeGreaterThan(15);
    expect([...documented, ...heads].sort()).toEqual([...existing].sort());
  });

  it('says of each route which codes it answers with, and which fields', async () => {
    const { admin, path } = await running();
    // The upgrade comes last: after it another process answers.
    for (const { method, path: route, body, codes, fields } of ROUTES.toSorted((a, b) => rank(a) - rank(b))) {
      if (route === '/events') {
        const client = testClient(admin);
        client.write('GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n');
        await client.until((received) => received.includes('event: all'));
        client.socket.destroy();
        continue;
      }
      const headers = body === '' ? {} : { 'Content-Type': 'application/json' };
      const answer = await ask(admin, { method, path: path(route), headers: { Host: 'localhost', ...headers }, body });
      expect([route, answer.status]).toEqual([route, codes[0]]);
      if (fields.length > 0) expect([route, keysOf(answer.body)]).toEqual([route, [...fields].sort()]);
      if (!codes.includes(404)) continue;
      const wrong = route.replace(/UPSTREAM|NAME/, 'none');
      const unknown = await ask(admin, { method, path: path(wrong), headers: { Host: 'localhost', ...headers }, body });
      expect([wrong, unknown.status, keysOf(unknown.body)]).toEqual([wrong, 404, ['error']]);
    }
  }, 60_000);

  it('says of each route whether it wants the token over TCP', async () => {
    const { tcp, path } = await running();
    for (const { method, path: route, who, body } of ROUTES) {
      if (route === '/events') continue;
      const { status } = await ask(tcp, { method, path: path(route), headers: { Host: 'localhost' }, body });
      expect([route, who === 'change', status === 401]).toEqual([route, who === 'change', who === 'change']);
    }
    const right = { Host: 'localhost', Authorization: `Bearer ${TOKEN}` };
    const drained = await ask(tcp, { method: 'POST', path: '/upstreams/rt1.sock/drain', headers: right });
    expect(drained.status).toBe(200);
  });

  it('says with which codes a wrong request is answered', async () => {
    const { admin, tcp } = await running();
    const json = { 'Content-Type': 'application/json' };
    const weight = '/upstreams/rt1.sock/weight';
    const cases: readonly (readonly [number, typeof admin | typeof tcp, string, string, Record<string, string>, string])[] = [
      [400, admin, 'POST', weight, json, '{"weight":'],
      [400, admin, 'POST', weight, json, '{"weight": 0}'],
      [401, tcp, 'POST', '/reload', {}, ''],
      [403, admin, 'POST', '/reload', { Origin: 'https://example.com' }, ''],
      [403, tcp, 'GET', '/status', { Host: 'example.com' }, ''],
      [404, admin, 'POST', '/nothing', {}, ''],
      [404, admin, 'POST', '/upstreams/rt1.sock/drain?pool=php', {}, ''],
      [413, admin, 'POST', weight, json, `{"weight": 1, "x": "${'y'.repeat(4096)}"}`],
      [415, admin, 'POST', weight, { 'Content-Type': 'application/xml' }, '<weight/>'],
    ];
    for (const [code, where, method, path, headers, body] of cases) {
      const answer = await ask(where, { method, path, headers: { Host: 'localhost', ...headers }, body });
      expect([path, body, answer.status]).toEqual([path, body, code]);
      expect(keysOf(answer.body)).toContain('error');
    }
    expect(rowsOf('Errors').map(([code]) => Number(code))).toEqual([...new Set(cases.map(([code]) => code))]);
  });
});

function rank({ path }: Documented): number {
  return path === '/upgrade' ? 1 : 0;
}

function keysOf(body: Buffer): readonly string[] {
  return Object.keys(JSON.parse(body.toString()) as object).sort();
}
