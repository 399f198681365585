// How the value of an option is written, read and described, by what the schema says of its key.

import type { ValueKind } from '../../config/option-form.ts';
import { formOf, type ReadContext, type Shape } from '../../config/schema/build.ts';
import { oneOf } from '../../config/values.ts';
import { ConfigError } from '../../core/errors.ts';

export interface OptionValue {
  /** Given without a value: it switches on what is off. */
  readonly flag: boolean;
  readonly placeholder: string;
  readonly takes: ValueKind | undefined;
  readonly repeatable: true | undefined;
  /** The default, as the option has it. */
  readonly preset: string | undefined;
  readonly text: string;
  /**
   * @param texts the values that were given, at least one
   * @throws ConfigError
   */
  read(texts: readonly string[], context: ReadContext): unknown;
}

/** @throws Error for a key that no option can stand for */
export function optionValue(shape: Shape): OptionValue {
  const one = singleValue(shape);
  const { option } = one;
  if (option === undefined) throw new Error(`no option can stand for: ${shape.description}`);
  const { placeholder, takes, words } = option;
  const text = shape.text ?? '';
  const preset = presetText(shape, words);
  // Words that neither the placeholder nor the text nor the default names are named by the label.
  const named = typeof takes !== 'object' || takes.every((word) => `${placeholder} ${text} ${preset}`.includes(word));
  return {
    flag: words !== undefined && shape.default === false,
    placeholder: formOf(shape) === 'map' ? 'NAME=VALUE' : placeholder,
    takes,
    repeatable: listIn(shape) || formOf(shape) === 'map' ? true : undefined,
    preset,
    text: named ? text : `${one.label}: ${text}`,
    read: (texts, context) => readAll(shape, one, texts, context),
  };
}

/** What the schema says of a single value, where it may also be a list of them. */
function singleValue(shape: Shape): Shape {
  switch (formOf(shape)) {
    case 'value':
      return shape;
    case 'list':
      return singleValue(shape.items ?? {});
    case 'map':
      return shape.additionalProperties || {};
    case 'either':
      return shape.anyOf?.find((variant) => formOf(variant) === 'value') ?? {};
  }
}

function listIn(shape: Shape): Shape | undefined {
  return [shape, ...(shape.anyOf ?? [])].find((variant) => formOf(variant) === 'list');
}

function presetText(shape: Shape, words: Readonly<Record<string, string>> | undefined): string | undefined {
  const preset = shape.default;
  if (preset === undefined || (words !== undefined && preset === false)) return shape.otherwise;
  const [word] = Object.entries(words ?? {}).find(([, inFile]) => inFile === String(preset)) ?? [];
  return word ?? [preset].flat().join(', ');
}

function readAll(shape: Shape, one: Shape, texts: readonly string[], context: ReadContext): unknown {
  if (formOf(shape) === 'map') return new Map(texts.map((text) => readPair(shape, one, text, context)));
  const list = listIn(shape);
  // A single value may have forms that a list of them has not, such as `off`.
  if (texts.length > 1 || formOf(shape) === 'list') {
    const item = singleValue(list ?? {});
    return texts.map((text) => readOne(item, text, context));
  }
  return readOne(one, texts[0] ?? '', context);
}

function readOne({ read, option }: Shape, text: string, context: ReadContext): unknown {
  const words = option?.words;
  return read?.(words === undefined ? text : (words[oneOf(Object.keys(words))(text)] ?? ''), context);
}

/** NAME=VALUE */
function readPair(map: Shape, one: Shape, text: string, context: ReadContext): readonly [name: string, value: unknown] {
  const equals = text.indexOf('=');
  const name = text.slice(0, Math.max(0, equals));
  if (equals === -1 || !isKey(map, name, context)) throw new ConfigError(`'${text}': expected NAME=VALUE`);
  return [name, readOne(one, text.slice(equals + 1), context)];
}

function isKey({ readKey }: Shape, name: string, context: ReadContext): boolean {
  try {
    readKey?.(name, context);
    return true;
  } catch (error) {
    if (error instanceof ConfigError) return false;
    throw error;
  }
}
