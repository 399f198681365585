// Since when no upstream of a pool shows life, and whether waiting for one still makes sense.

import type { Clock } from '../core/clock.ts';
import type { Upstream } from '../upstream/upstream.ts';

/** Invariant: `#since` is set exactly while every member is lifeless, also while there is none. */
export class Outage {
  readonly #clock: Clock;
  #patience: number;
  readonly #lifeless = new Set<Upstream>();
  #members = 0;
  #since: number | undefined;

  /** @param patience ms after which nobody is to wait any longer */
  constructor(clock: Clock, patience: number) {
    this.#clock = clock;
    this.#patience = patience;
    this.#since = clock.now();
  }

  reconfigure(patience: number): void {
    this.#patience = patience;
  }

  /**
   * Clock time (ms) from which on nobody is to wait; undefined while there is an upstream to wait
   * for.
   */
  get deadline(): number | undefined {
    return this.#since === undefined ? undefined : this.#since + this.#patience;
  }

  /** Whether waiting makes no sense any more. */
  get hopeless(): boolean {
    return this.#since !== undefined && this.#clock.now() >= this.#since + this.#patience;
  }

  joined(upstream: Upstream): void {
    this.#members += 1;
    // Its socket has just appeared: a sign of life, whatever becomes of it.
    this.#since = undefined;
    this.update(upstream);
  }

  left(upstream: Upstream): void {
    this.#members -= 1;
    this.#lifeless.delete(upstream);
    this.#settle();
  }

  /**
   * To be called whenever a member may have shown life or lost it. Costs next to nothing while all
   * is well.
   */
  update(upstream: Upstream): void {
    if (upstream.unreachable) this.#lifeless.add(upstream);
    else if (this.#lifeless.size === 0) return;
    else this.#lifeless.delete(upstream);
    this.#settle();
  }

  #settle(): void {
    if (this.#lifeless.size < this.#members) this.#since = undefined;
    else this.#since ??= this.#clock.now();
  }
}
