// configHost: files, globs and directories as they really are.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { configHost } from '../../../src/app/config-host.ts';
import { tempDir } from '../../support/temp-dir.ts';

const host = configHost(false);

function directoryWith(...names: readonly string[]): string {
  const directory = tempDir();
  for (const name of names) {
    mkdirSync(join(directory, name, '..'), { recursive: true });
    writeFileSync(join(directory, name), name);
  }
  return directory;
}

describe('findFiles', () => {
  it('finds files in the order of their names, at every level', () => {
    const directory = directoryWith('b/2.yaml', 'b/10.yaml', 'a/3.yaml', 'a/1.yml', 'c/x.yaml');
    expect(host.findFiles(`${directory}/{a,b}/*.yaml`)).toEqual(
      ['a/3.yaml', 'b/10.yaml', 'b/2.yaml'].map((name) => join(directory, name)),
    );
    expect(host.findFiles(`${directory}/*/x.yaml`)).toEqual([join(directory, 'c/x.yaml')]);
  });

  it('leaves hidden files alone, which editors and package managers leave behind', () => {
    const directory = directoryWith('a.yaml', '.a.yaml.swp.yaml', '.hidden/b.yaml');
    expect(host.findFiles(`${directory}/*.yaml`)).toEqual([join(directory, 'a.yaml')]);
    expect(host.findFiles(`${directory}/*/*.yaml`)).toEqual([]);
  });

  it('finds nothing where there is no directory', () => {
    const directory = directoryWith('a.yaml');
    expect(host.findFiles(`${directory}/none/*.yaml`)).toEqual([]);
    expect(host.findFiles(`${directory}/a.yaml/*.yaml`)).toEqual([]);
  });
});

describe('directoryProblem', () => {
  it('is nothing for a directory that can be written to', () => {
    expect(host.directoryProblem(tempDir())).toBeUndefined();
  });

  it('says what is wrong with anything else', () => {
    const directory = directoryWith('a');
    expect(host.directoryProblem(join(directory, 'a'))).toBe('is not a directory');
    expect(host.directoryProblem(join(directory, 'b'))).toBe('is not a directory that can be written to');
  });
});

describe('the rest', () => {
  it('is what the process has', () => {
    const directory = directoryWith('a');
    expect(host.readText(join(directory, 'a'))).toBe('a');
    expect(() => host.readText(join(directory, 'b'))).toThrow('ENOENT');
    expect([host.exists(join(directory, 'a')), host.exists(join(directory, 'b'))]).toEqual([true, false]);
    expect(host.environment).toBe(process.env);
  });
});
