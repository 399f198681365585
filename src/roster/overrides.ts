// What the operator has said of the upstreams of one pool while it runs: it holds until the
// configuration says something else of the same.

import type { UpstreamOptions } from '../config/settings.ts';

/** All wishes, for a process that goes on with them. */
export interface OverridesState {
  readonly down: ReadonlyArray<readonly [address: string, wished: WishedDown]>;
  readonly weight: ReadonlyArray<readonly [address: string, wished: Wished<number>]>;
}

interface Wished<T> {
  readonly value: T;
  /** What the configuration said when it was wished. */
  readonly over: T;
}

interface WishedDown extends Wished<boolean> {
  readonly reason: string;
}

/** What the configuration says of an upstream, with what was wished in its place. */
export interface OverriddenOptions extends UpstreamOptions {
  /** Why it is down, or is not, when the operator has said so. */
  readonly downReason: string | undefined;
}

/**
 * Kept by address and not with the upstream: a worker that restarts is another upstream behind the
 * same address, and what was said of the address goes for it too. Invariant: a wish whose `over` is
 * not what the configuration says is forgotten.
 */
export class Overrides {
  readonly #down: Map<string, WishedDown>;
  readonly #weight: Map<string, Wished<number>>;

  /** @param state what was wished of a process before this one */
  constructor({ down, weight }: OverridesState = { down: [], weight: [] }) {
    this.#down = new Map(down);
    this.#weight = new Map(weight);
  }

  get state(): OverridesState {
    return { down: [...this.#down], weight: [...this.#weight] };
  }

  down(address: string, value: boolean, reason: string, configured: UpstreamOptions): void {
    this.#down.set(address, { value, over: configured.down, reason });
  }

  weight(address: string, value: number, configured: UpstreamOptions): void {
    // What the configuration says anyway needs no wish, and follows it from now on.
    if (value === configured.weight) this.#weight.delete(address);
    else this.#weight.set(address, { value, over: configured.weight });
  }

  /** @param configured what the configuration says of the address now */
  over(address: string, configured: UpstreamOptions): OverriddenOptions {
    let down = this.#down.get(address);
    if (down !== undefined && down.over !== configured.down) {
      this.#down.delete(address);
      down = undefined;
    }
    let weight = this.#weight.get(address);
    if (weight !== undefined && weight.over !== configured.weight) {
      this.#weight.delete(address);
      weight = undefined;
    }
    return {
      ...configured,
      down: down?.value ?? configured.down,
      downReason: down?.reason,
      weight: weight?.value ?? configured.weight,
    };
  }
}
