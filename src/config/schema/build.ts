// The parts that the schema of the configuration file is built from: typebox types that know how to
// read the text of a value.

import Type, { type Static, type TArray, type TObject, type TOptional, type TSchema, type TUnion, type TUnsafe } from 'typebox';
import type { ConfigHost } from '../config-host.ts';

/** Where the value being read stands. */
export interface ReadContext {
  /** Relative paths in a file start at the directory of the file. */
  readonly directory: string;
  readonly world: ConfigHost;
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
}

export interface Info {
  readonly description: string;
  /** What holds when the key is not there, as it would be written. */
  readonly default?: unknown;
  /** What is there instead, when that is no value of its own. */
  readonly otherwise?: string;
}

/** A single value. */
export function value<T>(kind: Kind<T>, info: Info): TUnsafe<T> {
  return Type.Unsafe<T>({ ...kind.json, ...info, label: kind.label, read: kind.read, template: kind.template } as TSchema);
}

/**
 * A map with a fixed set of keys, all of which may be left out as far as types go: what is wrong in
 * the file is left out as well.
 */
export function keys<P extends Record<string, TSchema>>(
  properties: P,
  info: Info,
  required: readonly (keyof P & string)[] = [],
): TObject<{ [K in keyof P]: TOptional<P[K]> }> {
  const optional = Object.fromEntries(Object.entries(properties).map(([name, schema]) => [name, Type.Optional(schema)]));
  const extra = required.length > 0 ? { required } : {};
  const built: unknown = Type.Object(optional, { additionalProperties: false, ...extra, ...info });
  return built as TObject<{ [K in keyof P]: TOptional<P[K]> }>;
}

/**
 * A map whose keys are names that the operator chooses; `keyName` stands for them in the
 * documentation.
 */
export function named<S extends TSchema>(
  key: Kind<unknown> & { readonly name: string },
  item: S,
  info: Info,
): TUnsafe<ReadonlyMap<string, Static<S>>> {
  const { name: keyName, label: keyLabel, read: readKey } = key;
  return Type.Unsafe<ReadonlyMap<string, Static<S>>>({
    type: 'object',
    additionalProperties: item,
    keyName,
    keyLabel,
    readKey,
    ...info,
  } as TSchema);
}

export function list<S extends TSchema>(item: S, info: Info, least = 0): TArray<S> {
  return Type.Array(item, { ...(least > 0 ? { minItems: least } : {}), ...info });
}

/** One of several forms: at most one single value, one list and one map. */
export function either<S extends TSchema[]>(variants: [...S], info: Info): TUnion<S> {
  return Type.Union(variants, { ...info });
}

/** The schema as the checks read it: the parts of JSON Schema that the functions above make. */
export interface Shape {
  readonly description?: string;
  readonly default?: unknown;
  readonly otherwise?: string;
  readonly label?: string;
  readonly template?: true | undefined;
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
