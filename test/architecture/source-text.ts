// Blanks out what is not code in TypeScript text, so that rules can be written as patterns and
// still not trip over prose.

/** Both views keep every line and column where it was. */
export interface SourceViews {
  /** Without comments. */
  readonly withoutComments: string;
  /** Without comments and without what is inside strings, templates and regular expressions. */
  readonly codeOnly: string;
}

/** A slash after one of these begins a regular expression; after anything else it divides. */
const BEFORE_REGEX = /(?:^|[=(,:;!&|?{}[+\-*%~^<>]|\b(?:return|typeof|case|of|in|void))\s*$/;

export function sourceViews(text: string): SourceViews {
  const withoutComments = text.split('');
  const codeOnly = text.split('');
  const blank = (target: string[], from: number, to: number): void => {
    for (let at = from; at < to; at += 1) if (target[at] !== '\n') target[at] = ' ';
  };
  const comment = (from: number, to: number): void => {
    blank(withoutComments, from, to);
    blank(codeOnly, from, to);
  };
  /** For each template we are inside of: how many braces are open within its current `${`. */
  const templates: number[] = [];
  let at = 0;
  /** Reads template text from `at` to its closing backtick or to the next `${`. */
  const templateText = (): void => {
    const from = at;
    while (at < text.length && text[at] !== '`' && !text.startsWith('${', at)) at += text[at] === '\\' ? 2 : 1;
    if (text[at] === '`') {
      blank(codeOnly, from, at);
      at += 1;
      return;
    }
    at += 2;
    blank(codeOnly, from, at);
    templates.push(0);
  };
  while (at < text.length) {
    const character = text[at] ?? '';
    const from = at;
    if (text.startsWith('//', at)) {
      at = after(text, text.indexOf('\n', at), 0);
      comment(from, at);
    } else if (text.startsWith('/*', at)) {
      at = after(text, text.indexOf('*/', at + 2), 2);
      comment(from, at);
    } else if (character === "'" || character === '"') {
      at += 1;
      while (at < text.length && text[at] !== character && text[at] !== '\n') at += text[at] === '\\' ? 2 : 1;
      blank(codeOnly, from + 1, at);
      at += 1;
    } else if (character === '/' && BEFORE_REGEX.test(codeOnly.slice(Math.max(0, at - 40), at).join(''))) {
      at = endOfRegex(text, at);
      blank(codeOnly, from + 1, at);
    } else if (character === '`') {
      at += 1;
      templateText();
    } else {
      at += 1;
      const open = templates.at(-1);
      if (open === undefined) continue;
      if (character === '{') templates[templates.length - 1] = open + 1;
      else if (character === '}' && open > 0) templates[templates.length - 1] = open - 1;
      else if (character === '}') {
        templates.pop();
        blank(codeOnly, from, at);
        templateText();
      }
    }
  }
  return { withoutComments: withoutComments.join(''), codeOnly: codeOnly.join('') };
}

function after(text: string, found: number, length: number): number {
  return found === -1 ? text.length : found + length;
}

function endOfRegex(text: string, start: number): number {
  let at = start + 1;
  let inClass = false;
  while (at < text.length && text[at] !== '\n') {
    if (text[at] === '\\') at += 1;
    else if (text[at] === '[') inClass = true;
    else if (text[at] === ']') inClass = false;
    else if (text[at] === '/' && !inClass) return at + 1;
    at += 1;
  }
  return at;
}

/** The number of the line (from 1) that the position is on. */
export function lineAt(text: string, position: number): number {
  let line = 1;
  for (let at = text.indexOf('\n'); at !== -1 && at < position; at = text.indexOf('\n', at + 1)) line += 1;
  return line;
}

/**
 * The code with everything inside brackets of any kind blanked: what stands at the top level of the
 * module.
 */
export function topLevelOnly(codeOnly: string): string {
  let depth = 0;
  let result = '';
  for (const character of codeOnly) {
    if (')]}'.includes(character)) depth -= 1;
    result += depth === 0 || character === '\n' ? character : ' ';
    if ('([{'.includes(character)) depth += 1;
  }
  return result;
}
