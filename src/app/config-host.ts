// The machine as loading a configuration sees it: the file system and the environment.

import { accessSync, closeSync, constants, existsSync, fstatSync, openSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ConfigHost } from '../config/config-host.ts';
import { systemCode } from '../core/errors.ts';
import { parseGlob } from '../core/glob-pattern.ts';

/** @param terminal whether the log is read by eyes */
export function configHost(terminal: boolean): ConfigHost {
  return {
    readText: (path) => readFileSync(path, 'utf8'),
    readPrivate,
    findFiles,
    exists: existsSync,
    fileProblem,
    directoryProblem,
    environment: process.env,
    tempDir: tmpdir(),
    terminal,
  };
}

function readPrivate(path: string): { readonly text: string; readonly mode: number } {
  const fd = openSync(path, 'r');
  try {
    return { text: readFileSync(fd, 'utf8'), mode: fstatSync(fd).mode };
  } finally {
    closeSync(fd);
  }
}

/** @throws Error (a Node system error) for a directory that must not be read */
function findFiles(pattern: string): readonly string[] {
  let found = ['/'];
  for (const level of parseGlob(pattern)) {
    found = found.flatMap((directory) => {
      if (level.kind === 'name') return [join(directory, level.name)];
      const names = namesIn(directory).filter((name) => level.matches(name));
      return names.sort().map((name) => join(directory, name));
    });
  }
  return found.filter(existsSync);
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw error;
  }
}

function fileProblem(path: string, most: number): string | undefined {
  try {
    const facts = statSync(path);
    if (!facts.isFile()) return `'${path}' is not a file`;
    if (facts.size > most) return `'${path}' has ${facts.size} bytes; at most ${most} are read`;
    accessSync(path, constants.R_OK);
    return undefined;
  } catch (error) {
    const code = systemCode(error);
    return code === 'ENOENT' ? `there is no file '${path}'` : `'${path}' cannot be read: ${code}`;
  }
}

function directoryProblem(path: string): string | undefined {
  try {
    if (!statSync(path).isDirectory()) return 'is not a directory';
    accessSync(path, constants.W_OK | constants.X_OK);
    return undefined;
  } catch {
    return 'is not a directory that can be written to';
  }
}
