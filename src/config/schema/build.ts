// The parts that the schema of the configuration file is built from: JSON Schema that knows how to
// read the text of a value. typebox gives it types; the library itself is not loaded, since every
// start would wait for it.

import type { Static, TArray, TObject, TOptional, TSchema, TUnion, TUnsafe } from 'typebox';
import type { ConfigHost } from '../config-host.ts';
import type { OptionForm } from '../option-form.ts';

/** Where the value being read stands. */
export interface ReadContext {
  /** Relative paths in a file start at the directory of the file. */
  readonly directory: string;
  /**
   * On the command line: a path to listen on or to log to stays relative to the working directory,
   * as it was typed. In full it may be longer than the name of a socket can be.
   */
  readonly keepsRelative?: true;
  readonly host: ConfigHost;
}

/** How one kind of single value is written, and read. */
export interface Kind<T> {
  /** For messages and the documentation: `a duration, such as 30s`. */
  readonly label: string;
  /** What an editor can check: a part of JSON Schema. */
  readonly json: Readonly<Record<string, unknown>>;
  /** @throws ConfigError */
  readonly read: (text: string, context: ReadContext) => T;
  /**
   * Text with nginx's variables, so that a `$` from elsewhere has to be kept from being taken for
   * one.
   */
  readonly template?: true;
  /** Missing for kinds that no option of the command line has. */
  readonly option?: OptionForm;
}

export interface Info {
  readonly description: string;
  /** The rest of the description, which means something in a file only. */
  readonly inFile?: string;
  /** What holds when the key is not there, as it would be written. */
  readonly default?: unknown;
  /** What is there instead, when that is no value of its own. */
  readonly otherwise?: string;
}

/** The one place where the schema, as it is at run time, gets the type of what it describes. */
function typed<S>(schema: Shape & Readonly<Record<string, unknown>>): S {
  return schema as unknown as S;
}

/** The keywords of an `Info`; `text` is the description without what is for files only. */
function keywords({ description, inFile = '', ...info }: Info) {
  return { description: `${description}${inFile}`, ...info, text: description };
}

/** A single value. */
export function value<T>(kind: Kind<T>, info: Info): TUnsafe<T> {
  const { json, label, read, template, option } = kind;
  return typed({ ...json, ...keywords(info), label, read, template, option });
}

/** What `keys` makes: all keys may be left out as far as types go. */
export type KeyedMap<P extends Record<string, TSchema>> = TObject<{ [K in keyof P]: TOptional<P[K]> }>;

/**
 * A map with a fixed set of keys, all of which may be left out as far as types go: what is wrong in
 * the file is left out as well.
 */
export function keys<P extends Record<string, TSchema>>(
  properties: P,
  info: Info,
  required: readonly (keyof P & string)[] = [],
): KeyedMap<P> {
  const needed = required.length > 0 ? { required } : {};
  return typed({ type: 'object', properties, additionalProperties: false, ...needed, ...keywords(info) });
}

/** What `named` makes. */
export type NamedMap<S extends TSchema> = TUnsafe<ReadonlyMap<string, Static<S>>> & { readonly additionalProperties: S };

/**
 * A map whose keys are names that the operator chooses; `keyName` stands for them in the
 * documentation.
 */
export function named<S extends TSchema>(key: Kind<unknown> & { readonly name: string }, item: S, info: Info): NamedMap<S> {
  const { name: keyName, label: keyLabel, read: readKey } = key;
  return typed({ type: 'object', additionalProperties: item, keyName, keyLabel, readKey, ...keywords(info) });
}

export function list<S extends TSchema>(item: S, info: Info, least = 0): TArray<S> {
  return typed({ type: 'array', items: item, ...(least > 0 ? { minItems: least } : {}), ...keywords(info) });
}

/** One of several forms: at most one single value, one list and one map. */
export function either<S extends TSchema[]>(variants: [...S], info: Info): TUnion<S> {
  return typed({ anyOf: variants, ...keywords(info) });
}

/** The schema as the checks read it: the parts of JSON Schema that the functions above make. */
export interface Shape {
  readonly description?: string;
  /** The description without what is for files only. */
  readonly text?: string;
  readonly default?: unknown;
  readonly otherwise?: string;
  readonly label?: string;
  readonly template?: true | undefined;
  readonly option?: OptionForm | undefined;
  readonly read?: (text: string, context: ReadContext) => unknown;
  readonly properties?: Readonly<Record<string, Shape>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: false | Shape;
  readonly keyName?: string;
  readonly keyLabel?: string;
  readonly readKey?: (text: string, context: ReadContext) => unknown;
  readonly items?: Shape;
  readonly minItems?: number;
  readonly anyOf?: readonly Shape[];
}

/** The same schema, seen through its keywords. */
export function shapeOf(schema: TSchema): Shape {
  return schema as Shape;
}

/**
 * A single value, a list, a map, or several of them to choose from. An enumeration is a single
 * value that says `anyOf` to editors.
 */
export function formOf(shape: Shape): 'value' | 'list' | 'map' | 'either' {
  if (shape.read !== undefined) return 'value';
  if (shape.items !== undefined) return 'list';
  return shape.anyOf === undefined ? 'map' : 'either';
}
