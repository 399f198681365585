// Decides when a change of one subject is reported: a subject that flaps is reported once, and once
// more when it has settled.

import type { Clock, Timer } from '../core/clock.ts';
import type { AlertState } from './alert.ts';

export interface DebounceTimes {
  /** ms that a change must hold. */
  readonly after: number;
  /** ms without trouble after which it is forgotten that the subject has flapped. */
  readonly quiet: number;
}

/** Relapses beyond this number make no difference. */
const MAX_RELAPSES = 30;

/** What has been reported, and what may have to be. */
type State =
  /** The subject is good, and so was the last report, if there was any. */
  | { readonly kind: 'well' }
  /** It went bad at `since`, or was bad on and off since then; that is not reported yet. */
  | { readonly kind: 'doubtful'; readonly since: number }
  /** The last report was bad. */
  | { readonly kind: 'open' };

/**
 * Bad is reported when the trouble began `after` ago and the subject is bad at that moment. Good
 * again is reported when it has held for `after`, twice as long for each time that the subject went
 * bad again, at most for `quiet`.
 *
 * Invariants: reports alternate, bad first; `#report` is called from `#to` alone; a timer runs only
 * while a report may become due.
 */
export class Debouncer {
  readonly #clock: Clock;
  readonly #times: () => DebounceTimes;
  readonly #report: (condition: AlertState, untold: number) => void;
  #state: State = { kind: 'well' };
  #condition: AlertState | undefined;
  /** Clock time (ms) since when it is as it is; undefined while it was never bad. */
  #since: number | undefined;
  /** Times it went bad again before it was quiet. */
  #relapses = 0;
  /** Changes since the last report, its own included. */
  #changes = 0;
  /** Another process reported it as bad, and this one has not seen it bad. */
  #unseen = false;
  #timer: Timer | undefined;

  /**
   * @param times read at each decision
   * @param report called with each condition that is reported, and the number of changes before it
   *   that were not
   */
  constructor(clock: Clock, times: () => DebounceTimes, report: (condition: AlertState, untold: number) => void) {
    this.#clock = clock;
    this.#times = times;
    this.#report = report;
  }

  /** Whether the last report was bad. */
  get open(): boolean {
    return this.#state.kind === 'open';
  }

  /** The latest that was observed. */
  get condition(): AlertState | undefined {
    return this.#condition;
  }

  /** Nothing is bad, to be reported or to be remembered: the debouncer may be dropped. */
  get forgotten(): boolean {
    return this.#state.kind === 'well' && this.#condition?.is !== 'bad' && this.#calm;
  }

  observe(condition: AlertState): void {
    const was = this.#condition?.is ?? 'good';
    const since = condition.is === was ? this.#condition?.since : undefined;
    this.#condition = since === undefined ? condition : { ...condition, since };
    if (condition.is === was) return;
    const now = this.#clock.now();
    if (condition.is === 'bad') {
      // After a long time without trouble the count begins anew; and what another process has
      // reported is no change.
      if (this.#calm || this.#unseen) {
        this.#relapses = 0;
        this.#changes = this.#unseen ? -1 : 0;
      } else this.#relapses = Math.min(MAX_RELAPSES, this.#relapses + 1);
      this.#unseen = false;
      if (this.#state.kind === 'well') this.#state = { kind: 'doubtful', since: now };
    }
    this.#since = now;
    this.#changes += 1;
    this.settle();
  }

  /**
   * The last report, by another process, was bad; the state now is not known yet.
   * @param condition good: it is reported when it has held for the whole of the quiet time
   */
  resume(condition: AlertState): void {
    this.#condition = condition;
    this.#since = this.#clock.now();
    this.#state = { kind: 'open' };
    this.#unseen = true;
    this.settle();
  }

  /** Nothing more will be reported. */
  end(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** True when there was no trouble for so long that it is forgotten. */
  get #calm(): boolean {
    return this.#since === undefined || this.#clock.now() - this.#since >= this.#times().quiet;
  }

  /** ms for which good must hold. */
  get #hold(): number {
    const { after, quiet } = this.#times();
    const most = Math.max(after, quiet);
    return this.#unseen ? most : Math.min(most, after * 2 ** this.#relapses);
  }

  /**
   * Reports what is due, and sets the timer for what will be. To be called when the times have
   * changed.
   */
  settle(): void {
    this.end();
    if (this.#since === undefined || this.#state.kind === 'well') return;
    const bad = this.#condition?.is === 'bad';
    if (bad && this.#state.kind === 'open') return;
    const begun = bad && this.#state.kind === 'doubtful' ? this.#state.since : this.#since;
    const rest = begun + (bad ? this.#times().after : this.#hold) - this.#clock.now();
    if (rest <= 0) this.#to(bad ? { kind: 'open' } : { kind: 'well' });
    else {
      this.#timer = this.#clock.after(Math.ceil(rest), () => {
        this.#timer = undefined;
        this.settle();
      });
    }
  }

  #to(state: State): void {
    const before = this.#state;
    this.#state = state;
    this.#unseen = false;
    // Failures that recovered before they were reported are only counted.
    const worth = state.kind === 'open' || before.kind === 'open';
    if (!worth || this.#condition === undefined) return;
    const untold = Math.max(0, this.#changes - 1);
    this.#changes = 0;
    this.#report(this.#condition, untold);
  }
}
