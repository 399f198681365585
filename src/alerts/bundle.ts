// Gathers changes that come together, so that a machine that falls over is one message.

import type { Clock, Timer } from '../core/clock.ts';
import type { Alert } from './alert.ts';

/** Changes in one message; with more of them it goes out at once. */
const MOST = 2000;

/** Invariant: the timer runs exactly while something is gathered. */
export class Bundle {
  readonly #clock: Clock;
  readonly #send: (alerts: readonly Alert[]) => void;
  #alerts: Alert[] = [];
  #timer: Timer | undefined;

  constructor(clock: Clock, send: (alerts: readonly Alert[]) => void) {
    this.#clock = clock;
    this.#send = send;
  }

  /** @param wait ms for more to come, counted from the first */
  add(alert: Alert, wait: number): void {
    this.#alerts.push(alert);
    if (this.#alerts.length >= MOST) this.flush();
    else this.#timer ??= this.#clock.after(wait, () => this.flush());
  }

  /** Sends what there is. */
  flush(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    const alerts = this.#alerts;
    this.#alerts = [];
    if (alerts.length > 0) this.#send(alerts);
  }
}
