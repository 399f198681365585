// Writes the records we send: BEGIN_REQUEST, PARAMS split on pair boundaries, STDIN and ABORT_REQUEST.

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
/** Content of a full STDIN record: the largest multiple of 8, so that only the last record needs padding. */
export const STDIN_CONTENT = 65_528;
const INITIAL_SIZE = 16_384;

/** A parameter, or all of them together, is larger than any worker takes. */
export class ParamsTooLargeError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ParamsTooLargeError';
  }
}

/**
 * Builds the head of a connection's first request: BEGIN_REQUEST, PARAMS records and the empty PARAMS record that closes them.
 * Strings are byte strings: each character is one byte, so a latin1 header byte reaches the worker as it came.
 *
 * Invariants: a record's content never passes 65,535 bytes; a pair never spans two records (php-fpm resets the
 * connection on one that does); every padding and reserved byte is written as zero.
 *
 * One encoder serves every request in turn: `begin`, `add`..., `finish`, all in one tick.
 */
export class RequestEncoder {
  readonly #limit: number;
  #buffer = Buffer.alloc(INITIAL_SIZE);
  #at = 0;
  #recordAt = 0;

  /** @param limit bytes that all parameters of one request may take together */
  constructor(limit = 1024 * 1024) {
    this.#limit = limit;
  }

  begin(): void {
    writeHeader(this.#buffer, 0, TYPE.BEGIN_REQUEST, FIRST_REQUEST_ID, 8, 0);
    this.#buffer.fill(0, HEADER_LENGTH, BEGIN_LENGTH);
    this.#buffer[HEADER_LENGTH + 1] = ROLE_RESPONDER;
    this.#recordAt = BEGIN_LENGTH;
    this.#at = BEGIN_LENGTH + HEADER_LENGTH;
  }

  /**
   * Adds one parameter.
   * @throws ParamsTooLargeError when the pair does not fit in one record, or all do not fit in the limit
   */
  add(name: string, value: string): void {
    const nameLength = name.length;
    const valueLength = value.length;
    const pairLength = lengthSize(nameLength) + lengthSize(valueLength) + nameLength + valueLength;
    if (pairLength > MAX_CONTENT) throw tooLarge(name, pairLength);
    this.#makeRoom(pairLength);
    const buffer = this.#buffer;
    let at = writeLength(buffer, this.#at, nameLength);
    at = writeLength(buffer, at, valueLength);
    at += buffer.write(name, at, 'latin1');
    at += buffer.write(value, at, 'latin1');
    this.#at = at;
  }

  /** Adds pairs that `encodePairs` made beforehand. */
  addEncoded(pieces: readonly Buffer[]): void {
    for (const pairs of pieces) {
      this.#makeRoom(pairs.length);
      pairs.copy(this.#buffer, this.#at);
      this.#at += pairs.length;
    }
  }

  /** The finished head. With `emptyBody` the empty STDIN record that every request must end with is part of it. */
  finish(emptyBody: boolean): Buffer {
    this.#closeRecord();
    this.#grow(2 * HEADER_LENGTH);
    this.#at = writeEmpty(this.#buffer, this.#at, TYPE.PARAMS, FIRST_REQUEST_ID);
    if (emptyBody) this.#at = writeEmpty(this.#buffer, this.#at, TYPE.STDIN, FIRST_REQUEST_ID);
    const head = Buffer.allocUnsafe(this.#at);
    this.#buffer.copy(head, 0, 0, this.#at);
    // One huge request must not leave its buffer behind for good.
    if (this.#buffer.length > 8 * INITIAL_SIZE) this.#buffer = Buffer.alloc(INITIAL_SIZE);
    return head;
  }

  #makeRoom(length: number): void {
    const contentLength = this.#at - this.#recordAt - HEADER_LENGTH;
    if (contentLength + length > MAX_CONTENT) {
      this.#closeRecord();
      this.#recordAt = this.#at;
      this.#grow(HEADER_LENGTH);
      this.#at += HEADER_LENGTH;
    }
    if (this.#at + length > this.#limit) {
      throw new ParamsTooLargeError(`the parameters of one request pass ${this.#limit} bytes`);
    }
    this.#grow(length);
  }

  #closeRecord(): void {
    const contentLength = this.#at - this.#recordAt - HEADER_LENGTH;
    if (contentLength === 0) {
      // An empty PARAMS record would end the stream.
      this.#at = this.#recordAt;
      return;
    }
    const padding = paddingFor(contentLength);
    this.#grow(padding);
    writeHeader(this.#buffer, this.#recordAt, TYPE.PARAMS, FIRST_REQUEST_ID, contentLength, padding);
    this.#buffer.fill(0, this.#at, this.#at + padding);
    this.#at += padding;
  }

  #grow(length: number): void {
    if (this.#at + length <= this.#buffer.length) return;
    const larger = Buffer.alloc(Math.max(this.#buffer.length * 2, this.#at + length));
    this.#buffer.copy(larger, 0, 0, this.#at);
    this.#buffer = larger;
  }
}

/** Makes a finished request head fit the connection it is to go over: its request id, and FCGI_KEEP_CONN or not. */
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
 * @returns pieces for `addEncoded`, none longer than a record
 * @throws ParamsTooLargeError when one of them does not fit in one record
 */
export function encodePairs(pairs: Iterable<readonly [name: string, value: string]>): readonly Buffer[] {
  const pieces: Buffer[] = [];
  let piece: Buffer[] = [];
  let size = 0;
  for (const [name, value] of pairs) {
    const pair = encodePair(name, value);
    if (size + pair.length > MAX_CONTENT) {
      pieces.push(Buffer.concat(piece));
      piece = [];
      size = 0;
    }
    piece.push(pair);
    size += pair.length;
  }
  if (size > 0) pieces.push(Buffer.concat(piece));
  return pieces;
}

function encodePair(name: string, value: string): Buffer {
  const lengths = Buffer.alloc(lengthSize(name.length) + lengthSize(value.length));
  writeLength(lengths, writeLength(lengths, 0, name.length), value.length);
  const pair = Buffer.concat([lengths, Buffer.from(name, 'latin1'), Buffer.from(value, 'latin1')]);
  if (pair.length > MAX_CONTENT) throw tooLarge(name, pair.length);
  return pair;
}

function tooLarge(name: string, length: number): ParamsTooLargeError {
  return new ParamsTooLargeError(`parameter ${name.slice(0, 64)} takes ${length} bytes, a record holds ${MAX_CONTENT}`);
}

/** What frames `contentLength` bytes (at most 65,535) of request body: the bytes before and after them. */
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

function writeEmpty(target: Buffer, at: number, type: number, requestId: number): number {
  writeHeader(target, at, type, requestId, 0, 0);
  return at + HEADER_LENGTH;
}

/** Lengths below 128 take one byte, others four with the top bit set (specification 3.4). */
function lengthSize(length: number): 1 | 4 {
  return length < 0x80 ? 1 : 4;
}

function writeLength(target: Buffer, at: number, length: number): number {
  if (length < 0x80) {
    target[at] = length;
    return at + 1;
  }
  target.writeUInt32BE(length + 0x8000_0000, at);
  return at + 4;
}
