// Carries a client's request to FastCGI workers: parameters in, CGI heads out, local redirects
// followed.

import type { IncomingMessage } from 'node:http';
import { asError, type FailureCode, ProxyError } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';
import type { Lease } from '../../pool/lease.ts';
import type { FcgiExchange } from '../../upstream/fcgi/exchange.ts';
import type { ExchangeSink, FcgiRequest } from '../../upstream/transport/request.ts';
import { codedError } from '../request/coded-error.ts';
import type { Peer } from '../request/peer.ts';
import { AnswerHeadReader } from './answer-head.ts';
import type { Carrier, CarrierSink, ReadyRequest } from './carrier.ts';
import type { CgiParams } from './cgi-params.ts';
import type { LocalRedirect } from './cgi-response.ts';
import { LocalRedirects } from './local-redirects.ts';

export interface FcgiCarrierDeps {
  readonly request: IncomingMessage;
  readonly peer: Peer;
  /** As the client sent it. */
  readonly method: string;
  readonly params: CgiParams;
  /** Bytes that the head of an answer may have. */
  readonly maxHead: number;
  readonly log: Log;
  readonly requestId: string;
}

export class FcgiCarrier implements Carrier, ExchangeSink {
  readonly #deps: FcgiCarrierDeps;
  readonly #sink: CarrierSink;
  #ready: ReadyRequest | undefined;
  #fcgi: FcgiRequest | undefined;
  #upstream = 'upstream';
  #exchange: FcgiExchange | undefined;
  #headReader: AnswerHeadReader | undefined;
  #begun = false;
  #redirect: LocalRedirect | undefined;
  #redirects: LocalRedirects | undefined;

  constructor(deps: FcgiCarrierDeps, sink: CarrierSink) {
    this.#deps = deps;
    this.#sink = sink;
  }

  prepare(ready: ReadyRequest): void {
    this.#encode(ready, this.#deps.method);
  }

  start(lease: Lease): FcgiExchange {
    if (this.#fcgi === undefined) throw new Error('a lease was granted before the request was prepared');
    this.#upstream = lease.upstream.name;
    this.#headReader = new AnswerHeadReader(this.#deps.maxHead, this.#upstream);
    this.#begun = false;
    this.#redirect = undefined;
    this.#exchange = lease.start(this.#fcgi, this);
    return this.#exchange;
  }

  sent(): void {
    this.#sink.sent();
  }

  stdout(bytes: Buffer): void {
    try {
      if (this.#begun) this.#sink.body(bytes);
      else if (this.#redirect === undefined) this.#readHead(bytes);
    } catch (error) {
      // What the worker says must not reach the client.
      const coded = codedError(error);
      this.#exchange?.abandon({ kind: 'failed', error: coded });
      this.#sink.failed(coded);
    }
  }

  end(appStatus: number): void {
    if (appStatus !== 0) {
      const fields = { request_id: this.#deps.requestId, upstream: this.#upstream, appStatus };
      this.#deps.log.debug(fields, 'worker ended with a status of its own');
    }
    if (this.#redirect !== undefined) this.#follow(this.#redirect);
    else if (this.#begun) this.#sink.end();
    else this.#sink.failed(this.#error('FCGI_LB_UPSTREAM_NO_HEAD', 'ended its answer without a complete head'));
  }

  failed(error: ProxyError): void {
    this.#sink.failed(error);
  }

  #encode(ready: ReadyRequest, method: string): void {
    const { request, peer, params, requestId } = this.#deps;
    const { target, headers, bodyLength, body, repeatable } = ready;
    const protocol = `HTTP/${request.httpVersion}`;
    const head = params.encode({ method, protocol, target, headers, bodyLength, socket: peer, requestId });
    this.#ready = ready;
    this.#fcgi = { head, body, repeatable, name: requestId };
  }

  #readHead(bytes: Buffer): void {
    const head = this.#headReader?.push(bytes);
    if (head === undefined) return;
    if (head.meaning.kind === 'local-redirect') {
      this.#exchange?.statusIs(302);
      this.#redirect = head.meaning;
      return;
    }
    this.#begun = true;
    this.#exchange?.statusIs(head.meaning.status);
    this.#sink.head(head.meaning);
    if (head.rest.length > 0) this.#sink.body(head.rest);
  }

  /**
   * RFC 3875 6.2.2: the server answers as if the client had asked for that path itself, without a
   * body.
   */
  #follow(redirect: LocalRedirect): void {
    this.#redirect = undefined;
    try {
      this.#redirects ??= new LocalRedirects(this.#deps.request.url ?? '', this.#deps.method);
      const next = this.#redirects.follow(redirect.location);
      if (next === undefined || this.#ready === undefined) {
        const story = `redirected ${this.#redirects.count} times, last to ${redirect.location}`;
        this.#sink.refuse(this.#error('FCGI_LB_UPSTREAM_REDIRECT_LOOP', story));
        return;
      }
      const headers = { ...this.#ready.headers, contentType: undefined };
      const ready: ReadyRequest = {
        target: next.target,
        headers,
        bodyLength: undefined,
        body: { kind: 'none' },
        repeatable: true,
      };
      this.#encode(ready, next.method);
      this.#sink.redirected(ready);
    } catch (error) {
      const story = `local redirect to ${redirect.location}: ${asError(error).message}`;
      this.#sink.refuse(this.#error('FCGI_LB_UPSTREAM_BAD_HEAD', story));
    }
  }

  #error(code: FailureCode, message: string): ProxyError {
    return new ProxyError(code, `${this.#upstream}: ${message}`, { upstream: this.#upstream });
  }
}
