// Follows one request for the logs and the counts: which upstream, how many attempts, how long each stage took, why it failed.

import type { IncomingMessage } from 'node:http';
import type { Clock } from '../core/clock.ts';
import { asError, type ProxyError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { PoolCounts } from '../pool/pool-counts.ts';
import type { Upstream } from '../upstream/upstream.ts';
import type { AccessLog } from './access-log.ts';
import { remoteAddress } from './peer.ts';

/** 499, as nginx has it: the client left before there was anything to send. */
const CLIENT_GONE = 499;

/** Times are clock ms; each stage's time is measured from the end of the one before. */
export class Trace {
  readonly #clock: Clock;
  readonly #request: IncomingMessage;
  readonly #method: string;
  readonly #counts: PoolCounts | undefined;
  readonly #arrivedAt: number;
  /** Taken now: a socket forgets its peer's address when it closes. */
  readonly #client: string;
  #stageAt = 0;
  #queue: number | undefined;
  #connect: number | undefined;
  #head: number | undefined;
  #attempts = 0;
  /** Whether the lease that is held now has been counted as an attempt. */
  #counted = false;
  #upstream: Upstream | undefined;
  #failure: ProxyError | undefined;

  /** @param counts of the pool that the request goes to; undefined: it goes to none */
  constructor(clock: Clock, request: IncomingMessage, method: string, counts?: PoolCounts) {
    this.#clock = clock;
    this.#request = request;
    this.#method = method;
    this.#counts = counts;
    this.#arrivedAt = clock.now();
    this.#client = remoteAddress(request.socket);
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
    this.#upstream = upstream;
    this.#counted = false;
    this.#connect = undefined;
    this.#head = undefined;
  }

  /** Again for the same lease when a connection taken over turned out to be closed: still one attempt. */
  sent(): void {
    if (!this.#counted) this.#attempts += 1;
    this.#counted = true;
    this.#connect = (this.#connect ?? 0) + this.#stage();
  }

  headCame(): void {
    this.#head = this.#stage();
    // Whatever made earlier attempts fail, it is not how the request ends.
    this.#failure = undefined;
  }

  failed(error: ProxyError): void {
    // Told again when it turns out to be how the request ends.
    if (error.side === 'upstream' && error.stage !== 'queue' && error !== this.#failure)
      this.#upstream?.counts.failed(error.code);
    this.#failure = error;
    if (error.retry !== 'unsent' || !this.#counted) return;
    // The worker says itself that it has not begun.
    this.#attempts -= 1;
    this.#counted = false;
  }

  /** The request is to be given to an upstream again. */
  triesAgain(log: Log, error: ProxyError): void {
    this.#counts?.retried();
    this.#upstream?.counts.retried();
    const fields = { code: error.code, attempts: this.#attempts, path: this.#request.url };
    log.debug(fields, `trying again: ${error.message}`);
  }

  /** Tells the operator of a failure that the client will notice. */
  logFailure(log: Log, error: ProxyError): void {
    const fields = {
      code: error.code,
      client: this.#client,
      method: this.#method,
      path: this.#request.url,
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
    this.#counts?.ended(status ?? CLIENT_GONE, this.#connect, this.#head, now - this.#arrivedAt, now);
  }

  /** @param status as sent; undefined when nothing was */
  logAccess(accessLog: AccessLog | undefined, status: number | undefined, bytes: number): void {
    accessLog?.({
      client: this.#client,
      method: this.#method,
      path: this.#request.url ?? '',
      status: status ?? CLIENT_GONE,
      bytes,
      upstream: this.#upstream?.name,
      attempts: this.#attempts,
      queue: this.#queue,
      connect: this.#connect,
      head: this.#head,
      total: this.#clock.now() - this.#arrivedAt,
      error: this.#failure?.code,
    });
  }

  #stage(): number {
    const now = this.#clock.now();
    const took = now - this.#stageAt;
    this.#stageAt = now;
    return took;
  }
}
