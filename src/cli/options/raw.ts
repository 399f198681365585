// Puts the values of options where a configuration file would have them.

import type { RawServer } from '../../config/gathered.ts';
import type { ReadContext } from '../../config/schema/build.ts';
import type { RawPool, RawRoute } from '../../config/schema/file.ts';
import { ConfigError } from '../../core/errors.ts';
import { KEYED_OPTIONS, type OptionName } from './table.ts';

export type Options = ReadonlyMap<OptionName, readonly string[]>;

/** What the options say of the program as a whole, of its one pool and of its one route. */
export interface RawOptions {
  readonly server: RawServer;
  readonly pool: RawPool;
  readonly route: RawRoute;
}

interface Tree {
  [key: string]: unknown;
}

/** @throws ConfigError that names the option at fault */
export function rawOptions(options: Options, context: ReadContext): RawOptions {
  const pool: Tree = {};
  const route: Tree = {};
  const file: Tree = { pools: { '*': pool }, routes: { '*': route } };
  for (const { name, key, value } of KEYED_OPTIONS) {
    const texts = options.get(name);
    if (texts === undefined) continue;
    put(
      file,
      key.split('.'),
      named(name, () => value.read(texts, context)),
    );
  }
  const { pools: _pools, routes: _routes, ...server } = file;
  // The one cast: each value was read by the schema of the very key at which it stands.
  return { server, pool, route } as RawOptions;
}

function put(tree: Tree, [first = '', ...rest]: readonly string[], value: unknown): void {
  if (rest.length === 0) tree[first] = value;
  else {
    tree[first] ??= {};
    put(tree[first] as Tree, rest, value);
  }
}

/** Runs `read` and puts the option's name in front of what it complains of. */
export function named<T>(name: OptionName, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof ConfigError) throw new ConfigError(`option --${name}: ${error.message}`);
    throw error;
  }
}
