// Delivers messages to one target, one at a time, in order, and again when they do not arrive; the
// caller never waits.

import type { Clock, Timer } from '../core/clock.ts';
import { asError } from '../core/errors.ts';
import { escapeControls } from '../core/escape.ts';
import type { Log } from '../core/log.ts';
import type { Message } from './message.ts';
import type { AlertSender, Delivery } from './sender.ts';

/** Messages that wait for one target; the oldest gives way. */
const MAX_WAITING = 100;
/** ms between two attempts: the first, and the most that it becomes by doubling. */
const PAUSE = { first: 1000, most: 60_000 };
/** ms that a target may ask for. */
const MAX_WAIT = 600_000;
/** ms after which a message is too old to be of use. */
const MAX_AGE = 3_600_000;
/** Characters of a reason, which may quote the target's answer. */
const MAX_REASON = 300;

interface Waiting {
  readonly message: Message;
  /** Clock time (ms). */
  readonly since: number;
  attempts: number;
}

type State =
  | { readonly kind: 'idle' }
  | { readonly kind: 'trying'; readonly abort: AbortController }
  | { readonly kind: 'pausing'; readonly timer: Timer }
  | { readonly kind: 'ended' };

export interface CourierDeps {
  readonly clock: Clock;
  readonly log: Log;
  /** From 0 to 1. */
  readonly random: () => number;
}

/**
 * Invariants: at most one attempt at a time; the first in `#waiting` is the one that is tried;
 * every message that does not arrive is counted and logged.
 */
export class Courier {
  readonly #name: string;
  readonly #deps: CourierDeps;
  readonly #waiting: Waiting[] = [];
  /** Aborted at the end. */
  readonly #over = new AbortController();
  #target: AlertSender;
  /** The latest attempt. */
  #turn: Promise<unknown> = Promise.resolve();
  #state: State = { kind: 'idle' };
  /** Messages that were given up since the latest that arrived. */
  #dropped = 0;
  /** Nothing is tried twice any more. */
  #closing = false;
  #onEmpty: (() => void) | undefined;

  /** @param name as the configuration has it */
  constructor(name: string, target: AlertSender, deps: CourierDeps) {
    this.#name = name;
    this.#target = target;
    this.#deps = deps;
  }

  /** Messages that have not arrived yet. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** What waits goes to another target of the same name. */
  retarget(target: AlertSender): void {
    this.#target = target;
  }

  send(message: Message): void {
    if (this.#state.kind === 'ended' || this.#closing) return;
    this.#waiting.push({ message, since: this.#deps.clock.now(), attempts: 0 });
    if (this.#waiting.length > MAX_WAITING) {
      // The first is on its way, perhaps.
      const [oldest] = this.#waiting.splice(this.#state.kind === 'trying' ? 1 : 0, 1);
      if (oldest !== undefined) this.#drop(oldest, `more than ${MAX_WAITING} messages wait`);
    }
    if (this.#state.kind === 'idle') this.#try();
  }

  /** One attempt, before what waits, of a message that nothing depends on. */
  async test(message: Message): Promise<Delivery> {
    const outcome = await this.#deliver(message, 0, this.#over.signal);
    if (outcome.kind === 'delivered') return { ...outcome, answer: this.#safe(outcome.answer) };
    return { ...outcome, reason: this.#safe(outcome.reason) };
  }

  /**
   * Resolves when each message that waits has arrived or had one more attempt, at the latest when
   * `end` is called.
   */
  async close(): Promise<void> {
    this.#closing = true;
    if (this.#state.kind === 'pausing') {
      this.#state.timer.cancel();
      this.#state = { kind: 'idle' };
      this.#try();
    }
    if (this.#waiting.length === 0) return;
    await new Promise<void>((resolve) => {
      this.#onEmpty = resolve;
    });
  }

  /** Gives up at once. */
  end(why: string): void {
    const state = this.#state;
    this.#state = { kind: 'ended' };
    this.#over.abort();
    if (state.kind === 'trying') state.abort.abort();
    if (state.kind === 'pausing') state.timer.cancel();
    for (const each of this.#waiting.splice(0)) this.#drop(each, why);
    this.#onEmpty?.();
  }

  #try(): void {
    const [first] = this.#waiting;
    if (first === undefined) {
      this.#state = { kind: 'idle' };
      this.#onEmpty?.();
      return;
    }
    const abort = new AbortController();
    this.#state = { kind: 'trying', abort };
    first.attempts += 1;
    void this.#deliver(first.message, this.#dropped, abort.signal).then((outcome) => {
      if (this.#state.kind === 'trying' && this.#state.abort === abort) this.#tried(first, outcome);
    });
  }

  #deliver(message: Message, dropped: number, signal: AbortSignal): Promise<Delivery> {
    const attempt = this.#turn
      .then(() => this.#target.deliver(message, dropped, signal))
      // A target that throws is a fault of ours, and must not stop the alerts.
      .catch((error: unknown): Delivery => ({ kind: 'retry', reason: asError(error).message }));
    this.#turn = attempt;
    return attempt;
  }

  #tried(first: Waiting, outcome: Delivery): void {
    const { clock, log } = this.#deps;
    if (outcome.kind === 'delivered') {
      const answer = this.#safe(outcome.answer);
      log.info({ ...this.#fields(first), dropped: this.#dropped, answer }, 'alert delivered');
      this.#dropped = 0;
      this.#waiting.shift();
      this.#try();
      return;
    }
    const late = clock.now() - first.since >= MAX_AGE;
    const last = first.attempts >= this.#target.attempts;
    if (outcome.kind === 'refused' || late || last || this.#closing) {
      this.#waiting.shift();
      this.#drop(first, outcome.reason);
      this.#try();
      return;
    }
    const pause = this.#pause(first.attempts, outcome.wait);
    log.warn(
      { ...this.#fields(first), reason: this.#safe(outcome.reason), next_ms: pause },
      'an alert could not be delivered; it is tried again',
    );
    this.#state = { kind: 'pausing', timer: clock.after(pause, () => this.#try()) };
  }

  /**
   * Half of it is left to chance, so that many machines do not come back to one target together.
   */
  #pause(attempts: number, wait: number | undefined): number {
    const backoff = Math.min(PAUSE.most, PAUSE.first * 2 ** (attempts - 1));
    const ms = backoff / 2 + (backoff / 2) * this.#deps.random();
    return Math.round(Math.min(MAX_WAIT, Math.max(ms, wait ?? 0)));
  }

  #drop(dropped: Waiting, reason: string): void {
    this.#dropped += 1;
    this.#deps.log.error(
      { ...this.#fields(dropped), reason: this.#safe(reason), dropped: this.#dropped },
      'an alert was given up',
    );
  }

  #fields({ message, attempts }: Waiting) {
    return { target: this.#name, alert: message.id, attempts };
  }

  #safe(reason: string): string {
    let text = reason;
    // The longest first: a part of one would leave the rest of it behind.
    const secrets = this.#target.secrets.filter(({ length }) => length > 0).toSorted((a, b) => b.length - a.length);
    for (const secret of secrets) text = text.replaceAll(secret, '[secret]');
    const short = text.length <= MAX_REASON ? text : `${text.slice(0, MAX_REASON - 3)}...`;
    return escapeControls(short);
  }
}
