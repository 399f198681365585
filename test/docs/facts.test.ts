// What the documentation says of options and errors agrees with the program.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ALL_COMMANDS } from '../../src/cli/commands.ts';
import { helpText } from '../../src/cli/help.ts';
import { type Option, SERVE_OPTIONS } from '../../src/cli/options/table.ts';
import { FAILURES } from '../../src/core/errors.ts';

const ROOT = new URL('../../', import.meta.url).pathname;
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

const RETRY_WORDS = { unsent: 'always', idempotent: 'if repeatable', never: 'no' } as const;

describe('the documentation', () => {
  it('lists every error code once, with its status and whether the request is sent again', () => {
    const rows = [...read('docs/errors.md').matchAll(/^\| `(FCGI_LB_\w+)` \| (\S.*?) \| (.*?) \|/gm)].map(
      ([, code, status, again]) => ({ code, status, again }),
    );
    const expected = Object.entries(FAILURES).map(([code, { status, retry }]) => ({
      code,
      // The connection is cut in the middle of an answer that has a status already.
      status: code === 'FCGI_LB_CLIENT_STALLED' ? 'as sent' : String(status),
      again: RETRY_WORDS[retry],
    }));
    expect(rows).toEqual(expected);
  });

  it('names only options that exist', () => {
    const names = new Set(ALL_COMMANDS.flatMap(({ options }) => options.map(({ name }) => name)));
    const pages = [
      'README.md',
      ...readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
        .filter((name) => name.endsWith('.md'))
        .map((name) => `docs/${name}`),
    ];
    const unknown = pages
      .flatMap((page) => [...read(page).matchAll(/(?<![\w-])--([a-z][a-z-]+)/g)].map((match) => `${page}: --${match[1]}`))
      .filter((found) => !names.has(found.split('--')[1] ?? ''));
    expect(unknown).toEqual([]);
  });

  it('has every option in the help, with its default', () => {
    const help = helpText();
    for (const option of SERVE_OPTIONS as readonly Option[]) {
      expect(help).toContain(`--${option.name}`);
      if (option.preset !== undefined) expect(help).toContain(`(default: ${option.preset})`);
    }
  });

  it('links only to files that exist', () => {
    for (const page of ['README.md', 'docs/operating.md', 'docs/alerts.md', 'docs/decisions/README.md']) {
      for (const [, target] of read(page).matchAll(/\]\((?!https?:)([^)#]+)\)/g)) {
        const path = join(page, '..', target ?? '');
        expect(readdirSync(join(ROOT, path, '..'))).toContain(path.replace(/\/$/, '').split('/').at(-1));
      }
    }
  });

  it('names every dependency with its reason', () => {
    const manifest = JSON.parse(read('package.json')) as {
      dependencies: Record<string, string>;
      devDependencies: Record<string, string>;
    };
    const text = read('docs/dependencies.md');
    for (const name of [...Object.keys(manifest.dependencies), ...Object.keys(manifest.devDependencies)])
      expect(text).toContain(name);
  });
});
