// State that the old process of an upgrade passes to the new one: the cookie secret, and the
// operator's overrides and drains.

import { randomBytes } from 'node:crypto';
import type { OverridesState } from './overrides.ts';

/** The state of one pool. */
export interface PoolHandoverState {
  readonly overrides: OverridesState;
  /** Addresses of upstreams that the operator has drained. */
  readonly drained: readonly string[];
}

export interface HandoverState {
  /**
   * Signs sticky cookies where the settings give no secret: it stays the same over upgrades.
   */
  readonly secret: string;
  /** By the pool's name. */
  readonly pools: Readonly<Record<string, PoolHandoverState>>;
}

/** The state of a process that was not started by an upgrade. */
export function freshHandoverState(): HandoverState {
  return { secret: randomBytes(32).toString('base64url'), pools: {} };
}

export function handoverStateText(state: HandoverState): string {
  return JSON.stringify(state);
}

/**
 * @param text as `handoverStateText` has made it, in a process of the same format
 * @throws Error when it is not whole: the old process died while it wrote
 */
export function readHandoverState(text: string): HandoverState {
  try {
    return JSON.parse(text) as HandoverState;
  } catch (cause) {
    throw new Error('what the predecessor has said of itself is not whole', { cause });
  }
}
