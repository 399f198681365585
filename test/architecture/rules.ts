// The rules of the house (DESIGN.md section 3) as functions: source files in, what breaks the rule
// out.

import { posix } from 'node:path';
import { lineAt, type SourceViews, sourceViews, topLevelOnly } from './source-text.ts';

export interface SourceFile extends SourceViews {
  /** From the root of the project, with slashes: `src/core/clock.ts`. */
  readonly path: string;
  readonly text: string;
}

/** `src/core/clock.ts:3: what is wrong (what would be right)` */
export type Violation = string;

export function sourceFile(path: string, text: string): SourceFile {
  return { path, text, ...sourceViews(text) };
}

/**
 * The levels from the top down. A room may import itself and the rooms on the levels below its own.
 */
export const LEVELS: readonly (readonly string[])[] = [
  ['cli'],
  ['app'],
  ['http', 'admin', 'workers'],
  ['alerts'],
  ['pool', 'health'],
  ['upstream'],
  ['fcgi', 'balance', 'discovery', 'state', 'config'],
  ['core'],
];

const MAX_LINES = 350;
const NETWORK = ['node:net', 'node:tls', 'node:dgram'];
const OUTSIDE_WORLD = [...NETWORK, 'node:http', 'node:https', 'node:http2', 'node:fs', 'node:dns', 'node:child_process'];

interface Import {
  /** What is imported, as written. */
  readonly what: string;
  /** Path of the file it means, when it is one of ours. */
  readonly file: string | undefined;
  readonly line: number;
}

export function importsOf(file: SourceFile): readonly Import[] {
  const found: Import[] = [];
  // `from '...'`, `import '...'` and `import('...')`.
  for (const match of file.withoutComments.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*(['"])([^'"\n]+)\1/g)) {
    // The word itself must be code, not part of a string.
    if (!/^(?:from|import)/.test(file.codeOnly.slice(match.index))) continue;
    const what = match[2] ?? '';
    const ours = what.startsWith('.') ? posix.join(posix.dirname(file.path), what) : undefined;
    found.push({ what, file: ours, line: lineAt(file.text, match.index) });
  }
  return found;
}

function roomOf(path: string): string {
  return path.split('/')[1] ?? '';
}

function levelOf(room: string): number {
  return LEVELS.findIndex((rooms) => rooms.includes(room));
}

/** Whether an import means the module or a part of it (`node:fs` and `node:fs/promises`). */
function isModule(what: string, modules: readonly string[]): boolean {
  const full = what.startsWith('node:') ? what : `node:${what}`;
  return modules.some((module) => full === module || full.startsWith(`${module}/`));
}

export function importsPointDownward(files: readonly SourceFile[]): Violation[] {
  const found: Violation[] = [];
  for (const file of files) {
    const room = roomOf(file.path);
    const level = levelOf(room);
    if (level === -1 || file.path.split('/').length < 3) {
      found.push(`${file.path}:1: every file stands in a room (rooms: ${LEVELS.flat().join(', ')})`);
      continue;
    }
    const allowed = [room, ...LEVELS.slice(level + 1).flat()];
    for (const { file: target, line } of importsOf(file)) {
      if (target === undefined || allowed.includes(roomOf(target))) continue;
      found.push(`${file.path}:${line}: ${room}/ must not import ${target} (allowed: ${allowed.join(', ')})`);
    }
  }
  return found;
}

/** Rooms that need less than their level would let them have. */
const NARROW: Readonly<Record<string, readonly string[]>> = { alerts: ['config', 'core'] };

export function narrowRoomsStayNarrow(files: readonly SourceFile[]): Violation[] {
  return files.flatMap((file) => {
    const room = roomOf(file.path);
    const allowed = NARROW[room];
    if (allowed === undefined) return [];
    return importsOf(file)
      .filter(({ file: target }) => target !== undefined && ![room, ...allowed].includes(roomOf(target)))
      .map(
        ({ file: target, line }) =>
          `${file.path}:${line}: ${room}/ must not import ${target} (allowed: ${room}, ${allowed.join(', ')})`,
      );
  });
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

export function filesAreShort(files: readonly SourceFile[]): Violation[] {
  return files.flatMap(({ path, text }) => {
    const lines = text.replace(/\n$/, '').split('\n').length;
    return lines > MAX_LINES ? [`${path}:${MAX_LINES + 1}: the file has ${lines} lines (allowed: ${MAX_LINES})`] : [];
  });
}

export function filesSayWhatTheyDo(files: readonly SourceFile[]): Violation[] {
  return files.flatMap(({ path, text }) => {
    const [first = '', second = ''] = text.split('\n');
    const line = first.startsWith('#!') ? 2 : 1;
    if (/^\/\/ \S/.test(line === 2 ? second : first)) return [];
    return [`${path}:${line}: the first line must say what the file does (expected: a // comment)`];
  });
}

export function noDefaultExports(files: readonly SourceFile[]): Violation[] {
  return patternRule(files, /\bexport\s+default\b|\bas\s+default\b|\bexport\s*=/g, 'no default exports; export by name');
}

export function typesAreHonest(files: readonly SourceFile[]): Violation[] {
  const directives = files.flatMap(({ path, text }) =>
    [...text.matchAll(/@ts-(?:ignore|nocheck|expect-error)/g)].map(
      ({ 0: what, index }) => `${path}:${lineAt(text, index)}: ${what} hides an error (allowed: none)`,
    ),
  );
  return [
    ...directives,
    ...patternRule(files, /(?<![.\w$])any\b(?!\s*[(:])/g, "no 'any' types; 'unknown' and a check do"),
    // An exclamation mark that follows a value and is not the beginning of `!=`.
    ...patternRule(files, /[\w$)\]]!(?!=)/g, 'no non-null assertions; check the value'),
  ];
}

export function socketsStayInTheirRooms(files: readonly SourceFile[]): Violation[] {
  const allowed = ['upstream', 'http', 'admin'];
  return files.flatMap((file) => {
    if (allowed.includes(roomOf(file.path)) || file.path === 'src/listen/listen.ts') return [];
    return importsOf(file)
      .filter(({ what }) => isModule(what, NETWORK))
      .map(({ what, line }) => `${file.path}:${line}: no ${what} here (allowed: ${allowed.join(', ')}, core/listen.ts)`);
  });
}

export function pureRoomsStayPure(files: readonly SourceFile[]): Violation[] {
  const pure = ['fcgi', 'balance', 'config'];
  return files.flatMap((file) => {
    const room = roomOf(file.path);
    if (!pure.includes(room)) return [];
    return importsOf(file)
      .filter(({ what }) => isModule(what, OUTSIDE_WORLD))
      .map(({ what, line }) => `${file.path}:${line}: ${room}/ is pure and must not import ${what} (allowed: ${room}, core)`);
  });
}

const CLOCK = 'src/core/clock.ts';

export function timeComesFromTheClock(files: readonly SourceFile[]): Violation[] {
  const others = files.filter(({ path }) => path !== CLOCK);
  const raw = new RegExp(
    [
      /\bDate\.now\b|\bperformance\.(?:now|timeOrigin)\b|\bnew\s+Date\b|(?<![.\w])Date\(|\bprocess\.hrtime\b/,
      // The functions, called or passed on, but not a method of that name that a class defines for
      // itself.
      /(?<![.\w$])set(?:Timeout|Interval)\b(?!\(\)\s*[:{])|\bglobalThis\.set(?:Timeout|Interval)\b/,
      // A socket's own timer, but not switching it off.
      /\.setTimeout\((?!\s*0\s*\))/,
    ]
      .map(({ source }) => source)
      .join('|'),
    'g',
  );
  const timers = others.flatMap((file) =>
    importsOf(file)
      .filter(({ what }) => isModule(what, ['node:timers', 'node:perf_hooks']))
      .map(({ what, line }) => `${file.path}:${line}: no ${what} here (allowed: core/clock.ts)`),
  );
  return [...timers, ...patternRule(others, raw, 'raw time only in core/clock.ts; take a Clock')];
}

export function modulesHoldNoState(files: readonly SourceFile[]): Violation[] {
  return files.flatMap(({ path, text, codeOnly }) => {
    const top = topLevelOnly(codeOnly);
    const variables = [...top.matchAll(/^[ \t]*(?:export\s+)?(?:let|var)\b/gm)];
    // A collection that begins empty is there to be filled.
    const collections = [...codeOnly.matchAll(/=\s*(?:new\s+(?:Weak)?(?:Map|Set)(?:<[^=;\n]*>)?\(\s*\)|\[\s*\])/g)];
    return [...variables, ...collections.filter(({ index }) => top[index] === '=')].map(
      ({ index }) =>
        `${path}:${lineAt(text, index)}: module-level mutable state (allowed: constants; state belongs in an object)`,
    );
  });
}

const ERRORS = 'src/core/errors.ts';

export function failureCodesAreUsed(files: readonly SourceFile[]): Violation[] {
  const table = files.find(({ path }) => path === ERRORS);
  if (table === undefined) return [`${ERRORS}:1: the table of failures is missing`];
  const codes = [...table.withoutComments.matchAll(/^ {2}(FCGI_LB_\w+):/gm)];
  if (codes.length === 0) return [`${ERRORS}:1: no failure codes found; has the table moved?`];
  return codes.flatMap(({ 1: code = '', index }) => {
    const used = files.some(({ path, withoutComments }) => path !== ERRORS && new RegExp(`\\b${code}\\b`).test(withoutComments));
    return used ? [] : [`${ERRORS}:${lineAt(table.text, index)}: ${code} is used nowhere (expected: in another file of src)`];
  });
}

/** @param packageJson and @param document are the texts of the two files */
export function dependenciesAreExplained(packageJson: string, document: string): Violation[] {
  const { dependencies = {}, devDependencies = {} } = JSON.parse(packageJson) as Record<string, Record<string, string>>;
  return Object.keys({ ...dependencies, ...devDependencies }).flatMap((name) => {
    if (new RegExp(`(?<![\\w@/.-])${escaped(name)}(?![\\w/-])`).test(document)) return [];
    const line = lineAt(packageJson, packageJson.indexOf(`"${name}"`));
    return [`package.json:${line}: ${name} is not named in docs/dependencies.md (expected: every dependency, with its reason)`];
  });
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

function patternRule(files: readonly SourceFile[], pattern: RegExp, rule: string): Violation[] {
  return files.flatMap(({ path, text, codeOnly }) =>
    [...codeOnly.matchAll(pattern)].map(({ 0: what, index }) => `${path}:${lineAt(text, index)}: '${what.trim()}': ${rule}`),
  );
}
