// A machine of the test's own for configuration files: their texts, the environment, nothing else.

import type { ConfigHost } from '../../../src/config/config-host.ts';
import { type LoadedConfig, loadConfig } from '../../../src/config/load.ts';
import { ConfigFileError } from '../../../src/config/problem.ts';
import { parseGlob } from '../../../src/core/glob-pattern.ts';

export type Files = Readonly<Record<string, string>>;
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * @param files texts by absolute path; a path that ends in a slash is a directory nobody may read
 */
export function hostOf(files: Files, environment: Environment = {}): ConfigHost {
  const fail = (code: string): never => {
    throw Object.assign(new Error(code), { code });
  };
  return {
    readText: (path) => {
      if (Object.hasOwn(files, `${path}/`)) return fail('EISDIR');
      return files[path] ?? fail('ENOENT');
    },
    readPrivate: (path) => ({ text: files[path] ?? fail('ENOENT'), mode: path.startsWith('/open') ? 0o100644 : 0o100600 }),
    findFiles: (pattern) => {
      const levels = parseGlob(pattern);
      const matches = (path: string): boolean => {
        const names = path.split('/').slice(1);
        return (
          names.length === levels.length &&
          levels.every((level, at) => (level.kind === 'name' ? level.name === names[at] : level.matches(names[at] ?? '')))
        );
      };
      return Object.keys(files).filter(matches).sort();
    },
    exists: (path) => Object.hasOwn(files, path),
    fileProblem: (path) => (Object.hasOwn(files, path) ? undefined : `there is no file '${path}'`),
    directoryProblem: (path) => (path.startsWith('/tmp') ? undefined : 'is not a directory that can be written to'),
    environment,
    tempDir: '/tmp',
    terminal: false,
  };
}

/** Loads `/etc/f.yaml`, known to the operator as f.yaml. */
export function load(text: string, files: Files = {}, environment: Environment = {}): LoadedConfig {
  const host = hostOf({ [`${process.cwd()}/f.yaml`]: text, ...files }, environment);
  return loadConfig('f.yaml', host);
}

/** The lines of what is wrong, without the count at the end; empty when nothing is. */
export function problemsOf(text: string, files: Files = {}, environment: Environment = {}): readonly string[] {
  try {
    load(text, files, environment);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigFileError)) throw error;
    return error.message.split('\n').slice(0, -1);
  }
}

/** A text without the mark in it, and where the mark was: the place that a message must name. */
export function marked(text: string): { readonly text: string; readonly at: string } {
  const before = text.slice(0, text.indexOf('→')).split('\n');
  return { text: text.replace('→', ''), at: `f.yaml:${before.length}:${(before.at(-1) ?? '').length + 1}` };
}
