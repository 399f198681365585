// The port between a transaction and what takes its request to upstreams: one carrier for each
// protocol that they speak.

import type { Duplex } from 'node:stream';
import type { ProxyError } from '../../core/errors.ts';
import type { Lease } from '../../pool/lease.ts';
import type { BodySource, ExchangeOutcome } from '../../upstream/transport/request.ts';
import type { RequestHeaders } from '../request/headers.ts';
import type { RequestTarget } from '../request/target.ts';
import type { DocumentHead } from '../response/document-head.ts';

/** A client's request with its body at hand. */
export interface ReadyRequest {
  readonly target: RequestTarget;
  readonly headers: RequestHeaders;
  /** Bytes of the body; undefined when there is none. */
  readonly bodyLength: number | undefined;
  readonly body: BodySource;
  /** Whether an upstream may be given it twice: safe or idempotent method, body at hand. */
  readonly repeatable: boolean;
}

/** What a transaction does with an exchange, whatever is spoken there. */
export interface CarriedExchange {
  pause(): void;
  resume(): void;
  abandon(outcome: ExchangeOutcome): void;
}

export interface Carrier {
  /**
   * Puts the request into the form that upstreams take.
   * @throws ProxyError when that is not possible
   */
  prepare(request: ReadyRequest): void;
  /** Uses the lease for one attempt. The sink hears nothing but `sent` before this has returned. */
  start(lease: Lease): CarriedExchange;
}

/**
 * Hears how an attempt goes. After `end`, `failed`, `redirected`, `upgraded` or `refuse` nothing
 * more comes of it.
 */
export interface CarrierSink {
  /** The request is on its way to the upstream. */
  sent(): void;
  /** An interim answer (1xx), which may be passed on; the real one is still to come. */
  interim(status: number, rawHeaders: readonly string[]): void;
  head(head: DocumentHead): void;
  body(bytes: Buffer): void;
  end(): void;
  /** The attempt failed; another one may not. */
  failed(error: ProxyError): void;
  /** The answer is that something else must be asked: it has been prepared, and needs a lease. */
  redirected(request: ReadyRequest): void;
  /**
   * The protocol has changed as the client wished: all that comes and goes from here on is bytes.
   * @param headers names and values in turn, for the client
   * @param first bytes that came behind the head
   */
  upgraded(headers: readonly string[], upstream: Duplex, first: Buffer): void;
  /** There can be no answer. */
  refuse(error: ProxyError): void;
}
