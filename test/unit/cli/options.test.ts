// The table of options: what the help says of an option is what the schema says of its key, and
// giving the default that the help names changes nothing.

import { describe, expect, it } from 'vitest';
import { readCommandLine } from '../../../src/cli/options/read.ts';
import { KEYED_OPTIONS, type Option, SERVE_OPTIONS } from '../../../src/cli/options/table.ts';
import { optionValue } from '../../../src/cli/options/value.ts';
import { settingsFrom } from '../../../src/cli/settings.ts';
import { type Shape, shapeOf } from '../../../src/config/schema/build.ts';
import { FILE } from '../../../src/config/schema/file.ts';
import { shapeAt } from '../../../src/config/schema/key.ts';

function settings(...words: readonly string[]) {
  return settingsFrom(readCommandLine(['--upstream', '/run/a.sock', ...words]).options, false);
}

/** Every single value of the schema that an option could stand for, by its path. */
function leaves(shape: Shape, path = ''): readonly { readonly path: string; readonly shape: Shape }[] {
  const inside = Object.entries(shape.properties ?? {}).flatMap(([key, child]) => leaves(child, `${path}.${key}`));
  const items = [shape.items, shape.additionalProperties || undefined, ...(shape.anyOf ?? [])];
  const below = items.flatMap((child) => (child === undefined ? [] : leaves(child, path)));
  return [...(shape.option === undefined ? [] : [{ path, shape }]), ...inside, ...below];
}

const options: readonly Option[] = SERVE_OPTIONS;

describe('an option with a key', () => {
  const withDefault = KEYED_OPTIONS.filter(({ key, value }) => shapeAt(key).default !== undefined && !value.flag);

  it.each(withDefault.map(({ name }) => name))('--%s has the default that the help names', (name) => {
    const preset = options.find((option) => option.name === name)?.preset ?? '';
    expect(preset).not.toBe('');
    expect(settings(`--${name}`, preset)).toEqual(settings());
  });

  it.each(KEYED_OPTIONS.map(({ name, key }) => [name, key] as const))('--%s says what %s says', (name, key) => {
    const help = options.find((option) => option.name === name)?.help ?? '';
    const words = (text: string): string => text.replaceAll(/`|--/g, '').replaceAll('_', '-');
    // A choice of words may stand in front.
    expect(words(help).endsWith(words(shapeAt(key).text ?? ''))).toBe(true);
    expect(shapeAt(key).text).not.toBe('');
  });

  it('has a key of its own', () => {
    expect(new Set(KEYED_OPTIONS.map(({ key }) => key)).size).toBe(KEYED_OPTIONS.length);
  });
});

describe('a key of the schema', () => {
  it('can become an option by one row of the table, whatever its kind', () => {
    const found = leaves(shapeOf(FILE));
    expect(found.length).toBeGreaterThan(60);
    for (const { path, shape } of found) {
      const value = optionValue(shape);
      expect([path, value.placeholder]).toEqual([path, expect.stringMatching(/^\S+$/)]);
      expect(value.text.length).toBeGreaterThan(0);
    }
  });

  it('that no option can stand for is refused at once', () => {
    expect(() => optionValue({ description: 'a map', properties: {} })).toThrow();
  });
});
