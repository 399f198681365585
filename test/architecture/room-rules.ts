// The rules about rooms: who may import whom, how large a room is, what of Node it may use.

import { posix } from 'node:path';
import { APP_LEAVES_TO_ROSTER, CONFIG_READERS, NODE_MODULES, OPTIONAL_PACKAGES, ROOMS } from './rooms.ts';
import { importsOf, isModule, type SourceFile, type Violation } from './source-file.ts';

/** Files directly in one folder: more of them are a room that wants to be several. */
const MAX_FILES = 25;
const OUTSIDE_WORLD = [...NODE_MODULES.flatMap(({ modules }) => modules), 'node:fs', 'node:dns'];

/** The longest room that the path lies in; undefined when it lies in none. */
export function roomOf(path: string): string | undefined {
  const inside = (folder: string): string | undefined => {
    if (folder in ROOMS) return folder;
    return folder.includes('/') ? inside(posix.dirname(folder)) : undefined;
  };
  return path.startsWith('src/') ? inside(posix.dirname(path.slice('src/'.length))) : undefined;
}

export function importsStayInTheTable(files: readonly SourceFile[]): Violation[] {
  return files.flatMap((file) => {
    const room = roomOf(file.path);
    if (room === undefined) {
      return [`${file.path}:1: every file stands in a room (rooms: ${Object.keys(ROOMS).join(', ')})`];
    }
    const allowed = [room, ...(ROOMS[room] ?? []), 'core'];
    return importsOf(file).flatMap(({ file: target, line }) => {
      if (target === undefined || allowed.includes(roomOf(target) ?? '')) return [];
      return [`${file.path}:${line}: ${room}/ must not import ${target} (allowed: ${allowed.join(', ')})`];
    });
  });
}

/** No room reaches itself by way of others, so that the rooms have an order from the top down. */
export function roomsHaveAnOrder(rooms: Readonly<Record<string, readonly string[]>> = ROOMS): Violation[] {
  const house = (room: string): string => room.split('/')[0] ?? room;
  const found = new Set<Violation>();
  const visit = (room: string, way: readonly string[]): void => {
    for (const next of rooms[room] ?? []) {
      // The sub-rooms of one room may know each other; noImportCycles holds for their files.
      if (house(next) === house(room)) continue;
      if (way.includes(next))
        found.add(`${[...way.slice(way.indexOf(next)), room, next].join(' -> ')}: the rooms go in a circle`);
      else visit(next, [...way, room]);
    }
  };
  for (const room of Object.keys(rooms)) visit(room, []);
  return [...found];
}

export function appOnlyWires(files: readonly SourceFile[]): Violation[] {
  const { rooms, except } = APP_LEAVES_TO_ROSTER;
  return files
    .filter(({ path }) => roomOf(path) === 'app' && path !== except)
    .flatMap((file) =>
      importsOf(file).flatMap(({ file: target, line }) =>
        target !== undefined && rooms.includes(roomOf(target) ?? '')
          ? [`${file.path}:${line}: app/ only wires, and ${target} is for roster/ to know (allowed: in ${except})`]
          : [],
      ),
    );
}

export function readersAreExchangeable(files: readonly SourceFile[]): Violation[] {
  const { rooms, except } = CONFIG_READERS;
  return files.flatMap((file) => {
    const own = roomOf(file.path) ?? '';
    if (file.path === except) return [];
    return importsOf(file).flatMap(({ file: target, line }) => {
      const room = target === undefined ? '' : (roomOf(target) ?? '');
      if (!rooms.includes(room) || room === own) return [];
      return [`${file.path}:${line}: ${target} is one reader of several (allowed: in ${except})`];
    });
  });
}

export function foldersAreSmall(files: readonly SourceFile[]): Violation[] {
  const counts = new Map<string, number>();
  for (const { path } of files) counts.set(posix.dirname(path), (counts.get(posix.dirname(path)) ?? 0) + 1);
  return [...counts].flatMap(([folder, count]) =>
    count > MAX_FILES ? [`${folder}: ${count} files directly in one folder (allowed: ${MAX_FILES})`] : [],
  );
}

export function nodeModulesStayInTheirRooms(files: readonly SourceFile[]): Violation[] {
  return files.flatMap((file) =>
    importsOf(file).flatMap(({ what, line }) =>
      NODE_MODULES.filter(
        ({ modules, allowed }) => isModule(what, modules) && !allowed.some((place) => file.path.startsWith(place)),
      ).map(({ allowed }) => `${file.path}:${line}: no ${what} here (allowed: ${allowed.join(', ')})`),
    ),
  );
}

/** Optional packages are loaded by `import()`, in one file, when the configuration asks for them. */
export function optionalPackagesAreLoadedLate(files: readonly SourceFile[]): Violation[] {
  return files.flatMap((file) =>
    importsOf(file).flatMap(({ what, line, late }) => {
      const home = OPTIONAL_PACKAGES[what];
      if (home === undefined || (file.path === home && late)) return [];
      return [`${file.path}:${line}: ${what} is optional (allowed: import() in ${home})`];
    }),
  );
}

export function noImportCycles(files: readonly SourceFile[]): Violation[] {
  const imports = new Map(files.map((file) => [file.path, importsOf(file)]));
  const found: Violation[] = [];
  const done = new Set<string>();
  const visit = (path: string, way: readonly string[]): void => {
    for (const { file: target, line } of imports.get(path) ?? []) {
      if (target === undefined || done.has(target)) continue;
      const at = [...way, path].indexOf(target);
      if (at === -1) visit(target, [...way, path]);
      else found.push(`${path}:${line}: import cycle ${[...way.slice(at), path, target].join(' -> ')} (allowed: none)`);
    }
    done.add(path);
  };
  for (const { path } of files) if (!done.has(path)) visit(path, []);
  return found;
}

export function pureRoomsStayPure(files: readonly SourceFile[]): Violation[] {
  const pure = ['fcgi', 'balance', 'config'];
  return files.flatMap((file) => {
    const room = roomOf(file.path)?.split('/')[0] ?? '';
    if (!pure.includes(room)) return [];
    return importsOf(file)
      .filter(({ what }) => isModule(what, OUTSIDE_WORLD))
      .map(({ what, line }) => `${file.path}:${line}: ${room}/ is pure and must not import ${what} (allowed: ${room}, core)`);
  });
}
