// The health of one upstream: what its requests and its probes say of it becomes one verdict.

import type { PassiveSettings } from '../config/settings.ts';
import type { Clock, Timer } from '../core/clock.ts';
import type { ExchangeOutcome } from '../upstream/transport/request.ts';
import type { Upstream } from '../upstream/upstream.ts';
import type { Ejections } from './ejections.ts';
import { classOf, PassiveHealth } from './passive.ts';

export interface MonitorDeps {
  readonly clock: Clock;
  /** A number of at least 0 and below 1. */
  readonly random: () => number;
  readonly ejections: Ejections<HealthMonitor>;
}

type Ejection =
  | { readonly kind: 'none' }
  | { readonly kind: 'out'; readonly timer: Timer }
  /** The next request is the trial. */
  | { readonly kind: 'trial' };

/**
 * An ejection is shortened by up to this share, at random, so that upstreams that failed together
 * do not come back together.
 */
const JITTER = 0.2;

/**
 * Judges one upstream; nothing else does. Invariants: probes that say `down` outrank everything;
 * while `out` the upstream is counted in `ejections`.
 */
export class HealthMonitor {
  readonly #upstream: Upstream;
  #settings: PassiveSettings | undefined;
  #passive: PassiveHealth | undefined;
  readonly #deps: MonitorDeps;
  #ejection: Ejection = { kind: 'none' };
  #restoredAt = 0;
  /** Ejections in a row, each of which lasts twice as long as the one before. */
  #row = 0;
  #probes: { readonly verdict: 'up' | 'down'; readonly reason: string } | undefined;

  constructor(upstream: Upstream, settings: PassiveSettings | undefined, deps: MonitorDeps) {
    this.#upstream = upstream;
    this.#settings = settings;
    this.#passive = settings && new PassiveHealth(settings);
    this.#deps = deps;
    deps.ejections.join(this);
  }

  /** A request has ended. */
  observed(outcome: ExchangeOutcome): void {
    if (this.#settings === undefined || this.#passive === undefined) return;
    const said = classOf(outcome, this.#settings.on);
    if (said === 'nothing') return;
    const now = this.#deps.clock.now();
    const reason = this.#passive.observe(outcome, now);
    switch (this.#ejection.kind) {
      case 'out':
        // Begun before the ejection.
        return;
      case 'trial':
        if (said === 'good') this.#restore('a trial request was answered');
        else if (said !== 'refused') this.#eject(this.#settings, `the trial request failed (${said})`);
        return;
      case 'none':
        if (said === 'good' && now - this.#restoredAt > this.#settings.failTimeout) this.#row = 0;
        if (reason === undefined) return;
        if (said === 'refused') this.#tryOnly(reason);
        else this.#eject(this.#settings, reason);
    }
  }

  /**
   * The verdict of the probes.
   * @param proves whether a good answer shows that requests are answered well: one to a mere
   *   connection does not
   */
  probed(verdict: 'up' | 'down', reason: string, proves: boolean): void {
    this.#probes = { verdict, reason };
    if (verdict === 'up' && proves && this.#ejection.kind !== 'none') this.#restore(reason);
    else this.#judge(reason);
  }

  /** There are no probes any more: what they found is forgotten. */
  unprobed(): void {
    if (this.#probes === undefined) return;
    this.#probes = undefined;
    this.#judge('it is no longer probed as before');
  }

  /**
   * Failures are counted anew, by other rules. An ejection goes on, unless there are to be none.
   */
  reconfigure(settings: PassiveSettings | undefined): void {
    this.#settings = settings;
    this.#passive = settings && new PassiveHealth(settings);
    if (settings === undefined && this.#ejection.kind !== 'none') this.#restore('failures are no longer counted');
  }

  /** The address has appeared anew: what is there now has no past. */
  appeared(): void {
    this.#passive?.reset();
    this.#row = 0;
    this.#probes = undefined;
    this.#endEjection();
    this.#judge('its socket has appeared');
  }

  /** Whether its upstream gets requests without more ado. */
  get serves(): boolean {
    return this.#upstream.well;
  }

  /** No other upstream serves: one that fails is better than none. */
  needed(): void {
    this.#restore('no other upstream serves');
  }

  /** The upstream has left, or the program ends. */
  stop(): void {
    this.#endEjection();
    for (const other of this.#deps.ejections.leave(this)) other.#restore('too few other upstreams are left');
  }

  #eject(settings: PassiveSettings, reason: string): void {
    if (!this.#deps.ejections.eject(this)) {
      // Too many are out already: this one has to do.
      this.#ejection = { kind: 'none' };
      this.#judge(`${reason}, but it is needed`);
      return;
    }
    this.#passive?.reset();
    const longest = Math.min(settings.maxEjection, settings.failTimeout * 2 ** Math.min(this.#row, 16));
    this.#row += 1;
    const ms = Math.max(1, Math.round(longest * (1 - JITTER * this.#deps.random())));
    const timer = this.#deps.clock.after(ms, () => this.#tryOnly(reason));
    this.#ejection = { kind: 'out', timer };
    this.#judge(`${reason}; out for ${ms} ms`);
  }

  /**
   * One request at a time, which shows whether it is well. At once where no worker listens: a
   * refused connection is no attempt and costs a request nothing, and a worker that is back is to
   * be used at once.
   */
  #tryOnly(reason: string): void {
    this.#ejection = { kind: 'trial' };
    this.#judge(`${reason}; a trial request may go there`);
  }

  #restore(reason: string): void {
    this.#endEjection();
    // What was counted meanwhile belongs to requests from before.
    this.#passive?.reset();
    this.#restoredAt = this.#deps.clock.now();
    this.#judge(reason);
  }

  #endEjection(): void {
    if (this.#ejection.kind === 'out') this.#ejection.timer.cancel();
    this.#ejection = { kind: 'none' };
    this.#deps.ejections.restore(this);
  }

  #judge(reason: string): void {
    if (this.#probes?.verdict === 'down') this.#upstream.judge('down', this.#probes.reason);
    else if (this.#ejection.kind === 'out') this.#upstream.judge('down', reason);
    else if (this.#ejection.kind === 'trial') this.#upstream.judge('trial', reason);
    else this.#upstream.judge('up', reason);
  }
}
