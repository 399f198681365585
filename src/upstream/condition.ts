// Whether an upstream is to get requests: what its health says and what the operator wants, with
// since when and why.

import type { Clock } from '../core/clock.ts';
import type { Log } from '../core/log.ts';

/** By health. `trial`: down, but one request may find out whether it is well again. */
export type Verdict = 'up' | 'trial' | 'down';
/** By the operator. */
export type Intent = 'serve' | 'drain' | 'disable';

/**
 * What follows for requests. `open`: it may get what its slots allow. `trial`: one request at a
 * time. `shut`: none.
 */
export type Admission = 'open' | 'trial' | 'shut';

/** One word for both, as logs and /status have it. */
export type State = 'up' | 'down' | 'draining' | 'disabled';

export interface Stated<T> {
  readonly is: T;
  readonly since: Date;
  readonly reason: string;
}

/** A state that has just taken the place of another. */
export interface StateChange extends Stated<State> {
  readonly was: State;
}

/**
 * Invariants: `judge` is called by the upstream's health monitor alone, `want` by the operator's
 * side, `stuck` by the upstream, which knows its slots; every change of state is logged and told
 * once.
 */
export class Condition {
  readonly #upstream: string;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #told: (change: StateChange) => void;
  #verdict: Verdict = 'up';
  #verdictReason = 'nothing is known against it';
  /** Why its slots are of no use to anybody; undefined while they are. */
  #stuck: string | undefined;
  #intent: Intent;
  #intentReason: string;
  #state: Stated<State>;
  #ended = false;

  /**
   * @param disabled why it is disabled from the start; undefined: it is not
   * @param told is called after each change of state
   */
  constructor(upstream: string, disabled: string | undefined, clock: Clock, log: Log, told: (change: StateChange) => void) {
    this.#upstream = upstream;
    this.#clock = clock;
    this.#log = log;
    this.#told = told;
    this.#intent = disabled === undefined ? 'serve' : 'disable';
    this.#intentReason = disabled ?? '';
    this.#state = { is: this.#derived, since: clock.date(), reason: disabled ?? this.#verdictReason };
  }

  get verdict(): Verdict {
    return this.#verdict;
  }

  get intent(): Intent {
    return this.#intent;
  }

  /** Whether it serves, as far as health and operator go. */
  get well(): boolean {
    return this.#verdict === 'up' && this.#stuck === undefined && this.#intent === 'serve';
  }

  get state(): Stated<State> {
    return this.#state;
  }

  judge(verdict: Verdict, reason: string): void {
    this.#verdict = verdict;
    this.#verdictReason = reason;
    this.#settle();
  }

  /**
   * @param reason why nothing can be expected of its slots; undefined: something can
   * @param over why that is so again
   */
  stuck(reason: string | undefined, over: string): void {
    if (reason === this.#stuck) return;
    this.#stuck = reason;
    if (reason === undefined && this.#verdict === 'up') this.#verdictReason = over;
    this.#settle();
  }

  want(intent: Intent, reason: string): void {
    this.#intent = intent;
    this.#intentReason = reason;
    this.#settle();
  }

  /** The program ends: nothing more is to begin, and nobody needs to be told of each upstream. */
  end(): void {
    this.#intent = 'disable';
    this.#ended = true;
  }

  get #derived(): State {
    if (this.#intent === 'disable') return 'disabled';
    if (this.#intent === 'drain') return 'draining';
    return this.#verdict === 'up' && this.#stuck === undefined ? 'up' : 'down';
  }

  #settle(): void {
    if (this.#ended) return;
    const is = this.#derived;
    const reason = this.#intent === 'serve' ? (this.#stuck ?? this.#verdictReason) : this.#intentReason;
    const before = this.#state;
    const changed = is !== before.is;
    this.#state = { is, since: changed ? this.#clock.date() : before.since, reason };
    if (!changed) return;
    const fields = { upstream: this.#upstream, state: is, was: before.is, reason };
    if (is === 'down') this.#log.warn(fields, 'upstream is down');
    else this.#log.info(fields, `upstream is ${is}`);
    this.#told({ ...this.#state, was: before.is });
  }
}
