// What `npm pack` would publish: the compiled program with all that it reads at run time.

import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '../..');

describe('the package', () => {
  it('has the program, the files of its live page as they are in src, and no test', async () => {
    // Without scripts: what was built is what is looked at.
    const { stdout } = await run('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { cwd: ROOT });
    const [packed] = JSON.parse(stdout) as readonly { readonly files: readonly { readonly path: string }[] }[];
    const paths = new Set(packed?.files.map(({ path }) => path));
    expect(paths).toContain('dist/cli/main.js');
    const page = readdirSync(join(ROOT, 'src/admin/page'));
    expect(page).toContain('page.html');
    for (const name of page) {
      expect(paths).toContain(`dist/admin/page/${name}`);
      const [built, source] = ['dist', 'src'].map((directory) => readFileSync(join(ROOT, directory, 'admin/page', name), 'utf8'));
      expect(built).toBe(source);
    }
    expect([...paths].filter((path) => /^(?:test|src)\/|buildinfo/.test(path))).toEqual([]);
  });
});
