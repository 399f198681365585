// One key of the schema by its path, such as `pools.*.timeouts.read`: a star stands for a name that
// the operator chooses, or for a place in a list.

import type { TArray, TObject, TSchema, TUnion } from 'typebox';
import type { NamedMap } from './build.ts';
import { formOf, type Shape, shapeOf } from './build.ts';
import { FILE } from './file.ts';

/** The paths of all keys at and below the keys of a map. */
type KeyIn<S> =
  S extends TObject<infer P>
    ? { [K in keyof P & string]: K | `${K}.${KeyIn<P[K]>}` }[keyof P & string]
    : S extends NamedMap<infer I extends TSchema>
      ? `*.${KeyIn<I>}`
      : S extends TArray<infer I>
        ? `*.${KeyIn<I>}`
        : S extends TUnion<infer V>
          ? KeyIn<V[number]>
          : never;

/** A key of the configuration file. */
export type FileKey = KeyIn<typeof FILE>;

/** What the schema says of a key. */
export function shapeAt(key: FileKey): Shape {
  return key.split('.').reduce(inside, shapeOf(FILE));
}

function inside(shape: Shape, part: string): Shape {
  const found = mapIn(shape);
  const next = part === '*' ? found.additionalProperties || found.items : found.properties?.[part];
  if (next === undefined) throw new Error(`the schema has no key '${part}'`);
  return next;
}

/** The map or the list among several forms. */
function mapIn(shape: Shape): Shape {
  if (formOf(shape) !== 'either') return shape;
  return shape.anyOf?.find((variant) => formOf(variant) === 'map') ?? shape;
}
