// Takes in a request body before a worker is taken: in memory while it is small, in a temporary
// file when it is not.

import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import type { Clock, Timer } from '../../core/clock.ts';
import { asError, ProxyError } from '../../core/errors.ts';
import { TempFile } from '../../core/temp-file.ts';
import { MAX_CONTENT } from '../../fcgi/protocol.ts';
import type { BodySource } from '../../upstream/transport/request.ts';

/** What the header fields say about a body (RFC 9112 section 6). */
type BodyFraming =
  | { readonly kind: 'none' }
  | { readonly kind: 'length'; readonly length: number }
  | { readonly kind: 'chunked' };

export interface BodyLimits {
  /** Bytes a body may have. */
  readonly maxBody: number;
  /** ms that a client may send nothing. */
  readonly idleTimeout: number;
  readonly tempDir: string;
}

export interface ReceivedBody {
  readonly size: number;
  readonly source: BodySource;
  /** Frees the temporary file, if there is one. */
  close(): void;
}

/** @throws ProxyError (400) for a framing that cannot be trusted */
export function bodyFraming(request: IncomingMessage): BodyFraming {
  // node:http lets HTTP/0.9 (a request line without a version) and HTTP/2.0 pass; their messages
  // are framed otherwise.
  if (!/^1\.[01]$/.test(request.httpVersion)) {
    throw new ProxyError('FCGI_LB_REQUEST_BAD_SYNTAX', `HTTP/${request.httpVersion} is not spoken here`);
  }
  const coding = request.headers['transfer-encoding'];
  if (coding !== undefined) {
    // RFC 9112 6.1: HTTP/1.0 has no transfer codings, and one that we cannot undo leaves the length
    // unknown.
    if (request.httpVersion === '1.0' || coding.toLowerCase().trim() !== 'chunked') {
      throw new ProxyError('FCGI_LB_REQUEST_BAD_HEADER', `Transfer-Encoding '${coding}' is not supported`);
    }
    return { kind: 'chunked' };
  }
  const length = request.headers['content-length'];
  return length === undefined ? { kind: 'none' } : { kind: 'length', length: Number(length) };
}

/** What is to be done about a body before a worker is asked for. */
export type BodyAdmission =
  | { readonly kind: 'at-hand'; readonly length: number | undefined; readonly source: BodySource }
  | { readonly kind: 'to-receive' };

/**
 * Decides by the header fields alone.
 * @param opened called when a streamed body is begun: from then on it is spent
 * @throws ProxyError (400, 413)
 */
export function admitBody(
  request: IncomingMessage,
  limits: { readonly maxBody: number; readonly bodyTimeout: number; readonly requestBuffering: boolean },
  opened: () => void,
): BodyAdmission {
  const framing = bodyFraming(request);
  if (framing.kind === 'none') return { kind: 'at-hand', length: undefined, source: { kind: 'none' } };
  if (framing.kind === 'chunked') return { kind: 'to-receive' };
  const { length } = framing;
  if (length > limits.maxBody) throw bodyTooLarge(limits.maxBody);
  if (length === 0) return { kind: 'at-hand', length, source: { kind: 'none' } };
  if (limits.requestBuffering) return { kind: 'to-receive' };
  const open = (): IncomingMessage => {
    opened();
    return request;
  };
  // The body is read while it holds a worker's slot: a client that stalls must not keep that for
  // ever.
  const idle = { ms: limits.bodyTimeout, error: () => bodyStalled(limits.bodyTimeout) };
  return { kind: 'at-hand', length, source: { kind: 'stream', size: length, open, failure: 'FCGI_LB_CLIENT_GONE', idle } };
}

function bodyStalled(ms: number): ProxyError {
  return new ProxyError('FCGI_LB_REQUEST_TIMEOUT', `the client sent nothing of its request body for ${ms} ms`);
}

function bodyTooLarge(limit: number): ProxyError {
  return new ProxyError('FCGI_LB_REQUEST_BODY_TOO_LARGE', `request body passes ${limit} bytes (--max-body)`);
}

/**
 * Reads the whole body. The caller owns the result and must close it.
 * @throws ProxyError: too large (413), the client stopped sending (408) or left (499), the disk is
 *   full (500)
 */
export function receiveBody(request: IncomingMessage, limits: BodyLimits, clock: Clock): Promise<ReceivedBody> {
  return new Promise((resolve, reject) => {
    new Receiver(request, limits, clock, resolve, reject).start();
  });
}

/** Invariant: after `#settle` no listener, timer or file of a failed receiver is left. */
class Receiver {
  readonly #request: IncomingMessage;
  readonly #limits: BodyLimits;
  readonly #resolve: (body: ReceivedBody) => void;
  readonly #reject: (error: ProxyError) => void;
  readonly #idle: Timer;
  #chunks: Buffer[] = [];
  #size = 0;
  #file: TempFile | undefined;
  #writing = false;
  #ended = false;
  #settled = false;

  constructor(
    request: IncomingMessage,
    limits: BodyLimits,
    clock: Clock,
    resolve: (body: ReceivedBody) => void,
    reject: (error: ProxyError) => void,
  ) {
    this.#request = request;
    this.#limits = limits;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#idle = clock.after(limits.idleTimeout, () => this.#fail(bodyStalled(limits.idleTimeout)));
  }

  start(): void {
    this.#request.on('data', this.#onData);
    this.#request.on('end', this.#onEnd);
    this.#request.on('error', this.#onGone);
    this.#request.on('close', this.#onGone);
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#idle.restart();
    this.#size += chunk.length;
    if (this.#size > this.#limits.maxBody) {
      this.#fail(bodyTooLarge(this.#limits.maxBody));
      return;
    }
    this.#chunks.push(chunk);
    if (this.#file !== undefined || this.#size > MAX_CONTENT) {
      this.#request.pause();
      void this.#spill();
    }
  };

  readonly #onEnd = (): void => {
    this.#ended = true;
    if (!this.#writing) this.#succeed();
  };

  readonly #onGone = (): void => {
    if (!this.#ended) this.#fail(new ProxyError('FCGI_LB_CLIENT_GONE', 'the client left while it sent its request body'));
  };

  async #spill(): Promise<void> {
    if (this.#writing) return;
    this.#writing = true;
    try {
      this.#file ??= await TempFile.create(this.#limits.tempDir);
      while (this.#chunks.length > 0 && !this.#settled) {
        const chunks = this.#chunks;
        this.#chunks = [];
        await this.#file.append(chunks);
      }
    } catch (error) {
      this.#fail(
        new ProxyError(
          'FCGI_LB_BUFFER_FAILED',
          `cannot keep a request body in ${this.#limits.tempDir}: ${asError(error).message}`,
          {
            cause: error,
          },
        ),
      );
    }
    this.#writing = false;
    if (this.#settled) {
      // It failed while we waited for the disk.
      this.#file?.close();
    } else if (this.#ended) {
      this.#succeed();
    } else {
      this.#idle.restart();
      this.#request.resume();
    }
  }

  #succeed(): void {
    const file = this.#file;
    const size = this.#size;
    if (!this.#settle()) return;
    if (file !== undefined) {
      const open = (): Readable => file.stream();
      const source: BodySource = { kind: 'stream', size, open, failure: 'FCGI_LB_BUFFER_FAILED', idle: undefined };
      this.#resolve({ size, source, close: () => file.close() });
      return;
    }
    const source: BodySource = size === 0 ? { kind: 'none' } : { kind: 'bytes', bytes: Buffer.concat(this.#chunks, size) };
    this.#resolve({ size, source, close: () => undefined });
  }

  #fail(error: ProxyError): void {
    if (!this.#settle()) return;
    this.#chunks = [];
    if (!this.#writing) this.#file?.close();
    this.#reject(error);
  }

  #settle(): boolean {
    if (this.#settled) return false;
    this.#settled = true;
    this.#idle.cancel();
    this.#request.off('data', this.#onData);
    this.#request.off('end', this.#onEnd);
    this.#request.off('close', this.#onGone);
    // The error listener stays: an error after this must not become an uncaught one.
    return true;
  }
}
