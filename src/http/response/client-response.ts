// Writes a worker's document to the client so that what arrives is either right to the last byte or
// visibly broken off.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../../core/clock.ts';
import { asError } from '../../core/errors.ts';
import type { DocumentHead } from './document-head.ts';
import { Spool, type SpoolEvents, type SpoolLimits } from './spool.ts';

/** Whether the body that came is the body that was announced. */
export type BodyVerdict = 'complete' | 'short';

/**
 * Invariants:
 * 1. The head waits for the end of the current tick, so that a document that came in one piece
 *    leaves in one write and with its length.
 * 2. No more bytes than Content-Length promised leave; fewer end in `short`, and the caller must
 *    destroy the client's connection: the next response on it would be read as the rest of this
 *    body.
 * 3. HEAD, 204 and 304 carry no body, whatever the worker sends (RFC 9110 6.4.1).
 * 4. A page in place of the body leaves only at the end: until then nothing was sent, and a failure
 *    can still be answered.
 */
export class ClientResponse {
  readonly #response: ServerResponse;
  readonly #head: DocumentHead;
  readonly #spool: Spool;
  readonly #withBody: boolean;
  #headSent = false;
  #held: Buffer | undefined;
  #received = 0;
  #whole = 0;

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    head: DocumentHead,
    limits: SpoolLimits,
    clock: Clock,
    events: SpoolEvents,
  ) {
    this.#response = response;
    this.#head = head;
    this.#withBody = request.method !== 'HEAD' && head.status !== 204 && head.status !== 304;
    this.#spool = new Spool(response, head.streaming ? { ...limits, file: 0 } : limits, clock, events);
    queueMicrotask(() => {
      try {
        this.#flush();
      } catch (error) {
        events.failed(asError(error));
      }
    });
  }

  /** True once bytes may have reached the client. */
  get sent(): boolean {
    return this.#headSent;
  }

  /** Bytes beyond the announced length that were not passed on. */
  get surplus(): number {
    return this.#head.length === undefined ? 0 : Math.max(0, this.#received - this.#head.length);
  }

  /** Body bytes handed to the client's connection. */
  get bytes(): number {
    return this.#whole + this.#spool.sent;
  }

  /** Takes body bytes. False: hold back until the spool's `room`. */
  write(chunk: Buffer): boolean {
    if (this.#head.instead !== undefined) return true;
    const before = this.#received;
    this.#received += chunk.length;
    if (!this.#withBody) return true;
    const left = this.#head.length === undefined ? chunk.length : this.#head.length - before;
    if (left <= 0) return true;
    const allowed = chunk.length > left ? chunk.subarray(0, left) : chunk;
    if (!this.#headSent && this.#held === undefined) {
      this.#held = allowed;
      return true;
    }
    this.#flush();
    return this.#spool.write(allowed);
  }

  /** The worker has finished. On `short` nothing more may follow on the client's connection. */
  end(): BodyVerdict {
    const { instead } = this.#head;
    if (instead !== undefined) {
      this.#received = instead.length;
      if (this.#withBody) this.#held = instead;
    }
    if (this.#withBody && this.#head.length !== undefined && this.#received < this.#head.length) return 'short';
    if (this.#headSent) {
      this.#spool.end();
      return 'complete';
    }
    const body = this.#held;
    this.#held = undefined;
    const known = this.#withBody && this.#head.length === undefined ? (body?.length ?? 0) : instead?.length;
    this.#sendHead(known);
    if (body === undefined) {
      this.#response.end();
    } else {
      this.#whole = body.length;
      this.#response.end(body);
    }
    return 'complete';
  }

  /** Drops what the client has not taken. */
  destroy(): void {
    this.#headSent = true;
    this.#held = undefined;
    this.#spool.destroy();
  }

  #flush(): void {
    if (this.#headSent || this.#head.instead !== undefined) return;
    this.#sendHead(undefined);
    const body = this.#held;
    this.#held = undefined;
    if (body === undefined) this.#response.flushHeaders();
    else this.#spool.write(body);
  }

  #sendHead(length: number | undefined): void {
    this.#headSent = true;
    const { status, reason, headers } = this.#head;
    const fields = length === undefined ? withoutLength(headers, status) : [...headers, 'Content-Length', String(length)];
    if (reason === '') this.#response.writeHead(status, fields);
    else this.#response.writeHead(status, reason, fields);
  }
}

/** RFC 9110 8.6: no Content-Length with 204. */
function withoutLength(headers: readonly string[], status: number): string[] {
  if (status !== 204) return [...headers];
  return headers.filter((_, index) => (headers[index - (index % 2)] ?? '').toLowerCase() !== 'content-length');
}
