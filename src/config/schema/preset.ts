// The default of a key, as its value: what the schema has as text is read as it would be read in a
// file.

import type { Static, TSchema } from 'typebox';
import type { ConfigHost } from '../config-host.ts';
import { formOf, type ReadContext, type Shape, shapeOf } from './build.ts';

/** A default holds on every machine: nothing of this one is asked for. */
const NO_HOST: ConfigHost = {
  readText: refuse,
  readPrivate: refuse,
  findFiles: refuse,
  exists: refuse,
  fileProblem: refuse,
  directoryProblem: refuse,
  environment: {},
  tempDir: '',
  terminal: false,
};

const CONTEXT: ReadContext = { directory: '/', host: NO_HOST };

function refuse(): never {
  throw new Error('a default cannot depend on the machine');
}

/** @throws Error when the key has none */
export function presetOf<S extends TSchema>(schema: S): Static<S> {
  // The one cast: the text is read by the very schema that the type is made from.
  return read(shapeOf(schema), shapeOf(schema).default) as Static<S>;
}

function read(shape: Shape, preset: unknown): unknown {
  if (preset === undefined) throw new Error(`no default: ${shape.description}`);
  if (formOf(shape) === 'either') return read(variantFor(shape, preset), preset);
  if (Array.isArray(preset)) return preset.map((item: unknown) => read(shape.items ?? {}, item));
  return shape.read?.(String(preset), CONTEXT);
}

function variantFor({ anyOf = [] }: Shape, preset: unknown): Shape {
  const form = Array.isArray(preset) ? 'list' : 'value';
  return anyOf.find((variant) => formOf(variant) === form) ?? {};
}
