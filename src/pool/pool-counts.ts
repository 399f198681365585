// What is counted of the requests of one pool for the operator, since the process began.

import { DurationStats } from '../core/duration-stats.ts';
import type { FailureCode } from '../core/errors.ts';
import { Tally } from '../core/tally.ts';

/** `other`: a status above 599, which an upstream may send and HTTP knows nothing of. */
export const STATUS_CLASSES = ['1xx', '2xx', '3xx', '4xx', '5xx', 'other'] as const;
export type StatusClass = (typeof STATUS_CLASSES)[number];

/** Why the queue sends a request away. */
export const REJECTIONS = [
  'FCGI_LB_QUEUE_FULL',
  'FCGI_LB_QUEUE_TIMEOUT',
  'FCGI_LB_POOL_CLOSED',
  'FCGI_LB_POOL_DOWN',
] as const satisfies readonly FailureCode[];
export type Rejection = (typeof REJECTIONS)[number];

const OTHER = STATUS_CLASSES.indexOf('other');
const SWITCHING_PROTOCOLS = 101;

/** Written on every request: plain numbers and arrays that are there already. */
export class PoolCounts {
  #requests = 0;
  #retries = 0;
  readonly #statuses = new Float64Array(STATUS_CLASSES.length);
  readonly rejected = new Tally<Rejection>();
  /** How long those waited who did not get an upstream at once. */
  readonly waits = new DurationStats();
  /** From the lease to the request's first byte, in the last try of each request. */
  readonly connect = new DurationStats();
  /** From there to the head of the answer. */
  readonly head = new DurationStats();
  /**
   * From the request's arrival to its end; without those that became tunnels, which last as long as
   * somebody talks.
   */
  readonly total = new DurationStats();

  /** Client requests that have ended. */
  get requests(): number {
    return this.#requests;
  }

  /** Times a request was given to an upstream again after it had failed. */
  get retries(): number {
    return this.#retries;
  }

  /** How many ended with a status of this class, 499 for those whose clients left among them. */
  statuses(of: StatusClass): number {
    return this.#statuses[STATUS_CLASSES.indexOf(of)] ?? 0;
  }

  /**
   * A client request has ended.
   * @param status 499 when the client left before there was one
   * @param connect ms, as are the others; undefined: the request did not come so far
   * @param now clock ms
   */
  ended(status: number, connect: number | undefined, head: number | undefined, total: number, now: number): void {
    this.#requests += 1;
    const of = status >= 600 ? OTHER : ((status / 100) | 0) - 1;
    this.#statuses[of] = (this.#statuses[of] ?? 0) + 1;
    if (connect !== undefined) this.connect.add(connect, now);
    if (head !== undefined) this.head.add(head, now);
    if (status !== SWITCHING_PROTOCOLS) this.total.add(total, now);
  }

  retried(): void {
    this.#retries += 1;
  }
}
