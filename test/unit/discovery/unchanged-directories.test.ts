// UnchangedDirectories: what was found is good as long as nothing in the directory can have
// changed, and not a moment longer.

import { mkdirSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { UnchangedDirectories } from '../../../src/discovery/unchanged-directories.ts';
import { tempDir } from '../../support/temp-dir.ts';

function settledDirectory(): { readonly path: string; readonly now: Date } {
  const path = join(tempDir(), 'run');
  mkdirSync(path);
  writeFileSync(join(path, 'a'), '');
  const now = new Date();
  // As if the latest change were long ago.
  utimesSync(path, now, new Date(now.getTime() - 60_000));
  return { path, now };
}

function remembered(): { readonly path: string; readonly known: UnchangedDirectories<string> } {
  const { path, now } = settledDirectory();
  const known = new UnchangedDirectories<string>();
  known.remember(path, statSync(path), now, 'a');
  expect(known.in(path, statSync(path))).toBe('a');
  return { path, known };
}

it.each<[string, (path: string) => void]>([
  ['a name comes', (path) => writeFileSync(join(path, 'b'), '')],
  ['a name goes', (path) => rmSync(join(path, 'a'))],
  [
    'a name is given to another file in one step',
    (path) => {
      writeFileSync(`${path}-new`, '');
      renameSync(`${path}-new`, join(path, 'a'));
    },
  ],
  [
    'it is another directory',
    (path) => {
      const { atime, mtime } = statSync(path);
      renameSync(path, `${path}-old`);
      mkdirSync(path);
      utimesSync(path, atime, mtime);
    },
  ],
])('is not taken for unchanged when %s', (_, change) => {
  const { path, known } = remembered();
  change(path);
  expect(known.in(path, statSync(path))).toBeUndefined();
});

it('does not remember what was read just after a change: another one may bear the same time', () => {
  const { path, now } = settledDirectory();
  const known = new UnchangedDirectories<string>();
  known.remember(path, statSync(path), now, 'a');
  utimesSync(path, now, new Date(now.getTime() - 1000));
  known.remember(path, statSync(path), now, 'b');
  expect(known.in(path, statSync(path))).toBeUndefined();
});

it('forgets what is of no interest any more', () => {
  const { path, known } = remembered();
  known.keep(new Map());
  expect(known.in(path, statSync(path))).toBeUndefined();
});
