// Probes one upstream again and again, politely, and says when the answers make a verdict.

import type { ProbeSettings } from '../config/health.ts';
import type { Clock, Timer } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import type { ProbeLease } from '../upstream/probe-lease.ts';
import { LoopAwareTimeout } from './loop-aware-timeout.ts';
import type { Probe, ProbeAnswer, ProbeTarget } from './probe.ts';

/**
 * The share of an interval that jitter may add or take off, so that many upstreams are not probed
 * in step.
 */
const JITTER = 0.1;
/**
 * While an upstream is down the interval doubles up to this many intervals or ms, whichever is
 * less.
 */
const BACK_OFF = { intervals: 8, ms: 60_000 } as const;
/**
 * ms: probes begin on the marks of a grid, so that those of many upstreams share a turn of the
 * event loop. An idle process pays for waking up, not for probing: each probe by itself cost 330 us
 * of CPU, fifty together 60 us each.
 */
const GRID = { ms: 250, share: 1 / 20 } as const;
/** ms within which an address that is new is probed, if it may be. */
const SOON = 1000;

export interface ProberDeps {
  readonly clock: Clock;
  /** As Math.random. */
  readonly random: () => number;
  readonly log: Log;
}

/** How the latest probe went; `skipped`: its time had come, and it was not sent. */
export interface LatestProbe {
  readonly at: Date;
  readonly result: 'good' | 'bad' | 'skipped';
  readonly reason: string;
  /** How long the upstream took; undefined when it was not asked. */
  readonly ms: number | undefined;
}

type State =
  | { readonly kind: 'stopped' }
  | { readonly kind: 'waiting'; readonly timer: Timer }
  | { readonly kind: 'asking'; readonly question: Question };

/** One probe on its way. */
interface Question {
  readonly since: number;
  readonly loan: ProbeLease;
  giveUp: () => void;
  patience: LoopAwareTimeout | undefined;
}

/**
 * Invariants: at most one probe is on its way; each takes a slot that was lent, or is skipped,
 * since a worker that is busy is alive. `#good` and `#bad` count answers in a row, so at most one
 * of them is above zero.
 */
export class Prober {
  readonly #target: ProbeTarget;
  readonly #probe: Probe;
  readonly #settings: ProbeSettings;
  readonly #deps: ProberDeps;
  readonly #judged: (verdict: 'up' | 'down', reason: string) => void;
  #state: State = { kind: 'stopped' };
  #good = 0;
  #bad = 0;
  /** The last verdict was down. */
  #down = false;
  /** A question that was given up, while the worker may still be at it. */
  #unanswered: Question | undefined;
  #unasked: string | undefined;
  #latest: LatestProbe | undefined;

  /**
   * @param judged hears `down` after `fall` bad answers in a row, and `up` after `rise` good ones
   *   of an upstream that is down or not well; the reason is for the operator, without the
   *   upstream's name
   */
  constructor(
    target: ProbeTarget,
    probe: Probe,
    settings: ProbeSettings,
    deps: ProberDeps,
    judged: (verdict: 'up' | 'down', reason: string) => void,
  ) {
    this.#target = target;
    this.#probe = probe;
    this.#settings = settings;
    this.#deps = deps;
    this.#judged = judged;
  }

  /** Undefined before the first. */
  get latest(): LatestProbe | undefined {
    return this.#latest;
  }

  /** The first probe comes at a random moment of the interval. */
  start(): void {
    if (this.#state.kind === 'stopped') this.#waitFor(this.#settings.interval * this.#deps.random());
  }

  /** Ends the timers and the probe on its way; nothing is judged any more. */
  stop(): void {
    this.#leaveState();
    this.#state = { kind: 'stopped' };
  }

  /** What is at the address now is new: what was found of its predecessor does not count. */
  appeared(): void {
    this.#good = 0;
    this.#bad = 0;
    this.#down = false;
    this.#unanswered = undefined;
    this.#latest = undefined;
    if (this.#state.kind === 'stopped') return;
    this.#leaveState();
    this.#waitFor(Math.min(SOON, this.#settings.interval) * this.#deps.random());
  }

  #leaveState(): void {
    const state = this.#state;
    if (state.kind === 'waiting') state.timer.cancel();
    else if (state.kind === 'asking') {
      state.question.patience?.cancel();
      state.question.giveUp();
    }
  }

  #waitFor(ms: number): void {
    const { clock } = this.#deps;
    const grid = Math.min(GRID.ms, this.#settings.interval * GRID.share);
    const now = clock.now();
    // The nearest mark that is still to come.
    const due = Math.max(Math.round((now + ms) / grid), Math.ceil(now / grid)) * grid;
    this.#state = { kind: 'waiting', timer: clock.after(due - now, () => this.#tick()) };
  }

  #waitForNext(): void {
    const { interval, fall } = this.#settings;
    const doublings = Math.max(0, this.#bad - fall + 1);
    const most = Math.max(interval, Math.min(interval * BACK_OFF.intervals, BACK_OFF.ms));
    const whole = Math.min(most, interval * 2 ** Math.min(doublings, 16));
    this.#waitFor(whole * (1 + JITTER * (2 * this.#deps.random() - 1)));
  }

  #tick(): void {
    const { when, wake } = this.#settings;
    const target = this.#target;
    const unanswered = this.#unanswered;
    if (unanswered?.loan.running()) {
      // Its slot is taken by our own probe, which must not pass for a sign of life.
      const seconds = Math.round((this.#deps.clock.now() - unanswered.since) / 1000);
      this.#take({ kind: 'bad', reason: `still at the probe it was sent ${seconds} s ago` });
      return;
    }
    this.#unanswered = undefined;
    const unused = !wake && !target.used && target.well;
    const unneeded = when === 'on-fail' && target.well && !this.#down;
    if (unused || unneeded) {
      this.#good = 0;
      this.#bad = 0;
      this.#note('skipped', unused ? 'it has not been used yet, and a probe would wake it' : 'it is well', undefined);
      this.#waitForNext();
      return;
    }
    const loan = when === 'idle' && target.inFlight > 0 ? undefined : target.leaseForProbe();
    if (loan !== undefined) this.#ask(loan);
    else if (target.inFlight > 0) this.#take({ kind: 'busy' });
    else {
      this.#note('skipped', 'it is not in service', undefined);
      this.#waitForNext();
    }
  }

  #ask(loan: ProbeLease): void {
    const { clock } = this.#deps;
    const { timeout } = this.#settings;
    const question: Question = { since: clock.now(), loan, giveUp: () => undefined, patience: undefined };
    this.#state = { kind: 'asking', question };
    question.patience = new LoopAwareTimeout(timeout, clock, () => {
      question.giveUp();
      this.#unanswered = question;
      this.#take({ kind: 'bad', reason: `no answer in ${timeout} ms` });
    });
    question.giveUp = this.#probe.ask(loan, (answer) => {
      question.patience?.cancel();
      this.#take(answer);
    });
  }

  #take(answer: ProbeAnswer): void {
    const ms = this.#state.kind === 'asking' ? this.#deps.clock.now() - this.#state.question.since : undefined;
    if (answer.kind === 'good') this.#note('good', 'answered well', ms);
    else if (answer.kind === 'bad') this.#note('bad', answer.reason, ms);
    else this.#note('skipped', answer.kind === 'busy' ? 'it is at work' : answer.reason, undefined);
    const verdict = this.#count(answer);
    this.#waitForNext();
    if (verdict !== undefined) this.#judged(verdict.kind, verdict.reason);
  }

  #note(result: LatestProbe['result'], reason: string, ms: number | undefined): void {
    this.#latest = { at: this.#deps.clock.date(), result, reason, ms };
  }

  #count(answer: ProbeAnswer): { readonly kind: 'up' | 'down'; readonly reason: string } | undefined {
    const { rise, fall } = this.#settings;
    const { log } = this.#deps;
    if (answer.kind !== 'unasked') this.#unasked = undefined;
    switch (answer.kind) {
      case 'good':
        this.#bad = 0;
        // There is nothing to rise from, and what was good before a fall does not count after it.
        this.#good = this.#target.well && !this.#down ? 0 : this.#good + 1;
        if (this.#good < rise) return undefined;
        this.#good = 0;
        this.#down = false;
        return { kind: 'up', reason: rise === 1 ? 'the probe was answered well' : `${rise} probes in a row were answered well` };
      case 'bad':
        this.#good = 0;
        this.#bad += 1;
        log.debug({ upstream: this.#target.name, bad: this.#bad, fall }, `probe: ${answer.reason}`);
        // Said again only to one who has not listened, or has thought better of it meanwhile.
        if (this.#bad % fall !== 0 || (this.#down && !this.#target.well)) return undefined;
        this.#down = true;
        return { kind: 'down', reason: answer.reason };
      case 'busy':
        // Alive, which is not the same as well.
        this.#bad = 0;
        return undefined;
      case 'unasked':
        if (this.#unasked !== answer.reason) log.warn({ upstream: this.#target.name }, `cannot probe: ${answer.reason}`);
        this.#unasked = answer.reason;
        return undefined;
    }
  }
}
