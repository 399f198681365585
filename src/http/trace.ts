// Follows one request for the logs: which upstream, how many attempts, how long each stage took, why it failed.

import type { IncomingMessage } from 'node:http';
import type { Clock } from '../core/clock.ts';
import { asError, type ProxyError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { AccessLog } from './access-log.ts';
import { remoteAddress } from './peer.ts';

/** Times are clock ms; each stage's time is measured from the end of the one before. */
export class Trace {
  readonly #clock: Clock;
  readonly #request: IncomingMessage;
  readonly #method: string;
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
  #upstream: string | undefined;
  #failure: ProxyError | undefined;

  constructor(clock: Clock, request: IncomingMessage, method: string) {
    this.#clock = clock;
    this.#request = request;
    this.#method = method;
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

  leased(upstream: string): void {
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
    this.#failure = error;
    if (error.retry !== 'unsent' || !this.#counted) return;
    // The worker says itself that it has not begun.
    this.#attempts -= 1;
    this.#counted = false;
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

  /** @param status as sent; undefined when nothing was */
  logAccess(accessLog: AccessLog | undefined, status: number | undefined, bytes: number): void {
    accessLog?.({
      client: this.#client,
      method: this.#method,
      path: this.#request.url ?? '',
      // 499, as nginx has it: the client left before there was anything to send.
      status: status ?? 499,
      bytes,
      upstream: this.#upstream,
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
