// Good configuration files with random damage: checking them never crashes, and never refuses one without saying where and why.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LivingPool } from '../../src/app/living-pool.ts';
import { buildRouter } from '../../src/app/routes.ts';
import { ConfigFileError } from '../../src/config/file/problem.ts';
import type { Settings } from '../../src/config/settings.ts';
import { systemClock } from '../../src/core/clock.ts';
import { Events } from '../../src/core/events.ts';
import { Forwarder } from '../../src/http/forwarder.ts';
import { Occupancies } from '../../src/upstream/occupancy.ts';
import { load } from '../unit/support/config-file.ts';

const ROOT = join(import.meta.dirname, '../..');

/** A file that is there, for the checks and for what is built. */
const PAGE = join(ROOT, 'README.md');

/** Everything that a file can say, besides the files that are there to start from. */
const FULL = `
include: d/*.yaml
listen: ["127.0.0.1:8080", "unix:/run/http.sock"]
admin: [127.0.0.1:9180, /run/admin.sock]
access_log: "\${LOGS:-/var/log}/a.log"
log_level: info
log_format: json
temp_dir: /tmp
shutdown_timeout: 30s
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
    passive: { max_fails: 3, fail_timeout: 10s, max_ejection: 5m, on: [refused, http_5xx], max_ejected: 0.5 }
    health:
      probe: request
      uri: /ping
      params: { A: b }
      expect: { status: [200-299, 401], headers: { X-A: /^b+$/ }, body: pong }
      interval: 5s
    fail_fast_after: 10s
    params: { HTTPS: on }
  php: *pool
routes:
  - { path: = /favicon.ico, respond: { status: 204, headers: { A: b }, body: "" } }
  - { path_regex: '\\.php(/|$)', root: /srv/www, split_path: '^(.+?\\.php)(/.*)$', index: index.php, pool: php }
  - { host: [a.example.org, "*.example.org"], path: /, final: true, method: [GET, POST], pool: rt, params: { B: $uri } }
  - { path_regex: ^/old/(.*), redirect: { to: /new/$1, status: 301 }, response_headers: { set: { C: d }, hide: [Server] } }
  - { path: /s/, static: /srv/s, strip_prefix: /s/, error_pages: { 404: ${PAGE}, 5xx: ${PAGE} } }
`;

const SEEDS = [
  FULL,
  ...readdirSync(join(ROOT, 'config'))
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => readFileSync(join(ROOT, 'config', name), 'utf8')),
];

/** Pieces that mean something to YAML, to variables, or to one of the values. */
const PIECE = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      ...':,[]{}&*!|>\'"%@`#-?~<\n\t $\0\u2028'.split(''),
      '<<',
      '${',
      '}',
      '\r\n',
      '---\n',
      '...',
      '&t',
      '*t',
      '*pool',
      '!!binary ',
      '? ',
    ),
  },
  fc.constantFrom(
    '0',
    '-1',
    '9999999999',
    '1e999',
    '.nan',
    '0x',
    '30s',
    '200%',
    'null',
    'off',
    'true',
    '__proto__: ',
    'constructor',
    '/',
    '//',
    '(',
    '**',
    'unix:',
  ),
  fc.constantFrom(
    'pools:\n',
    '  rt:\n',
    'upstreams: ',
    'routes: ',
    'include: f.yaml\n',
    'include: [d/1.yaml]\n',
    '${HOME}',
    '${NONE}',
    '${A:-b}',
  ),
  fc.string({ unit: 'binary', maxLength: 4 }),
);

type Damage =
  | { readonly kind: 'insert'; readonly at: number; readonly piece: string }
  | { readonly kind: 'delete'; readonly at: number; readonly length: number }
  | { readonly kind: 'replace'; readonly at: number; readonly piece: string }
  | { readonly kind: 'copy'; readonly from: number; readonly length: number; readonly at: number }
  | { readonly kind: 'swap lines'; readonly a: number; readonly b: number };

const place = fc.nat({ max: 4000 });
const DAMAGE: fc.Arbitrary<Damage> = fc.oneof(
  fc.record({ kind: fc.constant('insert' as const), at: place, piece: PIECE }),
  fc.record({ kind: fc.constant('delete' as const), at: place, length: fc.integer({ min: 1, max: 40 }) }),
  fc.record({ kind: fc.constant('replace' as const), at: place, piece: PIECE }),
  fc.record({ kind: fc.constant('copy' as const), from: place, length: fc.integer({ min: 1, max: 80 }), at: place }),
  fc.record({ kind: fc.constant('swap lines' as const), a: place, b: place }),
);

function damaged(text: string, damage: Damage): string {
  const at = (position: number): number => position % (text.length + 1);
  switch (damage.kind) {
    case 'insert':
      return text.slice(0, at(damage.at)) + damage.piece + text.slice(at(damage.at));
    case 'delete':
      return text.slice(0, at(damage.at)) + text.slice(at(damage.at) + damage.length);
    case 'replace':
      return text.slice(0, at(damage.at)) + damage.piece + text.slice(at(damage.at) + damage.piece.length);
    case 'copy': {
      const copied = text.slice(at(damage.from), at(damage.from) + damage.length);
      return text.slice(0, at(damage.at)) + copied + text.slice(at(damage.at));
    }
    case 'swap lines': {
      const lines = text.split('\n');
      const [a, b] = [damage.a % lines.length, damage.b % lines.length];
      return lines.map((line, index) => (index === a ? (lines[b] ?? '') : index === b ? (lines[a] ?? '') : line)).join('\n');
    }
  }
}

/** What is accepted can be built: whatever else may be wrong with it should have been said. Nothing is opened yet. */
function build(settings: Settings): void {
  const quiet = (): void => undefined;
  const log = { debug: quiet, info: quiet, warn: quiet, error: quiet };
  const pools = settings.pools.map(
    (pool) => new LivingPool(pool, { clock: systemClock, log, events: new Events(), occupancies: new Occupancies() }, 'secret'),
  );
  buildRouter(settings, new Map(pools.map((pool) => [pool.settings.name, pool])), {
    version: 'test',
    forwarder: new Forwarder(),
    stopping: () => false,
  });
  for (const pool of pools) pool.destroy();
}

/** Loads a text as a file, and as one that another includes; whatever comes of it must be settings or good messages. */
function examine(text: string): 'good' | 'bad' {
  let outcome: 'good' | 'bad' = 'good';
  for (const [first, files] of [
    [text, { [`${process.cwd()}/d/1.yaml`]: '{}', [PAGE]: '' }],
    ['include: d/1.yaml\n', { [`${process.cwd()}/d/1.yaml`]: text, [PAGE]: '' }],
  ] as const) {
    try {
      const { settings } = load(first, files, { HOME: '/root' });
      build(settings);
    } catch (error) {
      if (!(error instanceof ConfigFileError)) throw error;
      outcome = 'bad';
      const lines = error.message.split('\n');
      expect(lines.length).toBe(error.problems.length + 1);
      expect(lines.length).toBeGreaterThan(1);
      for (const { place: where, message } of error.problems) {
        expect(where.line).toBeGreaterThanOrEqual(1);
        expect(where.column).toBeGreaterThanOrEqual(1);
        expect(message.trim().length).toBeGreaterThan(5);
      }
      for (const line of lines.slice(0, -1)) expect(line).toMatch(/^(f|d\/1)\.yaml:\d+:\d+: \S/);
    }
  }
  return outcome;
}

describe('a configuration file with damage', { timeout: 60_000 }, () => {
  it('was a good one before', () => {
    const world = { HOME: '/root' };
    for (const seed of SEEDS)
      expect(load(seed, { [`${process.cwd()}/d/1.yaml`]: '{}', [PAGE]: '' }, world).settings).toBeDefined();
  });

  it('is served or refused, and a refusal says where and why', () => {
    const outcomes = { good: 0, bad: 0 };
    fc.assert(
      fc.property(fc.constantFrom(...SEEDS), fc.array(DAMAGE, { minLength: 1, maxLength: 6 }), (seed, damages) => {
        outcomes[examine(damages.reduce(damaged, seed))] += 1;
      }),
      { numRuns: 300 },
    );
    // Damage that is too small or too great would show nothing.
    expect(outcomes.good).toBeGreaterThan(0);
    expect(outcomes.bad).toBeGreaterThan(100);
  });

  it('may be any text at all', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary' }),
          fc.array(PIECE, { maxLength: 30 }).map((pieces) => pieces.join('')),
        ),
        (text) => {
          examine(text);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('may be any JSON, at any of the keys', () => {
    const key = fc.constantFrom(
      'pools',
      'rt',
      'routes',
      'upstreams',
      'queue',
      'retry',
      'on',
      'health',
      'expect',
      'status',
      'params',
      'include',
      'listen',
      'path',
      'x',
    );
    const { tree } = fc.letrec((tie) => ({
      leaf: fc.oneof(
        fc.constant(null),
        fc.boolean(),
        fc.double(),
        fc.string(),
        fc.constantFrom('/a.sock', 'rt', '30s', '${A', 'off'),
      ),
      tree: fc.oneof(
        { maxDepth: 5, withCrossShrink: true },
        tie('leaf'),
        fc.array(tie('tree'), { maxLength: 3 }),
        fc.dictionary(key, tie('tree'), { maxKeys: 4 }),
      ),
    }));
    fc.assert(
      fc.property(fc.dictionary(key, tree, { minKeys: 1 }), (file) => {
        examine(JSON.stringify(file));
      }),
      { numRuns: 300 },
    );
  });
});
