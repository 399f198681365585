// Good configuration files to do damage to, and what must hold of whatever comes of them.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { registry } from '../../../src/app/registry.ts';
import { buildRouter } from '../../../src/app/routes.ts';
import { ConfigFileError, type Problem, type SourcePosition } from '../../../src/config/problem.ts';
import type { Settings } from '../../../src/config/settings.ts';
import { systemClock } from '../../../src/core/clock.ts';
import { Events } from '../../../src/core/events.ts';
import { Forwarder } from '../../../src/http/proxy/forwarder.ts';
import { ManagedPool } from '../../../src/roster/managed-pool.ts';
import { Occupancies } from '../../../src/upstream/slots/occupancy.ts';
import { type Environment, load } from '../parts/config-file.ts';

const ROOT = join(import.meta.dirname, '../../..');

/** A file that is there, for the checks and for what is built. */
const PAGE = join(ROOT, 'README.md');

/** Everything that a file can say, besides the files that are there to start from. */
export const FULL = `
include: d/*.yaml
listen: ["127.0.0.1:8080", "unix:/run/http.sock"]
admin: [127.0.0.1:9180, /run/admin.sock]
health_path: /up
trusted_proxies: [unix, 10.0.0.0/8, "fd00::/8"]
access_log: { to: "\${LOGS:-/var/log}/a.log", format: "$remote_addr $status" }
request_id: { header: X-Request-ID, trust: [unix, 10.0.0.0/8] }
admin_token_file: /etc/admin-token
log_level: info
log_format: json
temp_dir: /tmp
shutdown_timeout: 30s
upgrade_timeout: 60s
alerts:
  name: here
  after: 10s
  quiet: 5m
  group: 2s
  upstream: true
  pool: true
  reload: true
  queue: { over: 50% }
  errors: { share: 10%, window: 1m, min_requests: 20 }
  targets:
    hook: { to: webhook, url: "https://alerts.example/x", timeout: 10s, only: [reload] }
    other: { to: webhook, url_file: /etc/url, authorization_file: /etc/authorization }
    bot: { to: telegram, token_file: /etc/token, chat: "@c_channel", api: "https://api.telegram.org" }
    program: { to: command, command: [/bin/true] }
client: { max_header: 32k, header_timeout: 60s, body_timeout: 60s, send_timeout: 60s, keepalive: 75s }
pools:
  rt: &pool
    upstreams:
      - "/run/rt*.sock"
      - { address: "10.0.0.2:9000", weight: 2, max_conns: 8, backup: true, down: false, slow_start: 10s }
    balance: hash:$cookie_sid
    max_conns: auto
    queue: { size: 1024, timeout: &t 30s }
    timeouts: { connect: 5s, send: *t, read: *t, linger: 5m }
    keepalive: off
    retry: { on: [connect, busy, http_503], attempts: 3, non_idempotent: false, budget: 20% }
    passive: { max_fails: 3, fail_share: 50%, fail_timeout: 10s, max_ejection: 5m, on: [refused, http_5xx], max_ejected: 0.5 }
    health:
      probe: request
      uri: /ping
      params: { A: b }
      expect: { status: [200-299, 401], headers: { X-A: /^b+$/ }, body: pong }
      interval: 5s
      timeout: 2s
      rise: 2
      fall: 3
      when: idle
      wake: true
      method: HEAD
    fail_fast_after: 10s
    params: { HTTPS: on }
  php: *pool
  web:
    upstreams: [{ address: "http://10.0.0.3", backup: false }, "http+unix:/run/web*.sock"]
    balance: sticky:route
    sticky_secret_file: /etc/secret
    hand_over: false
    health: { probe: exec, command: [/bin/true, "\${HOME}"] }
routes:
  - { path: = /favicon.ico, respond: { status: 204, headers: { A: b }, body: "" } }
  - { path_regex: '\\.php(/|$)', root: /srv/www, split_path: '^(.+?\\.php)(/.*)$', index: index.php, pool: php }
  - { host: [a.example.org, "*.example.org"], path: /, final: true, method: [GET, POST], pool: rt, params: { B: $uri } }
  - { path_regex: ^/old/(.*), redirect: { to: /new/$1, status: 301 }, response_headers: { set: { C: d }, hide: [Server] } }
  - path: /web
    pool: web
    request_headers: { set: { X-Client: $remote_addr }, hide: [X-Secret] }
    strip_prefix: /web
    max_body: 10m
    max_response_head: 64k
    request_buffering: false
    response_buffering: true
  - { path: /app, pool: rt, php: true, root: /srv }
  - { path: /s/, static: /srv/s, strip_prefix: /s/, error_pages: { 404: ${PAGE}, 5xx: ${PAGE} } }
`;

export const SEEDS = [
  FULL,
  ...readdirSync(join(ROOT, 'config'))
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => readFileSync(join(ROOT, 'config', name), 'utf8')),
];

/** What is there besides the configuration. */
const FILES = {
  [PAGE]: '',
  '/etc/secret': 'sixteen bytes or more',
  '/etc/url': 'https://alerts.example/y',
  '/etc/authorization': 'Bearer x',
  '/etc/admin-token': '0123456789abcdef0123456789abcdef',
  '/etc/fcgi-lb/webhook.authorization': 'Bearer x',
  '/etc/fcgi-lb/telegram.token': '123456:ABCdefGHIjklMNOpqrSTUvwxYZ012345678',
  '/etc/token': '123456:ABCdefGHIjklMNOpqrSTUvwxYZ012345678',
};
const ENVIRONMENT = { HOME: '/root' };

/**
 * What is accepted can be built: whatever else may be wrong with it should have been said. Nothing
 * is opened yet.
 */
function build(settings: Settings): void {
  const quiet = (): void => undefined;
  const log = { debug: quiet, info: quiet, warn: quiet, error: quiet };
  const pools = settings.pools.map(
    (pool) =>
      new ManagedPool(
        pool,
        { clock: systemClock, log, events: new Events(), registry, occupancies: new Occupancies() },
        'secret',
      ),
  );
  buildRouter(settings, new Map(pools.map((pool) => [pool.settings.name, pool])), {
    version: 'test',
    forwarder: new Forwarder(),
    stopping: () => false,
  });
  for (const pool of pools) pool.destroy();
}

/**
 * Whatever comes of these files must be settings that can be built, or good messages. @returns the
 * latter
 */
export function examine(first: string, second = '{}', environment: Environment = ENVIRONMENT): readonly Problem[] {
  const texts: Readonly<Record<string, string>> = { 'f.yaml': first, 'd/1.yaml': second };
  try {
    const { settings } = load(first, { ...FILES, [`${process.cwd()}/d/1.yaml`]: second }, environment);
    build(settings);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigFileError)) throw error;
    const lines = error.message.split('\n');
    expect(lines.length).toBe(error.problems.length + 1);
    expect(lines.length).toBeGreaterThan(1);
    for (const line of lines.slice(0, -1)) expect(line).toMatch(/^(f|d\/1)\.yaml:\d+:\d+: \S/);
    for (const { place, message } of error.problems) {
      expect(message.trim().length).toBeGreaterThan(5);
      expectPlaceIn(texts[place.file] ?? '', place);
    }
    return error.problems;
  }
}

/** A place is one in the text, or just behind its end. */
function expectPlaceIn(text: string, { line, column }: SourcePosition): void {
  const lines = `${text}\n`.split('\n');
  expect(line).toBeGreaterThanOrEqual(1);
  expect(line).toBeLessThanOrEqual(lines.length);
  expect(column).toBeGreaterThanOrEqual(1);
  expect(column).toBeLessThanOrEqual((lines[line - 1] ?? '').length + 1);
}
