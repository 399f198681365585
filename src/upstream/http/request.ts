// What goes into an exchange with an HTTP upstream and what comes out of it.

import type { OutgoingHttpHeaders } from 'node:http';
import type { Duplex } from 'node:stream';
import type { ProxyError } from '../../core/errors.ts';
import type { BodySource } from '../transport/request.ts';

export interface HttpRequest {
  readonly method: string;
  /** The request target, as it goes on the wire. */
  readonly target: string;
  /** End-to-end fields. Framing and connection are the exchange's business. */
  readonly headers: OutgoingHttpHeaders;
  /** Bytes of the body; undefined when there is none. */
  readonly bodyLength: number | undefined;
  readonly body: BodySource;
  /**
   * Whether an upstream may be given the request twice: safe or idempotent method, body at hand.
   */
  readonly repeatable: boolean;
  /** The protocol to change to, if one is asked for. */
  readonly upgrade: string | undefined;
  /** Bytes that the head of the answer may have. */
  readonly maxHead: number;
}

export interface HttpHead {
  readonly status: number;
  readonly reason: string;
  /** Names and values in turn, as they came. Byte strings. */
  readonly rawHeaders: readonly string[];
}

/** Hears what the upstream says. After `end` or `failed` nothing more comes. */
export interface HttpSink {
  /** The request is on its way to the upstream. */
  sent(): void;
  /** An interim answer (1xx); the real one is still to come. */
  interim(head: HttpHead): void;
  head(head: HttpHead): void;
  data(bytes: Buffer): void;
  end(): void;
  failed(error: ProxyError): void;
  /**
   * The upstream has changed to the protocol that was asked for: from here on the socket is the
   * sink's, who ends it. The slot is held until it is closed.
   * @param first bytes that came behind the head
   */
  upgraded(head: HttpHead, socket: Duplex, first: Buffer): void;
}
