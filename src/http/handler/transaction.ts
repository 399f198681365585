// The story of one client request: its body taken in, an upstream leased, the answer passed on,
// everything freed.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { type FailureCode, ProxyError } from '../../core/errors.ts';
import type { Lease } from '../../pool/lease.ts';
import type { Waiter } from '../../pool/pool.ts';
import type { QueueEntry } from '../../pool/queue.ts';
import { decideRetry, REPEATABLE_METHODS, type RetryDecision } from '../../pool/retry.ts';
import type { BodySource } from '../../upstream/transport/request.ts';
import type { Upstream } from '../../upstream/upstream.ts';
import { balanceKey, markAnswer } from '../proxy/balance-key.ts';
import type { CarriedExchange, Carrier, CarrierSink, ReadyRequest } from '../proxy/carrier.ts';
import { FcgiCarrier } from '../proxy/fcgi-carrier.ts';
import { HttpCarrier } from '../proxy/http-carrier.ts';
import { openTunnel, SWITCHING, type Tunnel } from '../proxy/tunnel.ts';
import { admitBody, type ReceivedBody, receiveBody } from '../request/body.ts';
import { codedError } from '../request/coded-error.ts';
import type { RequestHeaders } from '../request/headers.ts';
import type { RequestTarget } from '../request/target.ts';
import type { RequestFacts } from '../request/variables.ts';
import { changedHead, errorAnswer } from '../response/answer-rules.ts';
import { ClientResponse } from '../response/client-response.ts';
import type { DocumentHead } from '../response/document-head.ts';
import { cutConnection, sendWhole } from '../response/error-page.ts';
import { writeInterim } from '../response/interim.ts';
import type { Route } from './route.ts';
import type { RoutedToPool } from './routed.ts';
import { Trace } from './trace.ts';
import type { OpenRequest, TransactionContext } from './transaction-context.ts';

type Phase =
  | { readonly kind: 'receiving' }
  | { readonly kind: 'waiting'; readonly place: QueueEntry<Waiter> | undefined }
  | { readonly kind: 'exchanging'; readonly exchange: CarriedExchange | undefined }
  /** The client has changed its protocol; the exchange holds the slot until the tunnel ends. */
  | { readonly kind: 'tunnelling'; readonly exchange: CarriedExchange | undefined; readonly tunnel: Tunnel }
  /** The worker is done; the client may still be taking what was held for it. */
  | { readonly kind: 'answered' }
  | { readonly kind: 'closed' };

const ignore = (): void => undefined;

/**
 * Invariants:
 * 1. One phase at a time. In `waiting` the transaction holds at most a place in the queue, in
 *    `exchanging` an exchange, which frees its slot by itself; both are given up when the client
 *    leaves.
 * 2. Once any byte of a worker's answer may have left, nothing is retried: the client's connection
 *    is destroyed instead, so that a broken answer never looks like a whole one (DESIGN.md fact
 *    14).
 * 3. `close` does its work once, when the response is finished or its connection gone, and frees
 *    what is left.
 */
export class Transaction implements OpenRequest, Waiter, CarrierSink {
  #tried: Set<Upstream> | undefined;
  readonly key: string;
  readonly #context: TransactionContext;
  readonly #route: Route;
  readonly #routed: RoutedToPool;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #method: string;
  readonly #trace: Trace;
  readonly #closed: (transaction: Transaction) => void;
  readonly #carrier: Carrier;
  #phase: Phase = { kind: 'receiving' };
  #body: ReceivedBody | undefined;
  #bodySpent = false;
  #repeatable = false;
  #answer: ClientResponse | undefined;
  #upstream: Upstream | undefined;
  #deadline: number | undefined;
  /** Bytes of the error page, if one was sent. */
  #pageBytes = 0;

  /**
   * @param method as the client sent it
   * @param upgrade the protocol that the client asks to change to, if that may be granted
   * @param closed told once, when nothing of the transaction is left
   */
  constructor(
    context: TransactionContext,
    routed: RoutedToPool,
    request: IncomingMessage,
    response: ServerResponse,
    method: string,
    upgrade: string | undefined,
    closed: (transaction: Transaction) => void,
  ) {
    const { route } = routed;
    this.#closed = closed;
    this.#context = context;
    this.#route = route;
    this.#routed = routed;
    this.#request = request;
    this.#response = response;
    this.#method = method;
    route.pool.enter();
    route.retryBudget.deposit();
    this.#trace = new Trace(context, request, this.#method, route.pool);
    this.key = route.balanceKey === undefined ? '' : balanceKey(route.balanceKey, request, this.#trace.peer);
    const { requestId, peer } = this.#trace;
    const maxHead = route.limits.maxResponseHead;
    const { protocol } = route;
    this.#carrier =
      protocol.kind === 'fastcgi'
        ? new FcgiCarrier({ request, peer, method, params: protocol.params, maxHead, log: context.log, requestId }, this)
        : new HttpCarrier({ request, peer, method, speaks: protocol, maxHead, upgrade, requestId }, this);
    response.on('close', () => this.close());
    // A write to a connection that has gone; `close` follows and does what is to be done.
    response.on('error', ignore);
  }

  get tried(): ReadonlySet<Upstream> | undefined {
    return this.#tried;
  }

  get socket(): Duplex {
    return this.#request.socket;
  }

  run(sendContinue: (() => void) | undefined): void {
    try {
      const { target, headers } = this.#routed;
      const body = admitBody(this.#request, this.#route.limits, () => {
        this.#bodySpent = true;
        sendContinue?.();
      });
      if (body.kind === 'to-receive') {
        sendContinue?.();
        void this.#receive(target, headers);
      } else {
        this.#prepare(target, headers, body.length, body.source);
        this.#acquire();
      }
    } catch (error) {
      this.refuse(codedError(error));
    }
  }

  unreadable(reason: string): boolean {
    if (this.#phase.kind === 'receiving') this.refuse(new ProxyError('FCGI_LB_REQUEST_BAD_SYNTAX', reason));
    return this.#phase.kind === 'answered' && this.#answer === undefined;
  }

  granted(lease: Lease): void {
    this.#trace.waited();
    this.#upstream = lease.upstream;
    this.#trace.leased(lease.upstream);
    this.#phase = { kind: 'exchanging', exchange: this.#carrier.start(lease) };
  }

  refused(error: ProxyError): void {
    this.#trace.waited();
    // If the upstreams were asked and kept silent, that is what the client should hear: 504, not
    // 503.
    const last = this.#trace.failure;
    this.refuse(last !== undefined && last.status === 504 ? last : error);
  }

  sent(): void {
    this.#trace.sent();
  }

  interim(status: number, rawHeaders: readonly string[]): void {
    if (this.#request.httpVersion === '1.1') writeInterim(this.#response, status, rawHeaders);
  }

  head(head: DocumentHead): void {
    if (this.#route.retry.statuses.has(head.status) && this.#triesAgain(head.status)) return;
    this.#trace.headCame(head.status);
    const changed = changedHead(this.#route.answerRules, head, () => this.#facts());
    this.#answer = this.#startAnswer(markAnswer(this.#route.balanceKey, changed, this.key, this.#upstream, this.#request));
  }

  body(bytes: Buffer): void {
    if (this.#answer?.write(bytes) === false) this.#exchange?.pause();
  }

  end(): void {
    if (this.#answer !== undefined) this.#finish(this.#answer);
  }

  redirected(request: ReadyRequest): void {
    this.#trace.headCame(302);
    this.#repeatable = request.repeatable;
    this.#bodySpent = false;
    this.#acquire();
  }

  upgraded(headers: readonly string[], upstream: Duplex, first: Buffer): void {
    this.#trace.headCame(SWITCHING);
    const tunnel = openTunnel(this.#request, headers, upstream, first, this.#context.clock);
    this.#phase = { kind: 'tunnelling', exchange: this.#exchange, tunnel };
  }

  failed(error: ProxyError): void {
    if (this.#phase.kind === 'closed') return;
    this.#trace.failed(error);
    if (this.#answer?.sent) {
      this.#breakOff(error);
      return;
    }
    this.#answer?.destroy();
    this.#answer = undefined;
    const decision = this.#decide(error);
    if (decision === 'give-up') this.refuse(error);
    else this.#tryAgain(error, decision);
  }

  /** The request ends here with an error page. */
  refuse(error: ProxyError): void {
    if (this.#phase.kind === 'closed') return;
    this.#trace.failed(error);
    this.#phase = { kind: 'answered' };
    this.#trace.logFailure(this.#context.log, error);
    const page = errorAnswer(this.#route.answerRules, error, () => this.#facts());
    this.#pageBytes = sendWhole(this.#request, this.#response, page, this.#context.clock);
  }

  close(): void {
    const phase = this.#phase;
    if (phase.kind === 'closed') return;
    this.#phase = { kind: 'closed' };
    const tunnel = phase.kind === 'tunnelling' ? phase.tunnel : undefined;
    const finished = this.#response.writableFinished || tunnel !== undefined;
    // Unless the request had ended already, a failure noted so far was that of an earlier attempt.
    if (!finished && (phase.kind !== 'answered' || this.#trace.failure === undefined)) {
      this.#trace.failed(new ProxyError('FCGI_LB_CLIENT_GONE', 'the client left before its answer was complete'));
    }
    if (phase.kind === 'waiting' && phase.place !== undefined) this.#route.pool.cancel(phase.place);
    else if (phase.kind === 'exchanging' || phase.kind === 'tunnelling') phase.exchange?.abandon({ kind: 'abandoned' });
    this.#answer?.destroy();
    this.#body?.close();
    this.#route.pool.leave();
    const status = tunnel !== undefined ? SWITCHING : this.#response.headersSent ? this.#response.statusCode : undefined;
    const bytes = tunnel?.sent ?? this.#answer?.bytes ?? this.#pageBytes;
    this.#trace.count(status);
    this.#trace.logAccess(this.#context.accessLog, status, bytes, this.#response, this.#routed);
    this.#closed(this);
  }

  #facts(): RequestFacts {
    const { target, headers } = this.#routed;
    const protocol = `HTTP/${this.#request.httpVersion}`;
    const [bodyLength, { requestId, peer: socket }] = [this.#body?.size, this.#trace];
    return { method: this.#method, protocol, target, headers, bodyLength, socket, requestId };
  }

  get #exchange(): CarriedExchange | undefined {
    return this.#phase.kind === 'exchanging' ? this.#phase.exchange : undefined;
  }

  async #receive(target: RequestTarget, headers: RequestHeaders): Promise<void> {
    const { maxBody, bodyTimeout, tempDir } = this.#route.limits;
    try {
      const body = await receiveBody(this.#request, { maxBody, idleTimeout: bodyTimeout, tempDir }, this.#context.clock);
      if (this.#phase.kind !== 'receiving') {
        body.close();
        return;
      }
      this.#body = body;
      this.#prepare(target, headers, body.size, body.source);
      this.#acquire();
    } catch (error) {
      const coded = codedError(error);
      // When the client has gone `close` comes, or has come.
      if (coded.code !== 'FCGI_LB_CLIENT_GONE') this.refuse(coded);
    }
  }

  #prepare(target: RequestTarget, headers: RequestHeaders, bodyLength: number | undefined, body: BodySource): void {
    const streamed = body.kind === 'stream' && this.#body === undefined;
    this.#repeatable = REPEATABLE_METHODS.has(this.#method) && !streamed;
    this.#carrier.prepare({ target, headers, bodyLength, body, repeatable: this.#repeatable });
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

  #decide(error: ProxyError): RetryDecision {
    const facts = { attempts: this.#trace.attempts, repeatable: this.#repeatable, bodyAtHand: !this.#bodySpent };
    const decision = decideRetry(error, facts, this.#route.retry);
    return decision === 'again' && !this.#route.retryBudget.spend() ? 'give-up' : decision;
  }

  #tryAgain(error: ProxyError, decision: Exclude<RetryDecision, 'give-up'>): void {
    this.#trace.triesAgain(this.#context.log, error);
    this.#tried ??= new Set();
    if (this.#upstream !== undefined) this.#tried.add(this.#upstream);
    if (decision === 'again') this.#deadline = this.#route.pool.deadline();
    this.#acquire();
  }

  /**
   * An answer that the operator wants asked for again is dropped, if it can be; else it is what the
   * client gets.
   */
  #triesAgain(status: number): boolean {
    const error = this.#upstreamError('FCGI_LB_UPSTREAM_STATUS', `answered with status ${status}`);
    const decision = this.#decide(error);
    if (decision === 'give-up') return false;
    this.#trace.failed(error, status);
    this.#exchange?.abandon({ kind: 'complete', status });
    this.#tryAgain(error, decision);
    return true;
  }

  #startAnswer(head: DocumentHead): ClientResponse {
    const { spool } = this.#route.limits;
    // A body that nobody will read to its end leaves the connection in no state for another
    // request.
    if (!this.#request.complete) this.#response.shouldKeepAlive = false;
    return new ClientResponse(this.#request, this.#response, head, spool, this.#context.clock, {
      room: () => this.#exchange?.resume(),
      stalled: () =>
        this.#breakOff(new ProxyError('FCGI_LB_CLIENT_STALLED', `the client took nothing for ${spool.stallTimeout} ms`)),
      failed: (error) => {
        const story = `cannot keep a response in ${spool.tempDir}: ${error.message}`;
        this.#breakOff(new ProxyError('FCGI_LB_BUFFER_FAILED', story, { cause: error }));
      },
    });
  }

  /** The worker has finished; whether well is for the client to know. */
  #finish(answer: ClientResponse): void {
    this.#phase = { kind: 'answered' };
    this.#trace.answered();
    if (answer.surplus > 0) this.#trace.logSurplus(this.#context.log, answer.surplus);
    if (answer.end() === 'complete') return;
    this.failed(this.#upstreamError('FCGI_LB_UPSTREAM_SHORT_BODY', 'sent less than its Content-Length'));
  }

  /** Part of the answer is out and the rest will not come: the client must see that. */
  #breakOff(error: ProxyError): void {
    this.#trace.failed(error);
    this.#trace.logFailure(this.#context.log, error);
    this.#answer?.destroy();
    this.#exchange?.abandon({ kind: 'abandoned' });
    this.#phase = { kind: 'answered' };
    cutConnection(this.#response);
  }

  #upstreamError(code: FailureCode, message: string): ProxyError {
    const name = this.#upstream?.name ?? 'upstream';
    return new ProxyError(code, `${name}: ${message}`, { upstream: name });
  }
}
