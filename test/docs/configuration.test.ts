// The documentation of the configuration file agrees with the program: the reference, the editor's
// schema, every file that is shown.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { Value } from 'typebox/value';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { editorSchema, withReference } from '../../scripts/config-reference.ts';
import { FILE_OPTIONS, SERVE_OPTIONS } from '../../src/cli/options/table.ts';
import { loadConfig } from '../../src/config/load.ts';
import { ConfigFileError } from '../../src/config/problem.ts';
import { hostOf, load } from '../support/parts/config-file.ts';

/** Files that examples take secrets from. */
const SECRETS = {
  '/etc/fcgi-lb/telegram.token': '123456:not-really-a-token',
  '/etc/fcgi-lb/webhook.authorization': 'Bearer not-really-a-password',
};

const ROOT = join(import.meta.dirname, '../..');
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const PAGES = ['README.md', ...readdirSync(join(ROOT, 'docs')).flatMap((name) => (name.endsWith('.md') ? [`docs/${name}`] : []))];

/** The blocks of one language in all pages, each with the text block that follows it. */
const BLOCKS = PAGES.flatMap((page) =>
  [...read(page).matchAll(/```yaml\n([\s\S]*?)```(?:[^`]*```text\n([\s\S]*?)```)?/g)].map(([, text = '', after = '']) => ({
    page,
    text,
    after,
  })),
);

interface Described {
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Described>>;
  readonly items?: Described;
  readonly additionalProperties?: false | Described;
  readonly anyOf?: readonly Described[];
}

const EDITOR_SCHEMA = JSON.parse(editorSchema()) as Described;

describe('the reference', () => {
  it('in docs/configuration.md is what the schema makes (npm run generate)', () => {
    const page = read('docs/configuration.md');
    expect(page).toBe(withReference(page));
  });

  it('for editors, config/schema.json, is what the schema makes (npm run generate)', () => {
    expect(read('config/schema.json')).toBe(editorSchema());
  });

  it('explains every key', () => {
    const silent: string[] = [];
    const look = (schema: Described, path: string): void => {
      for (const [key, child] of Object.entries(schema.properties ?? {})) {
        if ((child.description ?? '').length < 5) silent.push(`${path}.${key}`);
        look(child, `${path}.${key}`);
      }
      for (const child of [schema.items, schema.additionalProperties, ...(schema.anyOf ?? [])]) if (child) look(child, path);
    };
    look(EDITOR_SCHEMA, '');
    expect(silent).toEqual([]);
    expect(read('docs/configuration.md')).not.toMatch(/\| {2}\|$/m);
  });
});

describe('a file shown in the documentation', () => {
  it.each(BLOCKS.filter(({ text }) => !text.startsWith('# bad')))('can be served: $page $text', ({ text }) => {
    expect(load(text, SECRETS).settings.pools.length).toBeGreaterThan(0);
    expect(Value.Check(EDITOR_SCHEMA, parse(text))).toBe(true);
  });

  it.each(BLOCKS.filter(({ text }) => text.startsWith('# bad')))(
    'as bad is refused with the words shown: $page $text',
    ({ text, after }) => {
      const host = hostOf({ [`${process.cwd()}/fcgi-lb.yaml`]: text });
      let said = '';
      try {
        loadConfig('fcgi-lb.yaml', host);
      } catch (error) {
        if (error instanceof ConfigFileError) said = error.message;
      }
      expect(`${said}\n`).toBe(after);
    },
  );

  it('is there', () => {
    expect(BLOCKS.length).toBeGreaterThan(2);
    expect(BLOCKS.some(({ after }) => after !== '')).toBe(true);
  });
});

describe("the editor's schema", () => {
  const good = { upstreams: ['/run/a.sock'] };
  it.each(readdirSync(join(ROOT, 'config')).filter((name) => name.endsWith('.yaml')))('accepts config/%s', (name) => {
    expect(Value.Check(EDITOR_SCHEMA, parse(read(`config/${name}`)))).toBe(true);
  });

  it.each([
    [{ pools: { rt: { ...good, queue: { size: '${SIZE}', timeout: 30 }, max_conns: 'auto', keepalive: 'off' } } }, true],
    [{ pools: { rt: { ...good, queue: { sizee: 4 } } } }, false],
    [{ pools: { rt: {} } }, false],
    [{ pools: { rt: { ...good, queue: { timeout: 'soon' } } } }, false],
    [{ pools: { rt: { ...good, retry: { on: ['conect'] } } } }, false],
    [{ pools: { rt: { ...good, health: { uri: '/' } } } }, false],
    [{ routes: [{ path: 'x' }] }, false],
    [{ listen: 5 }, false],
  ])('holds of %j: %j', (file, expected) => {
    expect(Value.Check(EDITOR_SCHEMA, file)).toBe(expected);
  });

  it('accepts whatever the program accepts', () => {
    const duration = fc.constantFrom('30s', 5, '1.5m', '250ms', '${T:-4s}');
    const file = fc.record(
      {
        listen: fc.constantFrom('a:1', ['a:1', '/s'], 'unix:/s'),
        admin: fc.constantFrom('off', ['a:2'], '/admin'),
        shutdown_timeout: duration,
        upgrade_timeout: duration,
        temp_dir: fc.constantFrom('/tmp', '${T:-/tmp}'),
        client: fc.record({ max_header: fc.constantFrom('8k', 4096, '1KB'), keepalive: duration }, { requiredKeys: [] }),
        pools: fc.record({
          rt: fc.record(
            {
              upstreams: fc.constantFrom(
                ['/a'],
                ['/a', { address: 'b:1', weight: 2, down: true }],
                [{ address: '/a', backup: '${B:-true}' }],
              ),
              max_conns: fc.constantFrom('auto', 'unlimited', 4, '4'),
              keepalive: fc.constantFrom('off', '30s', 30),
              retry: fc.record(
                { on: fc.subarray(['connect', 'http_503']), budget: fc.constantFrom('20%', 0.2, 1) },
                { requiredKeys: [] },
              ),
              passive: fc.constantFrom('off', {}, { max_ejected: '50%' }),
              health: fc.constantFrom(
                'off',
                { probe: 'connect' },
                { probe: 'request', uri: '/', expect: { status: 200 } },
                { probe: 'request', uri: '/', expect: { status: ['2xx', 404], body: 'a' } },
              ),
              params: fc.constantFrom({}, { A: 1, B: true, C: '' }),
            },
            { requiredKeys: ['upstreams'] },
          ),
        }),
        alerts: fc.record(
          {
            after: duration,
            quiet: duration,
            reload: fc.constantFrom(true, 'false'),
            queue: fc.constantFrom('off', {}, { over: 5 }, { over: '50%' }),
            errors: fc.constantFrom('off', { share: 0.5, min_requests: '7' }),
            targets: fc.constantFrom(
              {},
              { a: { to: 'webhook', url: 'http://a.example/', only: ['pool'] }, b: { to: 'command', command: ['a', 1] } },
              { a: { to: 'telegram', chat: -1, token_file: '/etc/fcgi-lb/telegram.token' } },
            ),
          },
          { requiredKeys: ['targets'] },
        ),
        routes: fc.constantFrom(
          [{ pool: 'rt' }],
          [{ path: '/', pool: 'rt', root: '/srv', php: true, max_body: '1g', params: { A: 1 } }],
        ),
      },
      { requiredKeys: ['pools'] },
    );
    fc.assert(
      fc.property(file, (made) => {
        load(JSON.stringify(made), SECRETS);
        expect([...Value.Errors(EDITOR_SCHEMA, made)]).toEqual([]);
      }),
    );
  });
});

describe('the options beside a file', () => {
  it('are those that the documentation lists', () => {
    const paragraph = /These win over the file: ([\s\S]*?)\.\n/.exec(read('docs/configuration.md'))?.[1] ?? '';
    const listed = [...paragraph.matchAll(/`--([a-z-]+)`/g)].map(([, name]) => name);
    expect(listed.sort()).toEqual([...FILE_OPTIONS].sort());
  });

  it('are options', () => {
    const names: readonly string[] = SERVE_OPTIONS.map(({ name }) => name);
    expect(FILE_OPTIONS.filter((name) => !names.includes(name))).toEqual([]);
  });
});
