// Prose in Markdown is at most 100 characters wide, and what it cites exists: links, their anchors,
// and files in backquotes.

import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const WIDTH = 100;
/** Folders whose files are cited in backquotes as `folder/file`. */
const CITED = /`((?:src|test|docs|scripts|bench|config|man)\/[^`\s]*)`/g;

/** Every page of the project, relative to its root. */
const PAGES = ['.', 'docs', 'docs/decisions', 'bench'].flatMap((folder) =>
  readdirSync(join(ROOT, folder))
    .filter((name) => name.endsWith('.md'))
    .map((name) => normalize(join(folder, name))),
);

const read = (page: string): string => readFileSync(join(ROOT, page), 'utf8');

interface Line {
  readonly number: number;
  readonly text: string;
}

/** The lines outside of code blocks, whose fences and contents are left out. */
function proseLines(markdown: string): readonly Line[] {
  const lines: Line[] = [];
  let fence: string | undefined;
  for (const [index, text] of markdown.split('\n').entries()) {
    const mark = /^\s*(`{3,}|~{3,})/.exec(text)?.[1];
    if (fence === undefined && mark !== undefined) fence = mark;
    else if (fence !== undefined && mark === fence) fence = undefined;
    else if (fence === undefined) lines.push({ number: index + 1, text });
  }
  return lines;
}

/**
 * Lines that are too long, but for tables, and for what cannot be broken: one link, one span of
 * code, a heading, a comment.
 */
function longLines(markdown: string): readonly number[] {
  return proseLines(markdown)
    .filter(({ text }) => [...text].length > WIDTH && !/^\s*(\||#|<!--)/.test(text))
    .filter(({ text }) => /\s/.test(unbroken(text)))
    .map(({ number }) => number);
}

/** The line with links and code as one word each, without the marks of a list. */
function unbroken(text: string): string {
  return text
    .trim()
    .replace(/^(?:[-*]|\d+\.)\s+/, '')
    .replace(/`[^`]*`/g, 'code')
    .replace(/!?\[[^\]]*\]\([^)]*\)\S*/g, 'link');
}

/** The anchors that GitHub gives the headings of a page. */
function anchorsOf(markdown: string): ReadonlySet<string> {
  const anchors = new Set<string>();
  for (const { text } of proseLines(markdown)) {
    const heading = /^#+\s+(.*)$/.exec(text)?.[1];
    if (heading === undefined) continue;
    const plain = heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replaceAll(' ', '-');
    let anchor = plain;
    for (let copy = 1; anchors.has(anchor); copy += 1) anchor = `${plain}-${copy}`;
    anchors.add(anchor);
  }
  return anchors;
}

/** Links that lead to no file of the project, or to no heading of it. */
function brokenLinks(page: string, markdown: string): readonly string[] {
  const text = proseLines(markdown)
    .map((line) => line.text)
    .join('\n')
    .replace(/`[^`]*`/g, '');
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, target = '']) => {
    if (/^[a-z]+:/.test(target)) return [];
    const [path = '', anchor] = target.split('#');
    const file = path === '' ? page : normalize(join(dirname(page), path));
    if (!existsSync(join(ROOT, file))) return [target];
    if (anchor === undefined || statSync(join(ROOT, file)).isDirectory()) return [];
    return anchorsOf(file === page ? markdown : read(file)).has(anchor) ? [] : [target];
  });
}

/** Files in backquotes that do not exist; a `*` or a word in capitals stands for any name. */
function missingFiles(markdown: string): readonly string[] {
  const text = proseLines(markdown)
    .map((line) => line.text)
    .join('\n');
  return [...text.matchAll(CITED)]
    .map(([, path = '']) => path)
    .filter((path) => !/[*{<]|[A-Z]{4}/.test(path) && !existsSync(join(ROOT, path)));
}

describe.each(PAGES)('%s', (page) => {
  it('has no line of prose above 100 characters', () => {
    expect(longLines(read(page))).toEqual([]);
  });

  it('links to files and headings that exist', () => {
    expect(brokenLinks(page, read(page))).toEqual([]);
  });

  it('cites files that exist', () => {
    expect(missingFiles(read(page))).toEqual([]);
  });
});

describe('the check of prose', () => {
  const long = 'word '.repeat(25);

  it('finds lines that are too long, and no others', () => {
    const table = `| ${long} |`;
    const link = `- [${long}](docs/status.md),`;
    expect(longLines([long, table, `# ${long}`, link, '```', long, '```', `see ${link}`].join('\n'))).toEqual([1, 8]);
  });

  it('finds links and files that lead nowhere', () => {
    const text = '[a](docs/no.md) [b](README.md#no) [c](#here) [d](https://no.example/) `[e](no.md)`\n\n## Here';
    expect(brokenLinks('README.md', text)).toEqual(['docs/no.md', 'README.md#no']);
    expect(missingFiles('`src/no.ts` `src/cli/main.ts` `test/docs/*.test.ts` `docs/NAME.md`')).toEqual(['src/no.ts']);
  });
});
