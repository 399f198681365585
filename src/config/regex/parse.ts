// Reads a regular expression as a tree, as far as its cost can be told from it; what it cannot be
// told of is refused.

import { ConfigError } from '../../core/errors.ts';

/** Which of the 256 bytes an atom matches: bit n for byte n. */
export type Bytes = bigint;

export type RegexNode =
  | { readonly kind: 'bytes'; readonly bytes: Bytes }
  /** Matches no byte of its own: `^`, `$`, `\b`. */
  | { readonly kind: 'assertion'; readonly start: boolean }
  | { readonly kind: 'lookahead'; readonly body: RegexNode }
  | { readonly kind: 'sequence'; readonly items: readonly RegexNode[] }
  | { readonly kind: 'choice'; readonly items: readonly RegexNode[] }
  | { readonly kind: 'repeat'; readonly body: RegexNode; readonly min: number; readonly max: number };

export const ALL_BYTES: Bytes = (1n << 256n) - 1n;

const LINE_BREAKS = bytesOf('\n\r');
const DIGITS = range(0x30, 0x39);
const WORD = DIGITS | range(0x41, 0x5a) | range(0x61, 0x7a) | bytesOf('_');
const SPACE = bytesOf('\t\n\v\f\r \xa0');
const CLASSES: Readonly<Record<string, Bytes>> = {
  d: DIGITS,
  D: ALL_BYTES & ~DIGITS,
  w: WORD,
  W: ALL_BYTES & ~WORD,
  s: SPACE,
  S: ALL_BYTES & ~SPACE,
};
const CONTROLS: Readonly<Record<string, number>> = { n: 10, r: 13, t: 9, v: 11, f: 12, 0: 0 };

/**
 * @param source of a RegExp without flags, which has compiled
 * @throws ConfigError for what makes its time or its meaning hard to tell
 */
export function parseRegexTree(source: string): RegexNode {
  // Paths are compared byte by byte; what looks like one letter would be several bytes, and a class
  // of them any one.
  const wide = /[^\x20-\x7e]/.exec(source);
  if (wide !== null) throw new ConfigError(`'${wide[0]}': expected ASCII; paths are matched as bytes, so write others as \\xHH`);
  return new Parser(source).parse();
}

class Parser {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  parse(): RegexNode {
    const tree = this.#choice();
    if (this.#at < this.#text.length) throw new ConfigError(`cannot be understood from '${this.#text.slice(this.#at)}' on`);
    return tree;
  }

  #choice(): RegexNode {
    const items = [this.#sequence()];
    while (this.#take('|')) items.push(this.#sequence());
    return items.length === 1 && items[0] !== undefined ? items[0] : { kind: 'choice', items };
  }

  #sequence(): RegexNode {
    const items: RegexNode[] = [];
    while (this.#at < this.#text.length && !this.#sees('|') && !this.#sees(')')) items.push(this.#quantified(this.#atom()));
    return { kind: 'sequence', items };
  }

  #quantified(body: RegexNode): RegexNode {
    const match = /^(?:([*+?])|\{(\d+)(?:(,)(\d*))?\})\??/.exec(this.#text.slice(this.#at));
    if (match === null) return body;
    this.#at += match[0].length;
    const [, sign, least, comma, most] = match;
    if (canBeEmpty(body)) throw new ConfigError(`what '${match[0]}' repeats can be empty: each way to be so is tried`);
    if (sign !== undefined) return { kind: 'repeat', body, min: sign === '+' ? 1 : 0, max: sign === '?' ? 1 : Infinity };
    const min = Number(least);
    return { kind: 'repeat', body, min, max: comma === undefined ? min : most === '' ? Infinity : Number(most) };
  }

  #atom(): RegexNode {
    const character = this.#next();
    switch (character) {
      case '(':
        return this.#group();
      case '[':
        return { kind: 'bytes', bytes: this.#class() };
      case '.':
        return { kind: 'bytes', bytes: ALL_BYTES & ~LINE_BREAKS };
      case '^':
        return { kind: 'assertion', start: true };
      case '$':
        return { kind: 'assertion', start: false };
      case '\\':
        if (this.#take('b') || this.#take('B')) return { kind: 'assertion', start: false };
        return { kind: 'bytes', bytes: this.#escape() };
      default:
        return { kind: 'bytes', bytes: bytesOf(character) };
    }
  }

  #group(): RegexNode {
    const match = /^\?(?::|=|!|<[A-Za-z_$][\w$]*>)/.exec(this.#text.slice(this.#at));
    if (match === null && this.#sees('?')) {
      const shown = this.#text.slice(this.#at - 1, this.#at + 4);
      throw new ConfigError(`'${shown}...' is not allowed here: no lookbehind, and no flags within`);
    }
    this.#at += match?.[0].length ?? 0;
    const body = this.#choice();
    this.#at += 1;
    return match?.[0] === '?=' || match?.[0] === '?!' ? { kind: 'lookahead', body } : body;
  }

  #class(): Bytes {
    const negated = this.#take('^');
    let bytes = 0n;
    while (!this.#take(']')) {
      if (this.#at >= this.#text.length) throw new ConfigError('a class of characters has no end');
      const first = this.#classAtom();
      const rangeFollows = this.#sees('-') && this.#text[this.#at + 1] !== ']';
      if (!rangeFollows) {
        bytes |= first;
        continue;
      }
      this.#at += 1;
      const last = this.#classAtom();
      const [from, to] = [single(first), single(last)];
      bytes |= from === undefined || to === undefined ? first | last | bytesOf('-') : range(from, to);
    }
    return negated ? ALL_BYTES & ~bytes : bytes;
  }

  #classAtom(): Bytes {
    const character = this.#next();
    if (character !== '\\') return bytesOf(character);
    return this.#take('b') ? 1n << 8n : this.#escape();
  }

  /** What follows a backslash. */
  #escape(): Bytes {
    const character = this.#next();
    const known = CLASSES[character];
    if (known !== undefined) return known;
    const code = CONTROLS[character];
    if (code !== undefined && !/^\d/.test(this.#text.slice(this.#at))) return 1n << BigInt(code);
    if (/[\dk]/.test(character)) throw new ConfigError(`'\\${character}' refers back to a group, which can take very long`);
    const hex = /^(?:x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4}))/.exec(character + this.#text.slice(this.#at, this.#at + 4));
    if (hex !== null) {
      this.#at += hex[0].length - 1;
      const value = Number.parseInt(hex[1] ?? hex[2] ?? '', 16);
      return value > 255 ? 0n : 1n << BigInt(value);
    }
    if (/[A-Za-z]/.test(character)) throw new ConfigError(`'\\${character}' has no meaning here`);
    return bytesOf(character);
  }

  #next(): string {
    const character = this.#text[this.#at] ?? '';
    this.#at += 1;
    return character;
  }

  #sees(character: string): boolean {
    return this.#text[this.#at] === character;
  }

  #take(character: string): boolean {
    if (!this.#sees(character)) return false;
    this.#at += 1;
    return true;
  }
}

/** Whether it may match without a byte. */
export function canBeEmpty(node: RegexNode): boolean {
  switch (node.kind) {
    case 'bytes':
      return false;
    case 'assertion':
    case 'lookahead':
      return true;
    case 'sequence':
      return node.items.every(canBeEmpty);
    case 'choice':
      return node.items.some(canBeEmpty);
    case 'repeat':
      return node.min === 0 || canBeEmpty(node.body);
  }
}

function bytesOf(characters: string): Bytes {
  return [...characters].reduce((bytes, character) => bytes | (1n << BigInt(character.charCodeAt(0))), 0n);
}

function range(from: number, to: number): Bytes {
  return ((1n << BigInt(to - from + 1)) - 1n) << BigInt(from);
}

/** The only byte of a set; undefined when there are none or several. */
function single(bytes: Bytes): number | undefined {
  return bytes !== 0n && (bytes & (bytes - 1n)) === 0n ? bytes.toString(2).length - 1 : undefined;
}
