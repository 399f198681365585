// The story of one client request: routed, its body taken in, a worker leased, the answer passed on, everything freed.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Clock } from '../core/clock.ts';
import { asError, type FailureCode, ProxyError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import { BadHeadError, CgiHeadReader, HeadTooLargeError } from '../fcgi/cgi-head.ts';
import type { Lease } from '../pool/lease.ts';
import type { Waiter } from '../pool/pool.ts';
import type { Place } from '../pool/queue.ts';
import { decideRetry, REPEATABLE_METHODS } from '../pool/retry.ts';
import type { Exchange } from '../upstream/exchange.ts';
import type { BodySource, ExchangeSink, FcgiRequest } from '../upstream/request.ts';
import type { Upstream } from '../upstream/upstream.ts';
import type { AccessLog } from './access-log.ts';
import { type DocumentHead, interpretHead, type LocalRedirect } from './cgi-response.ts';
import { ClientResponse } from './client-response.ts';
import { sendErrorPage } from './error-page.ts';
import { bodyFraming, bodyTooLarge, type ReceivedBody, receiveBody } from './request-body.ts';
import type { HeaderReader, RequestHeaders } from './request-headers.ts';
import type { Route } from './route.ts';
import { parseTarget, type Target } from './target.ts';
import { Trace } from './trace.ts';

/** What all transactions share. */
export interface TransactionContext {
  readonly clock: Clock;
  readonly log: Log;
  readonly accessLog: AccessLog | undefined;
  readonly headerReader: HeaderReader;
  /** The method as the client sent it, when node:http had to be shown another. */
  readonly methodOf: (request: IncomingMessage) => string;
  /** Told once for each transaction, when nothing of it is left. */
  readonly closed: (transaction: Transaction) => void;
}

type Phase =
  | { readonly kind: 'receiving' }
  | { readonly kind: 'waiting'; readonly place: Place<Waiter> | undefined }
  | { readonly kind: 'exchanging'; readonly exchange: Exchange | undefined }
  /** The worker is done; the client may still be taking what was held for it. */
  | { readonly kind: 'answered' }
  | { readonly kind: 'closed' };

/** Local redirects that one request may take (RFC 3875 6.2.2 asks for no number; a loop must end). */
const MAX_REDIRECTS = 5;

/**
 * Invariants:
 * 1. One phase at a time. In `waiting` the transaction holds at most a place in the queue, in `exchanging` an exchange,
 *    which frees its slot by itself; both are given up when the client leaves.
 * 2. Once any byte of a worker's answer may have left, nothing is retried: the client's connection is destroyed instead,
 *    so that a broken answer never looks like a whole one (DESIGN.md fact 14).
 * 3. `close` does its work once, when the response is finished or its connection gone, and frees what is left.
 */
export class Transaction implements Waiter, ExchangeSink {
  readonly tried = new Set<Upstream>();
  readonly #context: TransactionContext;
  readonly #route: Route;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #method: string;
  readonly #trace: Trace;
  #phase: Phase = { kind: 'receiving' };
  #headers: RequestHeaders | undefined;
  #body: ReceivedBody | undefined;
  #bodySpent = false;
  #fcgi: FcgiRequest | undefined;
  #reader: CgiHeadReader | undefined;
  #redirect: LocalRedirect | undefined;
  #redirects = 0;
  #answer: ClientResponse | undefined;
  #upstream: Upstream | undefined;
  #deadline: number | undefined;
  /** Bytes of the error page, if one was sent. */
  #pageBytes = 0;

  constructor(context: TransactionContext, route: Route, request: IncomingMessage, response: ServerResponse) {
    this.#context = context;
    this.#route = route;
    this.#request = request;
    this.#response = response;
    this.#method = context.methodOf(request);
    this.#trace = new Trace(context.clock, request, this.#method);
    response.on('close', () => this.close());
    // A write to a connection that has gone; `close` follows and does what is to be done.
    response.on('error', () => undefined);
  }

  /** The client's connection. */
  get socket(): Duplex {
    return this.#request.socket;
  }

  /**
   * Begins. Everything that can go wrong ends in an error page or a destroyed connection.
   * @param sendContinue tells a client that waits with its body (Expect: 100-continue) to send it
   */
  run(sendContinue: (() => void) | undefined): void {
    try {
      const target = parseTarget(this.#request.url ?? '');
      this.#headers = this.#context.headerReader.read(this.#request.rawHeaders);
      const framing = bodyFraming(this.#request);
      if (framing.kind === 'length' && framing.length > this.#route.limits.maxBody)
        throw bodyTooLarge(this.#route.limits.maxBody);
      if (framing.kind === 'none' || (framing.kind === 'length' && framing.length === 0)) {
        this.#prepare(target, framing.kind === 'none' ? undefined : 0, { kind: 'none' });
        this.#acquire();
      } else if (framing.kind === 'length' && !this.#route.limits.requestBuffering) {
        this.#prepare(target, framing.length, this.#streamedBody(framing.length, sendContinue));
        this.#acquire();
      } else {
        sendContinue?.();
        void this.#receive(target);
      }
    } catch (error) {
      this.#refuse(this.#coded(error));
    }
  }

  granted(lease: Lease): void {
    this.#trace.waited();
    if (this.#phase.kind === 'closed' || this.#fcgi === undefined) {
      lease.release();
      return;
    }
    this.#upstream = lease.upstream;
    this.#trace.leased(lease.upstream.name);
    this.#reader = new CgiHeadReader(this.#route.limits.maxResponseHead);
    this.#phase = { kind: 'exchanging', exchange: undefined };
    const exchange = lease.start(this.#fcgi, this);
    this.#phase = { kind: 'exchanging', exchange };
  }

  refused(error: ProxyError): void {
    this.#trace.waited();
    // If the upstreams were asked and kept silent, that is what the client should hear: 504, not 503.
    const last = this.#trace.failure;
    this.#refuse(last !== undefined && last.status === 504 ? last : error);
  }

  sent(): void {
    this.#trace.sent();
  }

  stdout(bytes: Buffer): void {
    if (this.#answer !== undefined) {
      if (!this.#answer.write(bytes)) this.#exchange?.pause();
    } else if (this.#reader !== undefined) {
      this.#readHead(this.#reader, bytes);
    }
  }

  end(appStatus: number): void {
    if (appStatus !== 0)
      this.#context.log.debug({ upstream: this.#upstream?.name, appStatus }, 'worker ended with a status of its own');
    if (this.#redirect !== undefined) {
      this.#followRedirect(this.#redirect);
      return;
    }
    const answer = this.#answer;
    if (answer === undefined) {
      this.failed(this.#upstreamError('FCGI_LB_UPSTREAM_NO_HEAD', 'ended its answer without a complete head'));
      return;
    }
    this.#phase = { kind: 'answered' };
    if (answer.surplus > 0) {
      this.#context.log.warn(
        { upstream: this.#upstream?.name, path: this.#request.url, surplus: answer.surplus },
        'worker sent more than its Content-Length; the rest was dropped',
      );
    }
    if (answer.end() === 'short')
      this.#breakOff(this.#upstreamError('FCGI_LB_UPSTREAM_SHORT_BODY', 'sent less than its Content-Length'));
  }

  failed(error: ProxyError): void {
    if (this.#phase.kind === 'closed') return;
    this.#trace.failed(error);
    if (this.#answer !== undefined) {
      this.#breakOff(error);
      return;
    }
    const decision = decideRetry(error, {
      attempts: this.#trace.attempts,
      maxAttempts: this.#route.limits.attempts,
      repeatable: this.#fcgi?.repeatable ?? false,
      bodyAtHand: !this.#bodySpent,
    });
    if (decision === 'give-up') {
      this.#refuse(error);
      return;
    }
    this.#context.log.debug(
      { code: error.code, attempts: this.#trace.attempts, path: this.#request.url },
      `trying again: ${error.message}`,
    );
    if (this.#upstream !== undefined) this.tried.add(this.#upstream);
    if (decision === 'again') this.#deadline = this.#route.pool.deadline();
    this.#acquire();
  }

  /** The response is finished or the client's connection gone: frees what is left. May be called again. */
  close(): void {
    const phase = this.#phase;
    if (phase.kind === 'closed') return;
    this.#phase = { kind: 'closed' };
    const finished = this.#response.writableFinished;
    if (!finished && this.#trace.failure === undefined) {
      this.#trace.failed(new ProxyError('FCGI_LB_CLIENT_GONE', 'the client left before its answer was complete'));
    }
    if (phase.kind === 'waiting' && phase.place !== undefined) this.#route.pool.cancel(phase.place);
    else if (phase.kind === 'exchanging') phase.exchange?.abandon({ kind: 'abandoned' });
    this.#answer?.destroy();
    this.#body?.close();
    const { accessLog, closed } = this.#context;
    if (accessLog !== undefined) this.#trace.logAccess(accessLog, this.#response, this.#answer?.bytes ?? this.#pageBytes);
    closed(this);
  }

  get #exchange(): Exchange | undefined {
    return this.#phase.kind === 'exchanging' ? this.#phase.exchange : undefined;
  }

  async #receive(target: Target): Promise<void> {
    const { maxBody, bodyTimeout, tempDir } = this.#route.limits;
    try {
      const body = await receiveBody(this.#request, { maxBody, idleTimeout: bodyTimeout, tempDir }, this.#context.clock);
      if (this.#phase.kind !== 'receiving') {
        body.close();
        return;
      }
      this.#body = body;
      this.#prepare(target, body.size, body.source);
      this.#acquire();
    } catch (error) {
      const coded = this.#coded(error);
      // When the client has gone `close` comes, or has come.
      if (coded.code !== 'FCGI_LB_CLIENT_GONE') this.#refuse(coded);
    }
  }

  /** A body that goes to the worker as it comes. Once begun it cannot be sent again. */
  #streamedBody(size: number, sendContinue: (() => void) | undefined): BodySource {
    return {
      kind: 'stream',
      size,
      open: () => {
        this.#bodySpent = true;
        sendContinue?.();
        return this.#request;
      },
    };
  }

  #prepare(target: Target, bodyLength: number | undefined, body: BodySource, method = this.#method): void {
    if (this.#headers === undefined) throw new Error('headers are read before a request is prepared');
    const head = this.#route.params.encode({
      method,
      protocol: `HTTP/${this.#request.httpVersion}`,
      target,
      headers: this.#headers,
      bodyLength,
      socket: this.#request.socket,
    });
    const streamed = body.kind === 'stream' && this.#body === undefined;
    this.#fcgi = { head, body, repeatable: REPEATABLE_METHODS.has(method) && !streamed };
  }

  #acquire(): void {
    this.#trace.waits();
    this.#phase = { kind: 'waiting', place: undefined };
    const place = this.#route.pool.acquire(this, this.#deadline);
    // Granted or refused at once, the phase has moved on already.
    if (place === undefined) return;
    this.#deadline = place.deadline;
    this.#phase = { kind: 'waiting', place };
  }

  #readHead(reader: CgiHeadReader, bytes: Buffer): void {
    if (this.#redirect !== undefined) return;
    try {
      const head = reader.push(bytes);
      if (head === undefined) return;
      this.#trace.headCame();
      const meaning = interpretHead(head.fields);
      if (meaning.kind === 'local-redirect') {
        this.#redirect = meaning;
        return;
      }
      this.#startAnswer(meaning);
      if (head.bodyAt < bytes.length) this.stdout(bytes.subarray(head.bodyAt));
    } catch (error) {
      if (error instanceof BadHeadError) this.#rejectAnswer('FCGI_LB_UPSTREAM_BAD_HEAD', error);
      else if (error instanceof HeadTooLargeError) this.#rejectAnswer('FCGI_LB_UPSTREAM_HEAD_TOO_LARGE', error);
      else throw error;
    }
  }

  #startAnswer(head: DocumentHead): void {
    const { spool } = this.#route.limits;
    // A body that nobody will read to its end leaves the connection in no state for another request.
    if (!this.#request.complete) this.#response.shouldKeepAlive = false;
    this.#answer = new ClientResponse(this.#request, this.#response, head, spool, this.#context.clock, {
      room: () => this.#exchange?.resume(),
      stalled: () =>
        this.#breakOff(new ProxyError('FCGI_LB_CLIENT_STALLED', `the client took nothing for ${spool.stallTimeout} ms`)),
      failed: (error) =>
        this.#breakOff(
          new ProxyError('FCGI_LB_BUFFER_FAILED', `cannot keep a response in ${spool.tempDir}: ${error.message}`, {
            cause: error,
          }),
        ),
    });
  }

  /** What the worker says must not reach the client. */
  #rejectAnswer(code: FailureCode, cause: Error): void {
    const error = this.#upstreamError(code, cause.message);
    this.#exchange?.abandon({ kind: 'failed', error });
    this.failed(error);
  }

  /** RFC 3875 6.2.2: the server answers as if the client had asked for that path itself. */
  #followRedirect(redirect: LocalRedirect): void {
    this.#redirect = undefined;
    this.#redirects += 1;
    if (this.#redirects > MAX_REDIRECTS) {
      this.#refuse(
        this.#upstreamError(
          'FCGI_LB_UPSTREAM_REDIRECT_LOOP',
          `redirected ${this.#redirects} times, last to ${redirect.location}`,
        ),
      );
      return;
    }
    try {
      const method = this.#method === 'HEAD' ? 'HEAD' : 'GET';
      if (this.#headers !== undefined) this.#headers = { ...this.#headers, contentType: undefined };
      // The host of an absolute-form target holds for the redirect as well.
      const { authority } = parseTarget(this.#request.url ?? '');
      this.#prepare({ ...parseTarget(redirect.location), authority }, undefined, { kind: 'none' }, method);
      this.#bodySpent = false;
      this.#acquire();
    } catch (error) {
      this.#refuse(
        this.#upstreamError('FCGI_LB_UPSTREAM_BAD_HEAD', `local redirect to ${redirect.location}: ${asError(error).message}`),
      );
    }
  }

  /** The request ends here with an error page. */
  #refuse(error: ProxyError): void {
    if (this.#phase.kind === 'closed') return;
    this.#trace.failed(error);
    this.#phase = { kind: 'answered' };
    this.#trace.logFailure(this.#context.log, error);
    this.#pageBytes = sendErrorPage(this.#request, this.#response, error, this.#context.clock);
  }

  /** Part of the answer is out and the rest will not come: the client must see that. */
  #breakOff(error: ProxyError): void {
    this.#trace.failed(error);
    this.#trace.logFailure(this.#context.log, error);
    this.#answer?.destroy();
    const { socket } = this.#response;
    this.#exchange?.abandon({ kind: 'abandoned' });
    this.#phase = { kind: 'answered' };
    // A reset, not an end: without Content-Length or chunks an end would make the answer look whole.
    if (socket === null) this.#response.destroy();
    else socket.resetAndDestroy();
  }

  #upstreamError(code: FailureCode, message: string): ProxyError {
    const name = this.#upstream?.name ?? 'upstream';
    return new ProxyError(code, `${name}: ${message}`, { upstream: name });
  }

  #coded(error: unknown): ProxyError {
    if (error instanceof ProxyError) return error;
    return new ProxyError('FCGI_LB_INTERNAL', `unexpected: ${asError(error).message}`, { cause: error });
  }
}
