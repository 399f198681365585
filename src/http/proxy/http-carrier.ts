// Carries a client's request to HTTP upstreams, through @fastify/reply-from.

import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import type { Duplex } from 'node:stream';
import { ProxyError } from '../../core/errors.ts';
import { BadHeadError } from '../../fcgi/cgi-head.ts';
import type { Lease } from '../../pool/lease.ts';
import type { HttpExchange } from '../../upstream/http/exchange.ts';
import type { HttpHead, HttpRequest, HttpSink } from '../../upstream/http/request.ts';
import { codedError } from '../request/coded-error.ts';
import type { Peer } from '../request/peer.ts';
import type { DocumentHead } from '../response/document-head.ts';
import type { CarriedExchange, Carrier, CarrierSink, ReadyRequest } from './carrier.ts';
import { changedFields, changedTarget } from './forward-changes.ts';
import { forwardedFields, interpretHttpHead } from './forward-headers.ts';
import type { HttpProtocol } from './protocol.ts';

export interface HttpCarrierDeps {
  readonly request: IncomingMessage;
  readonly peer: Peer;
  /** As the client sent it. */
  readonly method: string;
  readonly speaks: HttpProtocol;
  /** Bytes that the head of an answer may have. */
  readonly maxHead: number;
  /** The protocol that the client asks to change to. */
  readonly upgrade: string | undefined;
  readonly requestId: string;
}

/**
 * Invariant: `#done` is set from the sending of a request until the head of its answer, or its
 * failure, has been told.
 */
export class HttpCarrier implements Carrier, HttpSink {
  readonly #deps: HttpCarrierDeps;
  readonly #sink: CarrierSink;
  #prepared: HttpRequest | undefined;
  #upstream = 'upstream';
  #exchange: HttpExchange | undefined;
  #done: ((result: number | Error) => void) | undefined;
  #meaning: DocumentHead | undefined;
  #failure: ProxyError | undefined;

  constructor(deps: HttpCarrierDeps, sink: CarrierSink) {
    this.#deps = deps;
    this.#sink = sink;
  }

  prepare({ target, headers, bodyLength, body, repeatable }: ReadyRequest): void {
    const { request, peer, method, maxHead, upgrade, requestId, speaks } = this.#deps;
    const { changes } = speaks;
    const protocol = `HTTP/${request.httpVersion}`;
    const facts = { method, protocol, target, headers, bodyLength, socket: peer, requestId };
    const id = speaks.requestId === undefined ? undefined : { name: speaks.requestId, value: requestId };
    const fields = changedFields(changes, forwardedFields(request, peer, target.authority ?? headers.host, id), facts);
    this.#prepared = {
      method,
      target: changedTarget(changes, target),
      headers: fields,
      bodyLength,
      body,
      repeatable,
      upgrade,
      maxHead,
    };
  }

  start(lease: Lease): CarriedExchange {
    const prepared = this.#prepared;
    if (prepared === undefined) throw new Error('a lease was granted before the request was prepared');
    this.#upstream = lease.upstream.name;
    this.#exchange = undefined;
    const send = (headers: OutgoingHttpHeaders, done: (result: number | Error) => void): void => {
      this.#done = done;
      this.#exchange = lease.forward({ ...prepared, headers }, this);
    };
    this.#deps.speaks.forwarder.forward(this.#deps.request.socket, {
      headers: prepared.headers,
      send,
      arrived: () => this.#arrived(),
      failed: () => this.#failed(),
    });
    if (this.#exchange === undefined) {
      lease.release();
      throw new Error('the request was not forwarded');
    }
    return this.#exchange;
  }

  sent(): void {
    this.#sink.sent();
  }

  interim({ status, rawHeaders }: HttpHead): void {
    this.#sink.interim(status, rawHeaders);
  }

  head(head: HttpHead): void {
    try {
      this.#meaning = interpretHttpHead(head);
    } catch (error) {
      this.#reject(error);
      return;
    }
    this.#told(head.status);
  }

  data(bytes: Buffer): void {
    this.#guard(() => this.#sink.body(bytes));
  }

  end(): void {
    this.#sink.end();
  }

  failed(error: ProxyError): void {
    this.#failure = error;
    if (this.#done === undefined) this.#failed();
    else this.#told(error);
  }

  upgraded(head: HttpHead, socket: Duplex, first: Buffer): void {
    // Nothing is left to forward: reply-from learns no more of it.
    this.#done = undefined;
    this.#guard(() => this.#sink.upgraded(interpretHttpHead({ ...head, status: 200 }).headers, socket, first));
  }

  #told(result: number | Error): void {
    const done = this.#done;
    this.#done = undefined;
    done?.(result);
  }

  #arrived(): void {
    const meaning = this.#meaning;
    if (meaning !== undefined) this.#guard(() => this.#sink.head(meaning));
  }

  #failed(): void {
    if (this.#failure !== undefined) this.#sink.failed(this.#failure);
  }

  #guard(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.#reject(error);
    }
  }

  /** What the upstream says must not reach the client. */
  #reject(error: unknown): void {
    const upstream = this.#upstream;
    const coded =
      error instanceof BadHeadError
        ? new ProxyError('FCGI_LB_UPSTREAM_BAD_HEAD', `${upstream}: ${error.message}`, { upstream, cause: error })
        : codedError(error);
    this.#exchange?.abandon({ kind: 'failed', error: coded });
    this.failed(coded);
  }
}
