// The one timer of an exchange: how long it waits for the upstream to take, to send, or to end an
// abandoned request.

import type { Clock, Timer } from '../../core/clock.ts';
import { ProxyError } from '../../core/errors.ts';
import type { ExchangeTimeouts } from './request.ts';

/**
 * `linger`, for an abandoned request, limits the whole; the others limit the time between two
 * moves.
 */
export type ExchangeStage = 'send' | 'read' | 'linger';

/**
 * ms after a request was abandoned in which output may have been written before, and waited in the
 * socket.
 */
const ON_ITS_WAY = 100;
/**
 * ms that an upstream has for the end of its answer once it has been seen to write for an abandoned
 * request.
 */
const FINISH = 250;

interface Host {
  readonly name: string;
  readonly clock: Clock;
  /** Those that hold now. */
  timeouts(): ExchangeTimeouts;
}

export class StageTimer {
  readonly #host: Host;
  readonly #timedOut: (stage: ExchangeStage) => void;
  #present: { readonly stage: ExchangeStage; readonly timer: Timer } | undefined;
  /**
   * When the request was abandoned; undefined before, and once the upstream has been seen to write.
   */
  #lingersSince: number | undefined;

  constructor(host: Host, timedOut: (stage: ExchangeStage) => void) {
    this.#host = host;
    this.#timedOut = timedOut;
  }

  /**
   * Something has moved, and this is what is waited for now; undefined while we ourselves, or the
   * client, are what is slow.
   */
  watch(stage: ExchangeStage | undefined): void {
    if (stage === this.#present?.stage) {
      // A worker that writes for ever must not hold its slot for ever.
      if (stage !== 'linger') this.#present?.timer.restart();
      return;
    }
    if (stage === 'linger') this.#lingersSince = this.#host.clock.now();
    this.#set(stage, stage && this.#host.timeouts()[stage]);
  }

  /**
   * Output has come for an abandoned request. Only a failed write stops a worker that writes for
   * ever, as one of events does: neither php-fpm nor libfcgi reads ABORT_REQUEST while its program
   * runs. So the time that is left is cut to what the end of an answer takes.
   */
  wroteAbandoned(): void {
    const since = this.#lingersSince;
    if (since === undefined || this.#host.clock.now() - since < ON_ITS_WAY) return;
    this.#lingersSince = undefined;
    this.#set('linger', Math.min(FINISH, this.#host.timeouts().linger));
  }

  cancel(): void {
    this.#present?.timer.cancel();
    this.#present = undefined;
  }

  /** What a request fails with whose upstream did not move in time. */
  error(stage: Exclude<ExchangeStage, 'linger'>): ProxyError {
    const { name } = this.#host;
    const ms = this.#host.timeouts()[stage];
    return stage === 'send'
      ? new ProxyError('FCGI_LB_UPSTREAM_SEND_TIMEOUT', `${name}: took nothing of the request for ${ms} ms`, { upstream: name })
      : new ProxyError('FCGI_LB_UPSTREAM_READ_TIMEOUT', `${name}: sent nothing for ${ms} ms`, { upstream: name });
  }

  #set(stage: ExchangeStage | undefined, ms = 0): void {
    this.#present?.timer.cancel();
    this.#present = stage && { stage, timer: this.#host.clock.after(ms, () => this.#timedOut(stage)) };
  }
}
