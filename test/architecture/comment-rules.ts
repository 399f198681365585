// The rules about comments: narrow, plain, and citing only what exists.

import type { SourceFile, Violation } from './source-file.ts';

/** Columns of a comment. */
const MAX_COLUMNS = 100;
/** Words that hide who acts. Say the caller, the client, the operator, the waiter. */
const VAGUE = /\b(?:whoever|whomever|somebody|someone|nobody|anybody|everybody|is told|are told|is said of)\b/i;
const CITED = /(?<![\w./-])((?:src|test|docs|bench|scripts|config)\/[\w./-]*\w\.\w+|[A-Z]{3,}\.md)\b/g;

interface CommentLine {
  readonly text: string;
  readonly line: number;
}

/** The lines that hold nothing but a comment. */
function commentLines({ text }: SourceFile): readonly CommentLine[] {
  return text
    .split('\n')
    .map((line, index) => ({ text: line, line: index + 1 }))
    .filter((line) => /^\s*(?:\/\/|\/?\*)/.test(line.text));
}

export function commentsAreNarrow(files: readonly SourceFile[]): Violation[] {
  return files.flatMap((file) =>
    commentLines(file)
      .filter(({ text }) => text.length > MAX_COLUMNS && !/https?:|biome-ignore/.test(text))
      .map(({ text, line }) => `${file.path}:${line}: ${text.length} columns of comment (allowed: ${MAX_COLUMNS})`),
  );
}

export function commentsArePlain(files: readonly SourceFile[]): Violation[] {
  return files.flatMap((file) =>
    commentLines(file).flatMap(({ text, line }) => {
      const word = VAGUE.exec(text)?.[0];
      return word === undefined ? [] : [`${file.path}:${line}: '${word}' (expected: the name of who or what it is)`];
    }),
  );
}

/** @param exists whether the project has a file, by its path from the root */
export function commentsCiteWhatExists(files: readonly SourceFile[], exists: (path: string) => boolean): Violation[] {
  return files.flatMap((file) =>
    commentLines(file).flatMap(({ text, line }) =>
      [...text.matchAll(CITED)].flatMap(({ 1: path = '' }) =>
        exists(path) ? [] : [`${file.path}:${line}: the comment cites ${path}, which does not exist`],
      ),
    ),
  );
}
