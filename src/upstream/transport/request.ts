// What goes into an exchange and what comes out of it: the request, the one who listens to the
// answer, the outcome.

import type { Readable } from 'node:stream';
import type { FailureCode, ProxyError } from '../../core/errors.ts';

export type BodySource =
  | { readonly kind: 'none' }
  /** At most one record's worth. */
  | { readonly kind: 'bytes'; readonly bytes: Buffer }
  | StreamedBody;

export interface StreamedBody {
  readonly kind: 'stream';
  /** Bytes that the stream will give. */
  readonly size: number;
  readonly open: () => Readable;
  /** What it means when the stream breaks. */
  readonly failure: FailureCode;
  /**
   * For a stream that depends on a client: what the request fails with when no byte comes for `ms`
   * milliseconds.
   */
  readonly idle: { readonly ms: number; readonly error: () => ProxyError } | undefined;
}

export interface FcgiRequest {
  /** BEGIN_REQUEST and PARAMS, closed; the empty STDIN too when the body is `none`. */
  readonly head: Buffer;
  readonly body: BodySource;
  /** Whether a worker may be given the request twice: safe or idempotent method, body at hand. */
  readonly repeatable: boolean;
  /** What the request is called in logs. */
  readonly name?: string;
}

/** Hears what the worker says. After `end` or `failed` nothing more comes. */
export interface ExchangeSink {
  /** The request is on its way to the worker. */
  sent(): void;
  stdout(bytes: Buffer): void;
  end(appStatus: number): void;
  failed(error: ProxyError): void;
}

/** For an exchange whose answer nobody wants. */
export const IGNORE_RESPONSE: ExchangeSink = {
  sent: () => undefined,
  stdout: () => undefined,
  end: () => undefined,
  failed: () => undefined,
};

/** How an exchange ended, for whoever watches the upstream's health. */
export type ExchangeOutcome =
  /** `status` of the answer; undefined when it ended before its head was whole. */
  | { readonly kind: 'complete'; readonly status: number | undefined }
  | { readonly kind: 'failed'; readonly error: ProxyError }
  /**
   * The client left, or the answer was refused; it says nothing about the upstream's connection.
   */
  | { readonly kind: 'abandoned' };

export interface ExchangeTimeouts {
  /** ms without any byte moving while the worker has not taken the whole request. */
  readonly send: number;
  /** ms between two reads once the request is sent. */
  readonly read: number;
  /**
   * ms that an abandoned exchange may go on holding its slot, all in all, while the worker
   * computes.
   */
  readonly linger: number;
}
