// A source file as the rules look at it: its text, its views, what it imports.

import { posix } from 'node:path';
import { lineAt, type SourceViews, sourceViews } from './source-text.ts';

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

export interface Import {
  /** What is imported, as written. */
  readonly what: string;
  /** Path of the file it means, when it is one of ours. */
  readonly file: string | undefined;
  readonly line: number;
  /** By `import()`, so only when that line runs. */
  readonly late: boolean;
}

export function importsOf(file: SourceFile): readonly Import[] {
  const found: Import[] = [];
  // `from '...'`, `import '...'` and `import('...')`.
  for (const match of file.withoutComments.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*(['"])([^'"\n]+)\1/g)) {
    // The word itself must be code, not part of a string.
    if (!/^(?:from|import)/.test(file.codeOnly.slice(match.index))) continue;
    const what = match[2] ?? '';
    const ours = what.startsWith('.') ? posix.join(posix.dirname(file.path), what) : undefined;
    const late = /^import\s*\(/.test(match[0]);
    found.push({ what, file: ours, line: lineAt(file.text, match.index), late });
  }
  return found;
}

/** Whether an import means the module or a part of it (`node:fs` and `node:fs/promises`). */
export function isModule(what: string, modules: readonly string[]): boolean {
  const full = what.startsWith('node:') ? what : `node:${what}`;
  return modules.some((module) => full === module || full.startsWith(`${module}/`));
}

export function patternRule(files: readonly SourceFile[], pattern: RegExp, rule: string): Violation[] {
  return files.flatMap(({ path, text, codeOnly }) =>
    [...codeOnly.matchAll(pattern)].map(({ 0: what, index }) => `${path}:${lineAt(text, index)}: '${what.trim()}': ${rule}`),
  );
}
