// Reads the head of a CGI response (RFC 3875 section 6) from STDOUT bytes, however they are split,
// and checks every line of it.

/** The worker's head breaks the rules; nothing of it may reach a client. */
export class BadHeadError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'BadHeadError';
  }
}

export class HeadTooLargeError extends Error {
  constructor(limit: number) {
    super(`response head passes ${limit} bytes`);
    this.name = 'HeadTooLargeError';
  }
}

export interface HeaderField {
  readonly name: string;
  /** The name in lower case, to compare with. */
  readonly key: string;
  /** A byte string: each character is one byte. */
  readonly value: string;
}

const LF = 10;
const CR = 13;
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
// RFC 9110 5.5: visible characters, obs-text, space and tab. A bare CR, a NUL or another control
// character is an attack or a bug.
// biome-ignore lint/suspicious/noControlCharactersInRegex: it is there to refuse them
const FORBIDDEN = /[\x00-\x08\x0a-\x1f\x7f]/;

/**
 * Collects bytes up to the empty line. `#position` is where the next byte stands: inside a line, at
 * the start of one, or after a CR at the start of one. Lines may end in CR LF or in LF alone (old
 * Perl scripts do that).
 */
export class CgiHeadReader {
  readonly #limit: number;
  readonly #chunks: Buffer[] = [];
  #size = 0;
  #position: 'inside' | 'start' | 'after-cr' = 'start';

  /** @param limit bytes a head may take, the empty line included */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /**
   * Takes the next bytes of STDOUT. Gives undefined while the head is incomplete, else its fields
   * and the offset in `chunk` at which the body begins.
   * @throws BadHeadError, HeadTooLargeError
   */
  push(chunk: Buffer): { readonly fields: readonly HeaderField[]; readonly bodyAt: number } | undefined {
    const bodyAt = this.#findEnd(chunk);
    this.#size += bodyAt ?? chunk.length;
    if (this.#size > this.#limit) throw new HeadTooLargeError(this.#limit);
    this.#chunks.push(chunk);
    if (bodyAt === undefined) return undefined;
    const whole = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks, this.#size);
    return { fields: parseFields(whole.toString('latin1', 0, this.#size)), bodyAt };
  }

  #findEnd(chunk: Buffer): number | undefined {
    let at = 0;
    while (at < chunk.length) {
      if (this.#position === 'inside') {
        const lineEnd = chunk.indexOf(LF, at);
        if (lineEnd === -1) return undefined;
        at = lineEnd + 1;
        this.#position = 'start';
        continue;
      }
      const byte = chunk[at];
      at += 1;
      if (byte === LF) return at;
      this.#position = byte === CR && this.#position === 'start' ? 'after-cr' : 'inside';
    }
    return undefined;
  }
}

function parseFields(head: string): HeaderField[] {
  const fields: HeaderField[] = [];
  let at = 0;
  while (at < head.length) {
    const lineEnd = head.indexOf('\n', at);
    const stop = head.charCodeAt(lineEnd - 1) === CR && lineEnd > at ? lineEnd - 1 : lineEnd;
    if (stop === at) break;
    fields.push(parseField(head.slice(at, stop)));
    at = lineEnd + 1;
  }
  if (fields.length === 0) throw new BadHeadError('response head without a header field');
  return fields;
}

function parseField(line: string): HeaderField {
  const colon = line.indexOf(':');
  if (colon === -1) throw new BadHeadError(`header line without a colon: ${quote(line)}`);
  const name = line.slice(0, colon);
  // RFC 9112 5.1: no space between name and colon; a line that begins with space would be an
  // obsolete fold.
  if (!TOKEN.test(name)) throw new BadHeadError(`bad header name: ${quote(name)}`);
  const value = trimBlank(line, colon + 1);
  if (FORBIDDEN.test(value)) throw new BadHeadError(`control character in header ${name}: ${quote(value)}`);
  return { name, key: name.toLowerCase(), value };
}

/**
 * The rest of the line without spaces and tabs at its ends; `trim` would also remove the control
 * characters that must be refused.
 */
function trimBlank(line: string, from: number): string {
  let start = from;
  let end = line.length;
  while (start < end && isBlank(line.charCodeAt(start))) start += 1;
  while (end > start && isBlank(line.charCodeAt(end - 1))) end -= 1;
  return line.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === 32 || code === 9;
}

function quote(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}...` : text);
}
