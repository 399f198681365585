// What the operator says of one upstream, with what its pool says of all.

import type { FcgiSettings } from './fcgi/transport.ts';

export interface UpstreamSettings extends FcgiSettings {
  readonly weight: number;
  /** Position among the upstreams of its pool. */
  readonly order: number;
  /** Exchanges at a time: asked for (`auto`), a number, or `Infinity`. */
  readonly maxConns: 'auto' | number;
  /** Gets nothing from the start, until the operator wants it to. */
  readonly disabled: boolean;
  /** Why it is disabled, or is not, when the operator has said so and not the configuration. */
  readonly disabledReason?: string | undefined;
  /** Gets requests only while no other upstream of its pool can be hoped for. */
  readonly backup?: boolean;
  /** ms over which its weight grows when it comes (back) up. */
  readonly slowStart?: number;
}

/** Why it is disabled, or, when it is not, why it no longer is. */
export function whyDisabled({ disabled, disabledReason }: UpstreamSettings): string {
  return disabledReason ?? (disabled ? 'down in the configuration' : 'no longer down in the configuration');
}
