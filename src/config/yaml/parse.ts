// A file's text as YAML nodes that know their places.

import { Composer, type CST, type Document, isAlias, isScalar, type Node, Parser, visit } from 'yaml';
import type { SourcePosition } from '../problem.ts';
import type { Report } from '../report.ts';

/** Deeper than any configuration; the library recurses, and would run out of stack. */
const MAX_DEPTH = 32;
/** Characters. */
const MAX_TEXT = 4 * 1024 ** 2;

export interface YamlFile {
  /** Undefined for an empty file. */
  readonly root: Node | undefined;
  /** What an alias stands for. */
  target(alias: Node): Node | undefined;
  /** The place of a node, or of a part of its text. */
  placeOf(node: Node, part?: string): SourcePosition;
}

/** @returns undefined when the text is no YAML; why is in the report */
export function parseYaml(name: string, text: string, report: Report): YamlFile | undefined {
  const place = placesIn(name, text);
  if (text.length > MAX_TEXT) {
    report.add(place(0), '', `the file has ${text.length} characters; at most ${MAX_TEXT} are read`);
    return undefined;
  }
  const tokens = [...new Parser().parse(text)];
  const deep = tooDeep(tokens);
  if (deep !== undefined) {
    report.add(place(deep), '', `more than ${MAX_DEPTH} lists or maps within each other`);
    return undefined;
  }
  const composer = new Composer({ version: '1.2', schema: 'core', uniqueKeys: false, prettyErrors: false });
  const [document, second] = [...composer.compose(tokens, true, text.length)];
  if (document === undefined) return undefined;
  for (const error of [...document.errors, ...document.warnings]) {
    report.add(place(error.pos[0]), '', error.message.replace(/\s+/g, ' '));
  }
  if (second !== undefined) report.add(place(second.range[0]), '', 'a second document begins here; a file holds one');
  if (document.errors.length > 0 || second !== undefined) return undefined;
  const targets = aliasTargets(document);
  return {
    root: isScalar(document.contents) && document.contents.value === null ? undefined : (document.contents ?? undefined),
    target: (alias) => targets.get(alias),
    placeOf: (node, part) => {
      const [start, end] = node.range ?? [0, 0];
      const within = part === undefined ? -1 : text.indexOf(part, start);
      return place(within !== -1 && within < end ? within : start);
    },
  };
}

/**
 * From offsets to places. The library's own counter does not hear of lines that hold what cannot be
 * understood.
 */
function placesIn(file: string, text: string): (offset: number) => SourcePosition {
  const starts = [0];
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return (offset) => {
    let [low, high] = [0, starts.length];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle;
    }
    return { file, line: low + 1, column: offset - (starts[low] ?? 0) + 1 };
  };
}

/** The offset of something within too many others; undefined when nothing is. Without recursion. */
function tooDeep(tokens: readonly CST.Token[]): number | undefined {
  const open: { token: CST.Token | null | undefined; depth: number }[] = tokens.map((token) => ({ token, depth: 0 }));
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { token, depth } = next;
    if (token === null || token === undefined) continue;
    if (depth > MAX_DEPTH) return token.offset;
    if (token.type === 'document') open.push({ token: token.value, depth });
    if (!('items' in token)) continue;
    for (const item of token.items) open.push({ token: item.key, depth: depth + 1 }, { token: item.value, depth: depth + 1 });
  }
  return undefined;
}

/** What each alias stands for: the last node before it with that anchor. */
function aliasTargets(document: Document): ReadonlyMap<Node, Node> {
  const anchors = new Map<string, Node>();
  const targets = new Map<Node, Node>();
  visit(document, {
    Node: (_, node) => {
      if (isAlias(node)) {
        const target = anchors.get(node.source);
        if (target !== undefined) targets.set(node, target);
      } else if (node.anchor !== undefined) anchors.set(node.anchor, node);
    },
  });
  return targets;
}
