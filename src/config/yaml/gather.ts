// Reads a configuration file and all that it includes, and puts them together into one.

import { dirname, isAbsolute, join, resolve } from 'node:path';
import { ConfigError, systemCode } from '../../core/errors.ts';
import { isGlob } from '../../core/glob-pattern.ts';
import type { ConfigHost } from '../config-host.ts';
import type { Gathered, RawServer } from '../gathered.ts';
import { pathOf, placeText, type SourcePosition } from '../problem.ts';
import type { Report } from '../report.ts';
import { FILE, type RawPool, type RawRoute } from '../schema/file.ts';
import { decode } from './decode.ts';
import { parseYaml } from './parse.ts';

const MAX_FILES = 1000;

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'permission denied',
  EISDIR: 'it is a directory',
  ENOTDIR: 'part of the path is not a directory',
};

/** @param path of the first file; all problems go to the report */
export function gather(path: string, host: ConfigHost, report: Report): Gathered {
  const gathering = new Gathering(host, report);
  gathering.read(resolve(path), path, { file: path, line: 1, column: 1 }, '');
  return gathering.result();
}

class Gathering {
  readonly #host: ConfigHost;
  readonly #report: Report;
  readonly #server: Record<string, unknown> = {};
  /** Of keys that may be given once, in whichever file. */
  readonly #given = new Map<string, SourcePosition>();
  readonly #pools = new Map<string, RawPool>();
  readonly #poolPlaces = new Map<string, SourcePosition>();
  readonly #routes: RawRoute[] = [];
  #anyRoutes = false;
  #whole = true;
  /** Absolute paths, with what the operator knows each as and where it was asked for. */
  readonly #files = new Map<string, { readonly name: string; readonly place: SourcePosition }>();
  /** Absolute paths of the files that are being read, each included by the one before. */
  readonly #open: string[] = [];

  constructor(host: ConfigHost, report: Report) {
    this.#host = host;
    this.#report = report;
  }

  result(): Gathered {
    return {
      // What was put there came from files that had passed the schema.
      server: this.#server as RawServer,
      pools: this.#pools,
      routes: this.#routes,
      mentioned: { pools: this.#poolPlaces, routes: this.#anyRoutes },
      places: this.#given,
      whole: this.#whole,
      files: [...this.#files.values()].map(({ name }) => name),
    };
  }

  /**
   * @param name what the file is called in messages
   * @param place and @param path of the `include` that asks for it
   */
  read(absolute: string, name: string, place: SourcePosition, path: string): void {
    const before = this.#files.get(absolute);
    if (this.#open.includes(absolute)) {
      this.#report.add(
        place,
        path,
        `'${name}' includes itself: ${[...this.#open.map((file) => this.#name(file)), name].join(' -> ')}`,
      );
      return;
    }
    if (before !== undefined) {
      this.#report.add(place, path, `'${name}' is included already, at ${placeText(before.place)}`);
      return;
    }
    if (this.#files.size >= MAX_FILES) {
      this.#report.add(place, path, `more than ${MAX_FILES} files`);
      return;
    }
    this.#files.set(absolute, { name, place });
    const text = this.#try(name, place, path, () => this.#host.readText(absolute));
    if (text === undefined) return;
    this.#open.push(absolute);
    this.#take(absolute, name, text);
    this.#open.pop();
  }

  #name(absolute: string): string {
    return this.#files.get(absolute)?.name ?? absolute;
  }

  #take(absolute: string, name: string, text: string): void {
    const file = parseYaml(name, text, this.#report);
    if (file === undefined) this.#whole = false;
    if (file?.root === undefined) return;
    const directory = dirname(absolute);
    const raw = decode(FILE, file.root, file, { directory, host: this.#host }, this.#report);
    if (raw === undefined) {
      this.#whole = false;
      return;
    }
    const { include, pools, routes, ...server } = raw;
    for (const [key, value] of Object.entries(server)) this.#once(raw, key, value);
    if (pools !== undefined) this.#addPools(pools);
    this.#routes.push(...(routes ?? []));
    this.#anyRoutes ||= this.#report.has(raw, 'routes');
    if (include === undefined) return;
    const wanted = typeof include === 'string' ? [include] : include;
    for (const [index, pattern] of wanted.entries()) {
      const [place, path] =
        typeof include === 'string'
          ? [this.#report.placeOf(raw, 'include'), 'include']
          : [this.#report.placeOf(include, index), pathOf('include', index)];
      this.#include(directory, dirname(name), pattern, place, path);
    }
  }

  /** @param shown the directory of the including file as messages name it */
  #include(directory: string, shown: string, pattern: string, place: SourcePosition, path: string): void {
    const absolute = resolve(directory, pattern);
    const nameOf = (file: string): string =>
      isAbsolute(pattern) || !file.startsWith(`${directory}/`) ? file : join(shown, file.slice(directory.length + 1));
    if (!isGlob(pattern) || this.#host.exists(absolute)) {
      this.read(absolute, nameOf(absolute), place, path);
      return;
    }
    const files = this.#try(pattern, place, path, () => this.#host.findFiles(absolute));
    for (const file of files ?? []) this.read(file, nameOf(file), place, path);
  }

  #once(raw: object, key: string, value: unknown): void {
    const place = this.#report.placeOf(raw, key);
    const before = this.#given.get(key);
    if (before !== undefined) {
      this.#report.add(place, key, `it is said already, at ${placeText(before)}`);
      return;
    }
    this.#given.set(key, place);
    this.#server[key] = value;
  }

  #addPools(pools: ReadonlyMap<string, RawPool>): void {
    for (const name of this.#report.keysOf(pools)) {
      const place = this.#report.placeOf(pools, name);
      const before = this.#poolPlaces.get(name);
      if (before !== undefined) {
        this.#report.add(place, pathOf('pools', name), `the pool is there already, at ${placeText(before)}`);
        continue;
      }
      // Also a pool of which nothing could be read: a route to it is not wrong for that.
      this.#poolPlaces.set(name, place);
      const raw = pools.get(name);
      if (raw !== undefined) this.#pools.set(name, raw);
    }
  }

  /** Runs what touches the file system, and reports why it could not. */
  #try<T>(name: string, place: SourcePosition, path: string, action: () => T): T | undefined {
    try {
      return action();
    } catch (error) {
      const code = systemCode(error);
      if (code === undefined && !(error instanceof ConfigError)) throw error;
      this.#whole = false;
      const reason = REASONS[code ?? ''] ?? (error instanceof Error ? error.message : String(error));
      this.#report.add(place, path, `'${name}' cannot be read: ${reason}`);
      return undefined;
    }
  }
}
