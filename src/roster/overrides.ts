// Operator overrides (down, weight) by address; one is dropped when the configured value changes.

import type { UpstreamOptions } from '../config/settings.ts';

/** All overrides of a pool, for the new process of an upgrade. */
export interface OverridesState {
  readonly down: ReadonlyArray<readonly [address: string, override: DownOverride]>;
  readonly weight: ReadonlyArray<readonly [address: string, override: Override<number>]>;
}

interface Override<T> {
  readonly value: T;
  /** What the configuration said when the operator set the override. */
  readonly over: T;
}

interface DownOverride extends Override<boolean> {
  readonly reason: string;
}

/** The configured options of an upstream with the overrides in their place. */
export interface OverriddenOptions extends UpstreamOptions {
  /** Why it is down, or is not, when that is an override. */
  readonly downReason: string | undefined;
}

/**
 * Kept by address and not with the upstream: a worker that restarts is another upstream at the same
 * address, and the override holds for it, too. Invariant: an override whose `over` is not what the
 * configuration says is dropped.
 */
export class Overrides {
  readonly #down: Map<string, DownOverride>;
  readonly #weight: Map<string, Override<number>>;

  /** @param state the overrides of the old process of an upgrade */
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
    // The configured weight needs no override, and follows the configuration from now on.
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
