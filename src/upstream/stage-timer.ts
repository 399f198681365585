// The one timer of an exchange: how long it waits for the upstream to take, to send, or to be done with what nobody wants any more.

import type { Clock, Timer } from '../core/clock.ts';
import { ProxyError } from '../core/errors.ts';
import type { ExchangeTimeouts } from './request.ts';

export type Stage = 'send' | 'read' | 'linger';

interface Host {
  readonly name: string;
  readonly clock: Clock;
  /** Those that hold now. */
  timeouts(): ExchangeTimeouts;
}

export class StageTimer {
  readonly #host: Host;
  readonly #timedOut: (stage: Stage) => void;
  #present: { readonly stage: Stage; readonly timer: Timer } | undefined;

  constructor(host: Host, timedOut: (stage: Stage) => void) {
    this.#host = host;
    this.#timedOut = timedOut;
  }

  /** Something has moved, and this is what is waited for now; undefined while we ourselves, or the client, are what is slow. */
  watch(stage: Stage | undefined): void {
    if (stage === this.#present?.stage) {
      this.#present?.timer.restart();
      return;
    }
    this.#present?.timer.cancel();
    this.#present = stage && { stage, timer: this.#host.clock.after(this.#host.timeouts()[stage], () => this.#timedOut(stage)) };
  }

  cancel(): void {
    this.#present?.timer.cancel();
    this.#present = undefined;
  }

  /** What a request fails with whose upstream did not move in time. */
  error(stage: Exclude<Stage, 'linger'>): ProxyError {
    const { name } = this.#host;
    const ms = this.#host.timeouts()[stage];
    return stage === 'send'
      ? new ProxyError('FCGI_LB_UPSTREAM_SEND_TIMEOUT', `${name}: took nothing of the request for ${ms} ms`, { upstream: name })
      : new ProxyError('FCGI_LB_UPSTREAM_READ_TIMEOUT', `${name}: sent nothing for ${ms} ms`, { upstream: name });
  }
}
