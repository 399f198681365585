// The man page is what the tables of the commands make, has all of them, and is one that the tools
// for man pages take without a word.

import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { manPage } from '../../scripts/man-page.ts';
import { usageOf, written } from '../../src/cli/command.ts';
import { ALL_COMMANDS } from '../../src/cli/commands.ts';
import { itWith } from '../support/program/programs.ts';

const ROOT = join(import.meta.dirname, '../..');
const PAGE = join(ROOT, 'man/fcgi-lb.1');
const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  version: string;
  man: string[];
  files: string[];
};

/** The page as it is read, in lines as long as they come. */
function rendered(): string {
  const text = execFileSync('groff', ['-man', '-Tutf8', '-P-cbou', '-rLL=1000n', PAGE], { encoding: 'utf8' });
  return text.replace(/ +/g, ' ').replaceAll('−', '-').replaceAll('‐', '-');
}

describe('the man page', () => {
  it('is what the tables make (npm run generate)', () => {
    expect(readFileSync(PAGE, 'utf8')).toBe(manPage(manifest.version));
  });

  it('comes with the package', () => {
    expect(manifest.man).toEqual(['man/fcgi-lb.1']);
    expect(existsSync(PAGE)).toBe(true);
    expect(manifest.files).toContain('man');
  });

  itWith('groff')('has every command with its usage, options, words and exit codes, as one reads it', () => {
    const text = rendered();
    for (const command of ALL_COMMANDS) {
      for (const line of usageOf(command)) expect(text).toContain(line);
      for (const option of command.options) expect(text).toContain(` ${written(option)}`);
      if (command.name === 'serve') continue;
      for (const line of command.about) expect(text).toContain(line);
      expect(text).toContain(`Exit status: ${command.exit}`);
    }
    for (const heading of ['SIGNALS', 'EXIT STATUS', 'FILES', 'ENVIRONMENT', 'EXAMPLES'])
      expect(text).toMatch(new RegExp(`^${heading}$`, 'm'));
    for (const signal of ['TERM, INT, QUIT', 'HUP', 'USR1', 'USR2']) expect(text).toContain(`\n ${signal}`);
  });

  itWith('groff')('gives groff nothing to warn of', () => {
    const { stderr, status } = spawnSync('groff', ['-man', '-ww', '-z', '-Kutf8', PAGE], { encoding: 'utf8' });
    expect([status, stderr]).toEqual([0, '']);
  });

  itWith('mandoc')('gives mandoc nothing to find fault with, style included', () => {
    const { stdout, status } = spawnSync('mandoc', ['-Tlint', '-Wstyle', PAGE], { encoding: 'utf8' });
    expect([status, stdout]).toEqual([0, '']);
  });
});
