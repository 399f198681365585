// Decides when a change of one subject is worth a word: what flaps is told once, and once more when
// it has settled.

import type { Clock, Timer } from '../core/clock.ts';
import type { AlertState } from './alert.ts';

export interface DebounceTimes {
  /** ms that a change must hold. */
  readonly after: number;
  /** ms without trouble after which it is forgotten that the subject has flapped. */
  readonly quiet: number;
}

/** Times a subject may go bad again that make a difference. */
const MAX_RELAPSES = 30;

/** What has been told, and what may have to be. */
type State =
  /** The last word, if there was any, was good, and it is. */
  | { readonly kind: 'well' }
  /** It went bad at `since`, or was bad on and off since then; nothing has been said of it. */
  | { readonly kind: 'doubtful'; readonly since: number }
  /** The last word was bad. */
  | { readonly kind: 'open' };

/**
 * A subject that is bad is told when trouble began `after` ago and it is bad at that moment. One
 * that is good again is told when it has held for `after`, twice as long for each time that it went
 * bad again, at most for `quiet`.
 *
 * Invariants: what is told alternates, bad first; `#told` is called from `#to` alone; a timer runs
 * only while something may have to be told.
 */
export class Debouncer {
  readonly #clock: Clock;
  readonly #patience: () => DebounceTimes;
  readonly #told: (condition: AlertState, untold: number) => void;
  #state: State = { kind: 'well' };
  #condition: AlertState | undefined;
  /** Clock time (ms) since when it is as it is; undefined while it was never bad. */
  #since: number | undefined;
  /** Times it went bad again before it was quiet. */
  #relapses = 0;
  /** Changes since the last word, this word's own included. */
  #changes = 0;
  /** It was told as bad by another process, and has not been seen so by this one. */
  #unseen = false;
  #timer: Timer | undefined;

  /**
   * @param patience asked whenever it matters
   * @param told is called with each condition that is worth a word, and how many changes before it
   *   were not
   */
  constructor(clock: Clock, patience: () => DebounceTimes, told: (condition: AlertState, untold: number) => void) {
    this.#clock = clock;
    this.#patience = patience;
    this.#told = told;
  }

  /** Whether the last word was bad. */
  get open(): boolean {
    return this.#state.kind === 'open';
  }

  /** The latest that was observed. */
  get condition(): AlertState | undefined {
    return this.#condition;
  }

  /** Nothing is bad, to be told or to be remembered: it may be thrown away. */
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
      // After a long time without trouble this is another story; and what was told already is no
      // change.
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
   * The last word, by another process, was bad; of how it is now little is known.
   * @param condition good: that is believed when it has held for the whole of the quiet time
   */
  resume(condition: AlertState): void {
    this.#condition = condition;
    this.#since = this.#clock.now();
    this.#state = { kind: 'open' };
    this.#unseen = true;
    this.settle();
  }

  /** Nothing more will be told. */
  end(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** True when there was no trouble for so long that it is forgotten. */
  get #calm(): boolean {
    return this.#since === undefined || this.#clock.now() - this.#since >= this.#patience().quiet;
  }

  /** ms for which good must hold. */
  get #hold(): number {
    const { after, quiet } = this.#patience();
    const most = Math.max(after, quiet);
    return this.#unseen ? most : Math.min(most, after * 2 ** this.#relapses);
  }

  /**
   * Tells what is due, and sets the timer for what will be. To be called when the patience has
   * changed.
   */
  settle(): void {
    this.end();
    if (this.#since === undefined || this.#state.kind === 'well') return;
    const bad = this.#condition?.is === 'bad';
    if (bad && this.#state.kind === 'open') return;
    const begun = bad && this.#state.kind === 'doubtful' ? this.#state.since : this.#since;
    const rest = begun + (bad ? this.#patience().after : this.#hold) - this.#clock.now();
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
    // Doubts that came to nothing are not spoken of, but counted.
    const worth = state.kind === 'open' || before.kind === 'open';
    if (!worth || this.#condition === undefined) return;
    const untold = Math.max(0, this.#changes - 1);
    this.#changes = 0;
    this.#told(this.#condition, untold);
  }
}
