// The exchanges that were given up while their slots are still held, and what follows once they
// have run past a time limit.

import type { Clock, Timer } from '../core/clock.ts';
import type { Slots } from './slots/slots.ts';
import type { AnyExchange, Purpose } from './transport/exchange-host.ts';
import type { ExchangeOutcome, ExchangeTimeouts } from './transport/request.ts';

interface Held {
  overdue: boolean;
  /**
   * Until the worker has sent nothing for the read timeout. Undefined for probes, and until a late
   * worker shows life.
   */
  silence: Timer | undefined;
}

/**
 * An exchange is overdue from the moment at which it failed by the send or read timeout, or its
 * client had left and its worker sent nothing for the read timeout. It is no longer overdue when
 * its worker sends something or closes. Invariant: `slots.overdue` is the number of those held here
 * that are overdue. Probes never are: the prober judges them.
 */
export class GivenUp {
  readonly #slots: Slots;
  readonly #clock: Clock;
  readonly #timeouts: () => ExchangeTimeouts;
  readonly #held = new Map<AnyExchange, Held>();
  /** The time limit that was passed last. */
  #limit = '';
  /**
   * Its slots were all held by overdue exchanges, one of them was cut off at the linger timeout,
   * and nothing has answered since.
   */
  #unproved = false;
  #over = '';

  /** @param timeouts those that hold now */
  constructor(slots: Slots, clock: Clock, timeouts: () => ExchangeTimeouts) {
    this.#slots = slots;
    this.#clock = clock;
    this.#timeouts = timeouts;
  }

  get size(): number {
    return this.#held.size;
  }

  /** True while one request may find out whether a worker that was given up answers now. */
  get unproved(): boolean {
    return this.#unproved;
  }

  /**
   * Why nothing can be expected of the upstream, for the operator; undefined while something can.
   */
  get reason(): string | undefined {
    if (this.#slots.stuck) {
      const { overdue } = this.#slots;
      if (overdue === 0) return 'a request of another pool has run past its time limit and still holds the worker';
      const [all, hold] =
        overdue === 1 ? ['its request has', 'holds the slot'] : [`all ${overdue} of its requests have`, 'hold the slots'];
      return `${all} run past ${this.#limit} and still ${hold}`;
    }
    if (!this.#unproved) return undefined;
    return `its request has run past ${this.#limit} and was dropped at the linger timeout; a trial request may go there`;
  }

  /** Why there is no such reason any more. */
  get over(): string {
    return this.#over;
  }

  /** @param outcome why it was given up. `slots.tell` must follow. */
  add(exchange: AnyExchange, outcome: ExchangeOutcome, purpose: Purpose): void {
    const held: Held = { overdue: false, silence: undefined };
    this.#held.set(exchange, held);
    if (purpose === 'probe') return;
    if (outcome.kind === 'failed' && outcome.error.class === 'timeout') {
      this.#pass(held, outcome.error.code === 'FCGI_LB_UPSTREAM_SEND_TIMEOUT' ? 'send' : 'read');
    } else {
      held.silence = this.#watch(held);
    }
  }

  /** The worker has sent something, or has closed. */
  heard(exchange: AnyExchange): void {
    const held = this.#held.get(exchange);
    if (held === undefined) return;
    if (!held.overdue) {
      held.silence?.restart();
      return;
    }
    held.overdue = false;
    held.silence ??= this.#watch(held);
    held.silence.restart();
    this.#slots.overdue -= 1;
    this.#over = 'its worker shows life again';
    this.#slots.tell();
  }

  /**
   * It is over; its slot is about to be given back.
   * @returns whether it was overdue to the end
   */
  end(exchange: AnyExchange): boolean {
    const held = this.#held.get(exchange);
    if (held === undefined) return false;
    this.#held.delete(exchange);
    held.silence?.cancel();
    if (!held.overdue) return false;
    if (this.#slots.stuck) this.#unproved = true;
    this.#slots.overdue -= 1;
    this.#over = 'the worker is free again';
    return true;
  }

  /**
   * Something has answered, another worker is there, or its health has been judged by other means.
   * @returns whether there was a doubt
   */
  proved(why: string): boolean {
    if (!this.#unproved) return false;
    this.#unproved = false;
    this.#over = why;
    return true;
  }

  #watch(held: Held): Timer {
    return this.#clock.after(this.#timeouts().read, () => {
      this.#pass(held, 'read');
      this.#slots.tell();
    });
  }

  #pass(held: Held, limit: 'send' | 'read'): void {
    held.overdue = true;
    this.#slots.overdue += 1;
    this.#limit = `the ${limit} timeout of ${this.#timeouts()[limit]} ms`;
  }
}
