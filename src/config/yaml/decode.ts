// Holds YAML nodes against the schema: right values come out read, wrong ones are left out and
// reported.

import type { Static, TSchema } from 'typebox';
import { isAlias, isMap, isScalar, isSeq, type Node, type Scalar, type YAMLMap, type YAMLSeq } from 'yaml';
import { ConfigError } from '../../core/errors.ts';
import { suggestion } from '../nearest.ts';
import { pathOf, placeText, type SourcePosition } from '../problem.ts';
import type { Report } from '../report.ts';
import { formOf, type ReadContext, type Shape, shapeOf } from '../schema/build.ts';
import { expected } from '../schema/describe.ts';
import { quoteTemplate } from '../template.ts';
import { some } from '../words.ts';
import { expand } from './environment.ts';
import { found } from './found.ts';
import type { YamlFile } from './parse.ts';

/** Nodes read through aliases. A few lines of aliases of aliases could stand for billions. */
const MAX_THROUGH_ALIASES = 50_000;

/**
 * @returns the value without what is wrong in it; undefined when nothing is left. What is wrong is
 *   in the report
 */
export function decode<S extends TSchema>(
  schema: S,
  node: Node,
  file: YamlFile,
  context: ReadContext,
  report: Report,
): Static<S> | undefined {
  // The one cast: what comes out has passed, part by part, the very schema that the type is made
  // from.
  return new Decoder(file, context, report, shapeOf(schema)).decode(shapeOf(schema), node, '', file.placeOf(node)) as
    | Static<S>
    | undefined;
}

class Decoder {
  readonly #file: YamlFile;
  readonly #context: ReadContext;
  readonly #report: Report;
  readonly #whole: Shape;
  #aliases = 0;
  #throughAliases = 0;

  constructor(file: YamlFile, context: ReadContext, report: Report, whole: Shape) {
    this.#file = file;
    this.#context = context;
    this.#report = report;
    this.#whole = whole;
  }

  /** @param holder where the key is, for what has no place of its own */
  decode(shape: Shape, node: Node | null | undefined, path: string, holder: SourcePosition): unknown {
    if (this.#aliases > 0) {
      this.#throughAliases += 1;
      if (this.#throughAliases > MAX_THROUGH_ALIASES) {
        if (this.#throughAliases === MAX_THROUGH_ALIASES + 1) {
          this.#report.add(holder, path, `aliases stand for more than ${MAX_THROUGH_ALIASES} values`);
        }
        return undefined;
      }
    }
    if (isAlias(node)) return this.#alias(shape, node, path, holder);
    switch (formOf(shape)) {
      case 'either': {
        const fitting = (shape.anyOf ?? []).find((variant) => fits(variant, node));
        return fitting === undefined ? this.#wrong(shape, node, path, holder) : this.decode(fitting, node, path, holder);
      }
      case 'list':
        return isSeq(node) ? this.#list(shape, node, path, holder) : this.#wrong(shape, node, path, holder);
      case 'map':
        return isMap(node) ? this.#map(shape, node, path, holder) : this.#wrong(shape, node, path, holder);
      case 'value':
        return isScalar(node) && node.value !== null ? this.#value(shape, node, path) : this.#wrong(shape, node, path, holder);
    }
  }

  #wrong(shape: Shape, node: Node | null | undefined, path: string, holder: SourcePosition): undefined {
    const place =
      node === null || node === undefined || (isScalar(node) && node.value === null) ? holder : this.#file.placeOf(node);
    this.#report.add(place, path, `found ${found(node ?? undefined)}, expected ${expected(shape)}`);
  }

  #alias(shape: Shape, node: Node & { readonly source: string }, path: string, holder: SourcePosition): unknown {
    const target = this.#file.target(node);
    if (target === undefined) {
      this.#report.add(this.#file.placeOf(node), path, `there is no anchor &${node.source} before this alias`);
      return undefined;
    }
    this.#aliases += 1;
    const decoded = this.decode(shape, target, path, holder);
    this.#aliases -= 1;
    return decoded;
  }

  #value(shape: Shape, node: Scalar, path: string): unknown {
    // Numbers, dates and the like are read from the text that was written: 0x10, 1e3 and 1.10 have
    // no meaning of their own here.
    const written = typeof node.value === 'string' ? node.value : String(node.source ?? node.value);
    const { text, problems } = expand(
      written,
      this.#context.host.environment,
      shape.template === true ? quoteTemplate : undefined,
    );
    for (const { reference, message } of problems) this.#report.add(this.#file.placeOf(node, reference), path, message);
    if (problems.length > 0) return undefined;
    return this.#read(shape.read, text, this.#file.placeOf(node), path);
  }

  #read(read: Shape['read'], text: string, place: SourcePosition, path: string): unknown {
    try {
      return read?.(text, this.#context);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      this.#report.add(place, path, error.message);
      return undefined;
    }
  }

  #list(shape: Shape, node: YAMLSeq, path: string, holder: SourcePosition): unknown[] {
    const places = new Map<number, SourcePosition>();
    const values: unknown[] = [];
    for (const [index, item] of node.items.entries()) {
      const itemNode = item as Node | null;
      const place = itemNode === null ? holder : this.#file.placeOf(itemNode);
      const decoded = this.decode(shape.items ?? {}, itemNode, pathOf(path, index), place);
      if (decoded === undefined) continue;
      places.set(values.length, place);
      values.push(decoded);
    }
    const least = shape.minItems ?? 0;
    if (node.items.length < least)
      this.#report.add(this.#file.placeOf(node), path, `found an empty list, expected at least ${least}`);
    this.#report.remember(values, { path, place: holder, values: places });
    return values;
  }

  #map(shape: Shape, node: YAMLMap, path: string, holder: SourcePosition): object {
    const { properties } = shape;
    const keys = new Map<string, SourcePosition>();
    const places = new Map<string, SourcePosition>();
    const named = new Map<string, unknown>();
    for (const { key, value } of node.items as { key: Node | null; value: Node | null }[]) {
      if (!isScalar(key) || key.value === null) {
        const place = key === null ? holder : this.#file.placeOf(key);
        this.#report.add(place, path, `found ${found(key ?? undefined)} as a key, expected a name`);
        continue;
      }
      const name = typeof key.value === 'string' ? key.value : String(key.source ?? key.value);
      const keyPath = pathOf(path, name);
      const place = this.#file.placeOf(key);
      const before = keys.get(name);
      if (before !== undefined) {
        this.#report.add(place, keyPath, `the key is there already, at ${placeText(before)}`);
        continue;
      }
      keys.set(name, place);
      const item =
        properties === undefined ? this.#itemOf(shape, name, place, keyPath) : this.#propertyOf(properties, name, place, path);
      if (item === undefined) continue;
      const ownPlace = value === null || (isScalar(value) && value.value === null) ? place : this.#file.placeOf(value);
      // What the operator named is found by its name, unless it is a single value.
      places.set(name, properties === undefined && !isScalar(value) ? place : ownPlace);
      const decoded = this.decode(item, value, keyPath, place);
      if (decoded !== undefined) named.set(name, decoded);
    }
    for (const name of shape.required ?? []) {
      if (!keys.has(name)) this.#report.add(holder, path, `'${name}' is missing; expected ${expected(properties?.[name] ?? {})}`);
    }
    const result: object = properties === undefined ? named : Object.fromEntries(named);
    this.#report.remember(result, { path, place: holder, values: places });
    return result;
  }

  /**
   * What may stand under a name that the operator chose; undefined, and a problem, when the name is
   * none.
   */
  #itemOf(shape: Shape, name: string, place: SourcePosition, path: string): Shape | undefined {
    if (this.#read(shape.readKey, name, place, path) === undefined) return undefined;
    return shape.additionalProperties === false ? undefined : shape.additionalProperties;
  }

  #propertyOf(properties: Readonly<Record<string, Shape>>, name: string, place: SourcePosition, path: string): Shape | undefined {
    if (Object.hasOwn(properties, name)) return properties[name];
    const names = Object.keys(properties);
    const keyPath = pathOf(path, name);
    if (name === '<<') {
      this.#report.add(place, keyPath, 'keys are not merged into a map; an alias can stand for a whole value');
      return undefined;
    }
    const near = suggestion(name, names);
    const elsewhere = near === '' ? homeOf(this.#whole, name.toLowerCase().replaceAll('-', '_'), '') : undefined;
    const help = elsewhere === undefined ? near || `; expected ${some(names)}` : `; it belongs under ${elsewhere}`;
    this.#report.add(place, keyPath, `unknown key${help}`);
    return undefined;
  }
}

/** Whether a node is of the form that the shape asks for; what is in it is for later. */
function fits(shape: Shape, node: Node | null | undefined): boolean {
  const form = formOf(shape);
  if (isMap(node)) return form === 'map';
  if (isSeq(node)) return form === 'list';
  return isScalar(node) && node.value !== null && form === 'value';
}

/** The path of the first map in the schema that knows the key. */
function homeOf(shape: Shape, name: string, path: string): string | undefined {
  if (shape.properties !== undefined && Object.hasOwn(shape.properties, name)) return path === '' ? 'the top' : path;
  const inside: [Shape, string][] = [
    ...Object.entries(shape.properties ?? {}).map(([key, property]): [Shape, string] => [property, pathOf(path, key)]),
    ...(shape.additionalProperties
      ? [[shape.additionalProperties, pathOf(path, shape.keyName ?? 'NAME')] as [Shape, string]]
      : []),
    ...(shape.items === undefined ? [] : [[shape.items, `${path}[]`] as [Shape, string]]),
    ...(formOf(shape) === 'either' ? (shape.anyOf ?? []).map((variant): [Shape, string] => [variant, path]) : []),
  ];
  for (const [child, childPath] of inside) {
    const home = homeOf(child, name, childPath);
    if (home !== undefined) return home;
  }
  return undefined;
}
