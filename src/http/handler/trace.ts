// Follows one request for the logs and the counts: which upstream, how many attempts, how long each
// stage took, why it failed.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../../core/clock.ts';
import { asError, type ProxyError } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';
import type { Pool } from '../../pool/pool.ts';
import type { Upstream } from '../../upstream/upstream.ts';
import type { AccessLog, AccessRecord, Attempt, ConnectionAddresses, Followed } from '../access-log/record.ts';
import { localAddress, localPort, type Peer, remoteAddress } from '../request/peer.ts';
import type { RequestIds } from '../request/request-id.ts';
import type { TrustedProxies } from '../request/trusted-proxies.ts';
import type { SavedLog } from './saved-log.ts';

/** What following a request takes. */
export interface TraceContext {
  readonly clock: Clock;
  readonly accessLog: AccessLog | undefined;
  readonly savedLog: SavedLog;
  readonly requestIds: RequestIds;
  readonly proxies: TrustedProxies;
}

/** The pool that a request goes to. */
type Destination = Pick<Pool, 'name' | 'counts'>;

/** 499, as nginx has it: the client left before there was anything to send. */
const CLIENT_GONE = 499;

/** Times are clock ms; each stage's time is measured from the end of the one before. */
export class Trace implements Followed {
  readonly #clock: Clock;
  readonly #ids: RequestIds;
  readonly request: IncomingMessage;
  readonly #method: string;
  /** Who asks, by what was trusted when the request came. */
  readonly peer: Peer;
  readonly #pool: Destination | undefined;
  readonly #arrivedAt: number;
  /** Taken now: a socket forgets its peer's address when it closes. */
  readonly #client: string;
  readonly addresses: ConnectionAddresses | undefined;
  #id: string | undefined;
  #stageAt = 0;
  #leasedAt = 0;
  /** When the upstream's answer had ended, or it had failed. */
  #endedAt: number | undefined;
  #queue: number | undefined;
  #connect: number | undefined;
  #head: number | undefined;
  #attempts = 0;
  /** Whether the lease that is held now has been counted as an attempt. */
  #counted = false;
  #upstream: Upstream | undefined;
  /** Of the answer of the upstream that was tried last. */
  #status: number | undefined;
  /** Those tried before the last one. */
  #earlier: Attempt[] | undefined;
  #failure: ProxyError | undefined;
  readonly #savedLog: SavedLog;
  /**
   * The failure after which the request was given to an upstream again, until that answers, and the
   * status if it was one.
   */
  #lost: { readonly error: ProxyError; readonly status: number | undefined } | undefined;

  /** @param pool that the request goes to; undefined: it goes to none */
  constructor(
    { clock, requestIds, accessLog, savedLog, proxies }: TraceContext,
    request: IncomingMessage,
    method: string,
    pool?: Destination,
  ) {
    const peer = proxies.of(request);
    this.peer = peer;
    this.#clock = clock;
    this.#ids = requestIds;
    this.#savedLog = savedLog;
    this.request = request;
    this.#method = method;
    this.#pool = pool;
    this.#arrivedAt = clock.now();
    this.#client = remoteAddress(peer);
    if (accessLog?.wantsAddresses !== true) return;
    const remotePort = String(peer.remotePort ?? '');
    this.addresses = { remotePort, serverAddr: localAddress(peer), serverPort: localPort(peer) };
  }

  /** What the request is called, here and in other programs. */
  get requestId(): string {
    this.#id ??= this.#ids.of(this.request);
    return this.#id;
  }

  /** Times the request was given to a worker that may have begun it. */
  get attempts(): number {
    return this.#attempts;
  }

  /** The latest failure. */
  get failure(): ProxyError | undefined {
    return this.#failure;
  }

  waits(): void {
    this.#stageAt = this.#clock.now();
  }

  /** Waiting is over; with several attempts the waits add up. */
  waited(): void {
    this.#queue = (this.#queue ?? 0) + this.#stage();
  }

  leased(upstream: Upstream): void {
    const before = this.#latest();
    if (before !== undefined) this.#earlier = [...(this.#earlier ?? []), before];
    this.#upstream = upstream;
    this.#counted = false;
    this.#connect = undefined;
    this.#head = undefined;
    this.#status = undefined;
    this.#leasedAt = this.#stageAt;
    this.#endedAt = undefined;
  }

  /**
   * Again for the same lease when a connection taken over turned out to be closed: still one
   * attempt.
   */
  sent(): void {
    if (!this.#counted) this.#attempts += 1;
    this.#counted = true;
    this.#connect = (this.#connect ?? 0) + this.#stage();
  }

  /** @param status of the answer */
  headCame(status: number): void {
    this.#head = this.#stage();
    this.#status = status;
    // Whatever made earlier attempts fail, it is not how the request ends.
    this.#failure = undefined;
    if (this.#lost !== undefined) this.#logSaved(this.#lost.error, this.#lost.status, status);
  }

  /** The upstream has said all. */
  answered(): void {
    this.#endedAt = this.#clock.now();
  }

  /** @param status of the answer that is taken for a failure, if there was one */
  failed(error: ProxyError, status?: number): void {
    // Told again when it turns out to be how the request ends.
    if (error.side === 'upstream' && error.stage !== 'queue' && error !== this.#failure)
      this.#upstream?.counts.failed(error.code);
    this.#failure = error;
    if (this.#upstream !== undefined) {
      this.#endedAt ??= this.#clock.now();
      // A failure of the client's says nothing of the upstream.
      if (error.side !== 'client') this.#status ??= status ?? error.status;
    }
    if (error.retry !== 'unsent' || !this.#counted) return;
    // The worker says itself that it has not begun.
    this.#attempts -= 1;
    this.#counted = false;
  }

  /** The request is to be given to an upstream again. */
  triesAgain(log: Log, error: ProxyError): void {
    this.#pool?.counts.retried();
    this.#upstream?.counts.retried();
    const fields = { request_id: this.requestId, code: error.code, attempts: this.#attempts, path: this.request.url };
    log.debug(fields, `trying again: ${error.message}`);
    // A full backlog is no failure, and one that cost time tells more than a socket without a
    // listener.
    if (error.class === 'busy' || (this.#lost !== undefined && error.retry === 'unsent')) return;
    this.#lost = { error, status: error.class === 'status' ? this.#status : undefined };
  }

  tried(): readonly Attempt[] {
    const latest = this.#latest();
    return latest === undefined ? [] : [...(this.#earlier ?? []), latest];
  }

  /** @param surplus bytes of the answer beyond what it had announced */
  logSurplus(log: Log, surplus: number): void {
    const fields = { request_id: this.requestId, upstream: this.#upstream?.name, path: this.request.url, surplus };
    log.warn(fields, 'worker sent more than its Content-Length; the rest was dropped');
  }

  /** Tells the operator of a failure that the client will notice. */
  logFailure(log: Log, error: ProxyError): void {
    const fields = {
      request_id: this.requestId,
      code: error.code,
      client: this.#client,
      method: this.#method,
      path: this.request.url,
      upstream: error.upstream,
      attempts: this.#attempts,
    };
    if (error.side === 'client') log.debug(fields, error.message);
    else if (error.side === 'internal') log.error({ ...fields, cause: asError(error.cause ?? error).stack }, error.message);
    else log.warn(fields, error.message);
  }

  /**
   * The request has ended.
   * @param status as sent; undefined when nothing was
   */
  count(status: number | undefined): void {
    const now = this.#clock.now();
    this.#pool?.counts.ended(status ?? CLIENT_GONE, this.#connect, this.#head, now - this.#arrivedAt, now);
  }

  /**
   * @param status as sent; undefined when nothing was
   * @param read what was understood of the request
   */
  logAccess(
    accessLog: AccessLog | undefined,
    status: number | undefined,
    bytes: number,
    response: ServerResponse,
    read: AccessRecord['read'],
  ): void {
    accessLog?.({
      client: this.#client,
      method: this.#method,
      path: this.request.url ?? '',
      status: status ?? CLIENT_GONE,
      bytes,
      upstream: this.#upstream?.name,
      attempts: this.#attempts,
      queue: this.#queue,
      connect: this.#connect,
      head: this.#head,
      total: this.#clock.now() - this.#arrivedAt,
      error: this.#failure?.code,
      requestId: this.requestId,
      pool: this.#pool?.name,
      followed: this,
      response,
      read,
    });
  }

  /** Tells the operator of a failure that the client does not notice. */
  #logSaved({ code, message, upstream = 'upstream' }: ProxyError, before: number | undefined, status: number): void {
    this.#lost = undefined;
    // The same again is no rescue.
    if (status === before) return;
    const answeredBy = this.#upstream?.name;
    const { method, url: path } = { method: this.#method, url: this.request.url };
    const fields = {
      request_id: this.requestId,
      code,
      method,
      path,
      upstream,
      answered_by: answeredBy,
      attempts: this.#attempts,
    };
    this.#savedLog.saved(fields, `${message}; ${answeredBy} has answered the request`);
  }

  #latest(): Attempt | undefined {
    if (this.#upstream === undefined) return undefined;
    const { name: upstream } = this.#upstream;
    const response = (this.#endedAt ?? this.#clock.now()) - this.#leasedAt;
    return { upstream, status: this.#status, connect: this.#connect, head: this.#head, response };
  }

  #stage(): number {
    const now = this.#clock.now();
    const took = now - this.#stageAt;
    this.#stageAt = now;
    return took;
  }
}
