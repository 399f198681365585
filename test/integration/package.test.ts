// What `npm pack` would publish: the compiled program with all that it reads at run time.

import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { buildIfMissing } from '../support/program/cli-process.ts';
import { tempDir } from '../support/temp-dir.ts';

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '../..');

beforeAll(buildIfMissing);

/**
 * npm without a network, and without the settings, the cache and the home of the user who runs the
 * tests.
 */
async function npm(cwd: string, ...words: readonly string[]): Promise<string> {
  const home = tempDir();
  const own = { HOME: home, npm_config_cache: join(home, 'cache'), npm_config_userconfig: join(home, 'npmrc') };
  const env = { ...process.env, ...own, npm_config_offline: 'true', npm_config_audit: 'false', npm_config_fund: 'false' };
  // Without scripts: what was built is what is looked at.
  return (await run('npm', [...words, '--ignore-scripts'], { cwd, env })).stdout;
}

/** Packs what is in a directory. */
async function packed(from: string): Promise<string> {
  const directory = tempDir();
  const name = (await npm(from, 'pack', '--silent', '--pack-destination', directory)).trim();
  return join(directory, name);
}

describe('the package', () => {
  it('has the program, the files of its live page as they are in src, and no test', async () => {
    const stdout = await npm(ROOT, 'pack', '--dry-run', '--json');
    const [listed] = JSON.parse(stdout) as readonly { readonly files: readonly { readonly path: string }[] }[];
    const paths = new Set(listed?.files.map(({ path }) => path));
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

  it('installed for the whole machine has its command and its man page where they belong', { timeout: 90_000 }, async () => {
    const [unpacked, prefix] = [tempDir(), tempDir()];
    await run('tar', ['-xzf', await packed(ROOT), '-C', unpacked]);
    const directory = join(unpacked, 'package');
    const file = join(directory, 'package.json');
    const { dependencies: _, ...manifest } = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
    // There is no network: the dependencies are those of this checkout.
    writeFileSync(file, JSON.stringify(manifest));
    await npm(prefix, 'install', '--global', '--prefix', prefix, await packed(directory));
    symlinkSync(join(ROOT, 'node_modules'), join(prefix, 'lib/node_modules/fcgi-lb/node_modules'));

    const { stdout } = await run(join(prefix, 'bin/fcgi-lb'), ['--version']);
    expect(stdout).toContain(String(manifest['version']));
    expect(readFileSync(join(prefix, 'share/man/man1/fcgi-lb.1'), 'utf8')).toBe(
      readFileSync(join(ROOT, 'man/fcgi-lb.1'), 'utf8'),
    );
  });
});
