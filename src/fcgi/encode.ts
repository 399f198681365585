// Writes the records we send: BEGIN_REQUEST, PARAMS split on pair boundaries, STDIN and
// ABORT_REQUEST.

import {
  FIRST_REQUEST_ID,
  FLAG_KEEP_CONN,
  HEADER_LENGTH,
  MAX_CONTENT,
  paddingFor,
  ROLE_RESPONDER,
  TYPE,
  writeHeader,
} from './protocol.ts';

const BEGIN_LENGTH = 16;
/** Offset of the flags byte within the request head: record header, then two bytes of role. */
const FLAGS_AT = HEADER_LENGTH + 2;
/**
 * Content of a full STDIN record: the largest multiple of 8, so that only the last record needs
 * padding.
 */
export const STDIN_CONTENT = 65_528;

/** A parameter, or all of them together, is larger than any worker takes. */
export class ParamsTooLargeError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ParamsTooLargeError';
  }
}

/**
 * Builds the head of a connection's first request: BEGIN_REQUEST, PARAMS records and the empty
 * PARAMS record that closes them. Strings are byte strings: each character is one byte, so a latin1
 * header byte reaches the worker as it came.
 *
 * Invariants: a record's content never passes 65,535 bytes; a pair never spans two records (php-fpm
 * resets the connection on one that does); every padding and reserved byte is written as zero.
 *
 * Contents are joined as strings and become bytes all at once: with a write for each name and value
 * it took twice as long.
 *
 * One encoder serves every request in turn: `begin`, `add`..., `finish`, all in one tick.
 */
export class RequestEncoder {
  readonly #limit: number;
  /** Contents of the records that are full. */
  #full: string[] = [];
  /** Content of the record that is being filled. */
  #open = '';
  /** Bytes of all contents. */
  #size = 0;

  /** @param limit bytes that all parameters of one request may take together */
  constructor(limit = 1024 * 1024) {
    this.#limit = limit;
  }

  begin(): void {
    this.#full = [];
    this.#open = '';
    this.#size = 0;
  }

  /**
   * Adds one parameter.
   * @throws ParamsTooLargeError when the pair does not fit in one record, or all do not fit in the
   *   limit
   */
  add(name: string, value: string): void {
    this.#append(encodePair(name, value));
  }

  /**
   * Adds pairs that `encodePairs` made beforehand.
   * @throws ParamsTooLargeError when all parameters do not fit in the limit
   */
  addEncoded(pieces: readonly string[]): void {
    for (const pairs of pieces) this.#append(pairs);
  }

  /**
   * The finished head. With `emptyBody` the empty STDIN record that every request must end with is
   * part of it.
   */
  finish(emptyBody: boolean): Buffer {
    this.#closeRecord();
    const contents = this.#full;
    let size = BEGIN_LENGTH + (emptyBody ? 2 : 1) * HEADER_LENGTH;
    for (const { length } of contents) size += HEADER_LENGTH + length + paddingFor(length);
    const head = Buffer.allocUnsafe(size);
    let at = writeBegin(head);
    for (const content of contents) at = writeParams(head, at, content);
    at = writeEmpty(head, at, TYPE.PARAMS, FIRST_REQUEST_ID);
    if (emptyBody) writeEmpty(head, at, TYPE.STDIN, FIRST_REQUEST_ID);
    this.begin();
    return head;
  }

  /** @param pairs whole ones, no more than a record holds */
  #append(pairs: string): void {
    if (this.#open.length + pairs.length > MAX_CONTENT) this.#closeRecord();
    this.#size += pairs.length;
    if (this.#size > this.#limit) {
      throw new ParamsTooLargeError(`the parameters of one request pass ${this.#limit} bytes`);
    }
    this.#open += pairs;
  }

  #closeRecord(): void {
    // An empty PARAMS record would end the stream.
    if (this.#open !== '') this.#full.push(this.#open);
    this.#open = '';
  }
}

/**
 * Makes a finished request head fit the connection it is to go over: its request id, and
 * FCGI_KEEP_CONN or not.
 */
export function addressHead(head: Buffer, requestId: number, keep: boolean): void {
  head[FLAGS_AT] = keep ? FLAG_KEEP_CONN : 0;
  if (head.readUInt16BE(2) === requestId) return;
  for (let at = 0; at < head.length; ) {
    head.writeUInt16BE(requestId, at + 2);
    at += HEADER_LENGTH + head.readUInt16BE(at + 4) + (head[at + 6] ?? 0);
  }
}

/**
 * Encodes parameters that are the same for many requests. Names and values are byte strings.
 * @returns byte strings for `addEncoded`, none longer than a record
 * @throws ParamsTooLargeError when one of them does not fit in one record
 */
export function encodePairs(pairs: Iterable<readonly [name: string, value: string]>): readonly string[] {
  const pieces: string[] = [];
  let piece = '';
  for (const [name, value] of pairs) {
    const pair = encodePair(name, value);
    if (piece.length + pair.length > MAX_CONTENT) {
      pieces.push(flat(piece));
      piece = '';
    }
    piece += pair;
  }
  if (piece !== '') pieces.push(flat(piece));
  return pieces;
}

/**
 * The same string in one piece: one that was joined of many is put together again each time it is
 * written.
 */
function flat(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1');
}

/** @throws ParamsTooLargeError */
function encodePair(name: string, value: string): string {
  const pair = lengthBytes(name.length) + lengthBytes(value.length) + name + value;
  if (pair.length > MAX_CONTENT) throw tooLarge(name, pair.length);
  return pair;
}

function tooLarge(name: string, length: number): ParamsTooLargeError {
  return new ParamsTooLargeError(`parameter ${name.slice(0, 64)} takes ${length} bytes, a record holds ${MAX_CONTENT}`);
}

/**
 * What frames `contentLength` bytes (at most 65,535) of request body: the bytes before and after
 * them.
 */
export function stdinFrame(requestId: number, contentLength: number): { readonly header: Buffer; readonly padding: Buffer } {
  const paddingLength = paddingFor(contentLength);
  const header = Buffer.alloc(HEADER_LENGTH);
  writeHeader(header, 0, TYPE.STDIN, requestId, contentLength, paddingLength);
  return { header, padding: Buffer.alloc(paddingLength) };
}

/** The empty STDIN record that ends every request body. */
export function stdinEnd(requestId: number): Buffer {
  const record = Buffer.alloc(HEADER_LENGTH);
  writeEmpty(record, 0, TYPE.STDIN, requestId);
  return record;
}

export function abortRequest(requestId: number): Buffer {
  const record = Buffer.alloc(HEADER_LENGTH);
  writeEmpty(record, 0, TYPE.ABORT_REQUEST, requestId);
  return record;
}

function writeBegin(target: Buffer): number {
  writeHeader(target, 0, TYPE.BEGIN_REQUEST, FIRST_REQUEST_ID, 8, 0);
  writeZeros(target, HEADER_LENGTH, BEGIN_LENGTH);
  target[HEADER_LENGTH + 1] = ROLE_RESPONDER;
  return BEGIN_LENGTH;
}

function writeParams(target: Buffer, at: number, content: string): number {
  const padding = paddingFor(content.length);
  writeHeader(target, at, TYPE.PARAMS, FIRST_REQUEST_ID, content.length, padding);
  const end = at + HEADER_LENGTH + target.write(content, at + HEADER_LENGTH, 'latin1');
  writeZeros(target, end, end + padding);
  return end + padding;
}

function writeEmpty(target: Buffer, at: number, type: number, requestId: number): number {
  writeHeader(target, at, type, requestId, 0, 0);
  return at + HEADER_LENGTH;
}

/** A few bytes only: `fill` costs a call into native code. */
function writeZeros(target: Buffer, from: number, to: number): void {
  for (let at = from; at < to; at += 1) target[at] = 0;
}

/** Lengths below 128 take one byte, others four with the top bit set (specification 3.4). */
function lengthBytes(length: number): string {
  if (length < 0x80) return String.fromCharCode(length);
  return String.fromCharCode((length >>> 24) | 0x80, (length >>> 16) & 0xff, (length >>> 8) & 0xff, length & 0xff);
}
