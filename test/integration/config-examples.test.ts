// Every file in config/ serves, with sockets of the test's own in the place of those in /run.

import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ask } from '../support/clients/http-client.ts';
import { writeFiles } from '../support/program/config-files.ts';
import { startProxy } from '../support/program/proxy.ts';
import { answering, fakeWorker } from '../support/servers/fake-worker.ts';
import { tempDir } from '../support/temp-dir.ts';

const CONFIG = join(import.meta.dirname, '../../config');

interface Example {
  readonly sockets: readonly string[];
  /**
   * Requests, which socket (without its number) must get each, and a parameter that shows what the
   * file makes of it.
   */
  readonly requests: readonly (readonly [host: string, path: string, socket: string, name: string, value: string])[];
  /** Requests that are answered without a worker. */
  readonly answers?: readonly (readonly [host: string, path: string, status: number, body: string])[];
}

const HOST = 'a.example';
const FILES: Readonly<Record<string, Example>> = {
  'minimal.yaml': { sockets: ['app1.sock', 'app2.sock'], requests: [[HOST, '/a/b', 'app', 'PATH_INFO', '/a/b']] },
  'alerting.yaml': { sockets: ['app1.sock', 'app2.sock'], requests: [[HOST, '/a/b', 'app', 'PATH_INFO', '/a/b']] },
  'rt.yaml': {
    sockets: ['rt1.sock', 'rt2.sock'],
    requests: [
      [HOST, '/Ticket/Display.html', 'rt', 'SERVER_PORT', '443'],
      [HOST, '/Ticket/Display.html', 'rt', 'SCRIPT_NAME', ''],
    ],
    answers: [
      [HOST, '/static/css/a.css', 200, 'a {}'],
      [HOST, '/static/none', 404, '404 Not Found\n'],
    ],
  },
  'php-fpm.yaml': {
    sockets: ['php8.2-fpm.sock'],
    requests: [
      [HOST, '/a/b', 'php8.2-fpm', 'SCRIPT_FILENAME', 'SITE/index.php'],
      [HOST, '/a.php/b', 'php8.2-fpm', 'PATH_INFO', '/b'],
    ],
    answers: [
      [HOST, '/assets/a.css', 200, 'a {}'],
      [HOST, '/assets/a.php', 404, '404 Not Found\n'],
    ],
  },
  'many-pools.yaml': {
    sockets: ['rt1.sock', 'rt2.sock', 'php8.2-fpm.sock', 'api1.sock'],
    requests: [
      ['tickets.example.org', '/a.php', 'rt', 'SERVER_PORT', '443'],
      [HOST, '/a.php/b', 'php8.2-fpm', 'SCRIPT_FILENAME', 'SITE/a.php'],
      [HOST, '/news', 'php8.2-fpm', 'SCRIPT_FILENAME', 'SITE/index.php'],
      [HOST, '/news', 'php8.2-fpm', 'SITE', HOST],
      [HOST, '/api/v1.php', 'api', 'SCRIPT_NAME', '/api'],
      [HOST, '/api/v1.php', 'api', 'PATH_INFO', '/v1.php'],
      [HOST, '/api/v1.php', 'api', 'HTTP_X_REAL_IP', 'unix:'],
    ],
    answers: [
      [HOST, '/ping', 200, 'pong\n'],
      [HOST, '/images/a.css', 200, 'a {}'],
      ['www.example.org', '/x', 301, '301 Moved Permanently\n'],
    ],
  },
};

describe('config/', () => {
  it('has no file that this test does not know', () => {
    const names = readdirSync(CONFIG).filter((name) => name.endsWith('.yaml'));
    expect(names.sort()).toEqual(Object.keys(FILES).sort());
  });

  it.each(Object.entries(FILES))('%s serves from all its sockets', async (file, { sockets, requests, answers = [] }) => {
    const directory = tempDir();
    mkdirSync(join(directory, 'run'));
    writeFiles({ 'site/assets/a.css': 'a {}', 'site/images/a.css': 'a {}', 'site/css/a.css': 'a {}' }, directory);
    const site = join(directory, 'site');
    const used = new Set<string>();
    let last: readonly [socket: string, params: ReadonlyMap<string, string>] | undefined;
    for (const socket of sockets) {
      const handler = (reply: Parameters<ReturnType<typeof answering>>[0]) => {
        used.add(socket);
        last = [socket, reply.request.params];
        return answering('fine')(reply);
      };
      await fakeWorker(handler, { path: join(directory, 'run', socket) });
    }
    for (const [name, text] of Object.entries({
      'telegram.token': '123456:not-really-a-token',
      'webhook.authorization': 'Bearer x',
    }))
      writeFileSync(join(directory, name), text, { mode: 0o600 });
    const environment = { SECRETS: directory, SOCKETS: join(directory, 'run'), SITE: site, RT_STATIC: site };
    Object.assign(process.env, environment);
    onTestFinished(() => {
      for (const name of Object.keys(environment)) delete process.env[name];
    });
    const proxy = await startProxy(['--config', join(CONFIG, file)]);
    for (const [host, path, socket, name, value] of requests) {
      // One at a time to each idle upstream in turn: least-conn takes the one that has waited
      // longest.
      for (const _ of sockets) {
        expect((await ask(proxy.path, { path, headers: { Host: host } })).body.toString()).toBe('fine');
        expect([last?.[0].replace(/\d?\.sock$/, ''), last?.[1].get(name)]).toEqual([socket, value.replace('SITE', site)]);
      }
    }
    for (const [host, path, status, body] of answers) {
      const answer = await ask(proxy.path, { path, headers: { Host: host } });
      expect([path, answer.status, answer.body.toString()]).toEqual([path, status, body]);
    }
    expect([...used].sort()).toEqual([...sockets].sort());
  });
});
