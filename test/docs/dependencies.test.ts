// docs/dependencies.md lists the packages of package.json, all of them and no others, each with the
// licence that it has.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const PAGE = readFileSync(join(ROOT, 'docs/dependencies.md'), 'utf8');

interface Manifest {
  readonly license?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const manifestOf = (folder: string): Manifest => JSON.parse(readFileSync(join(ROOT, folder, 'package.json'), 'utf8')) as Manifest;

/** The rows of the table under a heading, but for its head: name, licence, reason. */
function rowsUnder(heading: string): readonly (readonly string[])[] {
  const section = PAGE.split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';
  const rows = [...section.matchAll(/^\| (.*) \|$/gm)].map(([, cells = '']) => cells.split(' | '));
  return rows.slice(1);
}

const { dependencies = {}, optionalDependencies = {}, devDependencies = {} } = manifestOf('.');

describe.each([
  ['At run time', { ...dependencies, ...optionalDependencies }],
  ['For development', devDependencies],
] as const)('docs/dependencies.md, "%s"', (heading, packages) => {
  const rows = rowsUnder(heading);

  it('lists the packages of package.json, each once and in order', () => {
    expect(rows.map(([name]) => name)).toEqual(Object.keys(packages).sort());
  });

  it('names the licence that each package has, and a reason', () => {
    for (const [name = '', licence, reason = ''] of rows) {
      expect(`${name}: ${licence}`).toBe(`${name}: ${manifestOf(`node_modules/${name}`).license}`);
      expect(reason.length, name).toBeGreaterThan(10);
    }
  });
});
