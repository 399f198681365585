// A glob of socket paths, taken apart into one matcher for each directory level.

import picomatch from 'picomatch';
import { ConfigError } from './errors.ts';

/** A level that is one fixed name, or one that a directory listing must be matched against. */
export type GlobLevel =
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'match'; readonly matches: (name: string) => boolean };

const MAGIC = /[*?[\]{}()!]/;

/** Whether the text is a glob rather than a plain path. */
export function isGlob(text: string): boolean {
  return MAGIC.test(text);
}

/** The levels of an absolute path, whatever characters are in it. */
export function pathLevels(path: string): readonly GlobLevel[] {
  return path.split('/').flatMap((name) => (name === '' ? [] : [{ kind: 'name' as const, name }]));
}

/**
 * The levels of an absolute glob, from the root down. `*`, `?`, `[a-z]` and `{a,b}` stand for parts
 * of one name.
 * @throws ConfigError for `**`, which would mean to watch a whole tree, and for braces that span
 *   directories
 */
export function parseGlob(pattern: string): readonly GlobLevel[] {
  if (!pattern.startsWith('/')) throw new ConfigError(`glob '${pattern}' must be an absolute path`);
  const levels: GlobLevel[] = [];
  for (const text of pattern.split('/')) {
    if (text === '') continue;
    if (text === '**') throw new ConfigError(`glob '${pattern}': '**' is not supported; name the directory`);
    if (/\{[^}]*$/.test(text)) throw new ConfigError(`glob '${pattern}': braces must open and close within one name`);
    // posix: `[!0-9]` means any but these, as in the shell; without it the set would hold the
    // exclamation mark.
    if (isGlob(text)) levels.push({ kind: 'match', matches: picomatch(text, { posix: true }) });
    else levels.push({ kind: 'name', name: text });
  }
  return levels;
}
