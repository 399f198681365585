// Reads the records a worker sends, however the bytes are split, and hands out their contents
// without copying.

import { FIRST_REQUEST_ID, HEADER_LENGTH, MANAGEMENT_ID, TYPE, VERSION } from './protocol.ts';
import { parsePairs } from './values.ts';

/** The bytes are not FastCGI, or not for our request: the connection is lost. */
export class RecordError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'RecordError';
  }
}

/** Where decoded contents go. STDOUT and STDERR come in pieces as they arrive and never empty. */
export interface RecordSink {
  stdout(bytes: Buffer): void;
  stderr(bytes: Buffer): void;
  end(appStatus: number, protocolStatus: number): void;
  values(values: ReadonlyMap<string, string>): void;
}

/**
 * GET_VALUES knows three variables (section 4.1); a result longer than this is no answer to our
 * question.
 */
const MAX_VALUES = 1024;

type Content = 'stdout' | 'stderr' | 'end' | 'values' | 'skip';

/**
 * Invariants:
 * 1. `#headerFill < 8` exactly while a header is incomplete; then `#contentLeft` and `#paddingLeft`
 *    count what the record still owes.
 * 2. Lengths are plain numbers, never 16-bit: 65,535 content bytes plus padding must not wrap
 *    (CVE-2026-55203).
 * 3. STDOUT and STDERR contents are passed on at once; only END_REQUEST (8 bytes) and
 *    GET_VALUES_RESULT (bounded) are collected.
 */
export class RecordDecoder {
  readonly #sink: RecordSink;
  readonly #requestId: number;
  readonly #header = Buffer.alloc(HEADER_LENGTH);
  #headerFill = 0;
  #content: Content = 'skip';
  #contentLeft = 0;
  #paddingLeft = 0;
  #collected: Buffer[] = [];
  #ended = false;
  #surplus = false;

  /** @param requestId of the exchange whose records are expected */
  constructor(sink: RecordSink, requestId = FIRST_REQUEST_ID) {
    this.#sink = sink;
    this.#requestId = requestId;
  }

  /**
   * True when the last byte read was the last of a record and nothing came after END_REQUEST: the
   * connection can carry another request.
   */
  get clean(): boolean {
    return this.#headerFill === 0 && !this.#surplus;
  }

  /**
   * Takes the next bytes from the worker. What follows END_REQUEST is not looked at, only noticed.
   * @throws RecordError when the bytes break the protocol
   */
  write(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#ended && this.#headerFill === 0) {
        this.#surplus = true;
        return;
      }
      if (this.#headerFill < HEADER_LENGTH) {
        at = this.#readHeader(chunk, at);
        if (this.#headerFill < HEADER_LENGTH) return;
        if (this.#contentLeft === 0) this.#contentDone();
      } else if (this.#contentLeft > 0) {
        const stop = Math.min(chunk.length, at + this.#contentLeft);
        this.#contentLeft -= stop - at;
        this.#take(at === 0 && stop === chunk.length ? chunk : chunk.subarray(at, stop));
        at = stop;
        if (this.#contentLeft === 0) this.#contentDone();
      } else {
        const skipped = Math.min(chunk.length - at, this.#paddingLeft);
        this.#paddingLeft -= skipped;
        at += skipped;
      }
      if (this.#headerFill === HEADER_LENGTH && this.#contentLeft === 0 && this.#paddingLeft === 0) this.#headerFill = 0;
    }
  }

  #readHeader(chunk: Buffer, at: number): number {
    let header = chunk;
    let start = at;
    let next: number;
    if (this.#headerFill === 0 && chunk.length - at >= HEADER_LENGTH) {
      this.#headerFill = HEADER_LENGTH;
      next = at + HEADER_LENGTH;
    } else {
      next = Math.min(chunk.length, at + HEADER_LENGTH - this.#headerFill);
      chunk.copy(this.#header, this.#headerFill, at, next);
      this.#headerFill += next - at;
      if (this.#headerFill < HEADER_LENGTH) return next;
      header = this.#header;
      start = 0;
    }
    const version = header[start] ?? 0;
    const type = header[start + 1] ?? 0;
    const requestId = header.readUInt16BE(start + 2);
    this.#contentLeft = header.readUInt16BE(start + 4);
    this.#paddingLeft = header[start + 6] ?? 0;
    if (version !== VERSION) throw new RecordError(`record version ${version}: not FastCGI 1`);
    this.#content = this.#contentOf(type, requestId, this.#contentLeft);
    return next;
  }

  #take(bytes: Buffer): void {
    if (this.#content === 'stdout') this.#sink.stdout(bytes);
    else if (this.#content === 'stderr') this.#sink.stderr(bytes);
    else if (this.#content !== 'skip') this.#collected.push(bytes);
  }

  #contentDone(): void {
    if (this.#content === 'end') {
      const body = this.#takeCollected();
      this.#ended = true;
      this.#sink.end(body.readUInt32BE(0), body[4] ?? 0);
    } else if (this.#content === 'values') {
      const pairs = parsePairs(this.#takeCollected());
      if (pairs === undefined) throw new RecordError('GET_VALUES_RESULT holds a broken name-value pair');
      this.#sink.values(pairs);
    }
  }

  #takeCollected(): Buffer {
    const [first] = this.#collected;
    const whole = this.#collected.length === 1 && first !== undefined ? first : Buffer.concat(this.#collected);
    this.#collected = [];
    return whole;
  }

  /**
   * What to do with a record's content; refuses records that can only come from a broken or hostile
   * worker.
   */
  #contentOf(type: number, requestId: number, length: number): Content {
    if (requestId === MANAGEMENT_ID) {
      if (type === TYPE.GET_VALUES_RESULT) {
        if (length > MAX_VALUES) throw new RecordError(`GET_VALUES_RESULT of ${length} bytes`);
        return 'values';
      }
      // An application record with id 0 crashed HAProxy once (commit 3ac082b): only management
      // records may carry it.
      if (type < TYPE.GET_VALUES) throw new RecordError(`record type ${type} with request id 0`);
      return 'skip';
    }
    if (requestId !== this.#requestId) {
      throw new RecordError(`record type ${type} for request id ${requestId}, ours is ${this.#requestId}`);
    }
    switch (type) {
      case TYPE.STDOUT:
        return 'stdout';
      case TYPE.STDERR:
        return 'stderr';
      case TYPE.END_REQUEST:
        if (length < 8) throw new RecordError(`END_REQUEST of ${length} bytes, 8 expected`);
        if (length > MAX_VALUES) throw new RecordError(`END_REQUEST of ${length} bytes, 8 expected`);
        return 'end';
      case TYPE.BEGIN_REQUEST:
      case TYPE.ABORT_REQUEST:
      case TYPE.PARAMS:
      case TYPE.STDIN:
      case TYPE.DATA:
        throw new RecordError(`record type ${type}, which only we may send`);
      default:
        return 'skip';
    }
  }
}
