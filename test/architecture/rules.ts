// The rules about the text of a file: length, first line, exports, types, time, state, failure codes.

import { importsOf, isModule, patternRule, type SourceFile, type Violation } from './source-file.ts';
import { lineAt, topLevelOnly } from './source-text.ts';

const MAX_LINES = 350;
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

export function typeNamesAreUnique(files: readonly SourceFile[]): Violation[] {
  const seen = new Map<string, string>();
  return files.flatMap(({ path, text, codeOnly }) =>
    [...codeOnly.matchAll(/^export\s+(?:abstract\s+)?(?:class|interface|type|enum)\s+(\w+)/gm)].flatMap(
      ({ 1: name = '', index }) => {
        const first = seen.get(name);
        if (first === undefined) seen.set(name, path);
        return first === undefined ? [] : [`${path}:${lineAt(text, index)}: the type ${name} is exported by ${first}, too`];
      },
    ),
  );
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
