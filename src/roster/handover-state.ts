// What a successor is told that stands in no configuration: the secret of sticky cookies, and what
// the operator has said of upstreams.

import { randomBytes } from 'node:crypto';
import type { OverridesState } from './overrides.ts';

/** Of one pool. */
export interface PoolHandoverState {
  readonly overrides: OverridesState;
  /** Addresses of upstreams that the operator has drained. */
  readonly drained: readonly string[];
}

export interface HandoverState {
  /**
   * Signs sticky cookies where the settings give no secret: the same for the whole life of a
   * process, and of its successors.
   */
  readonly secret: string;
  /** By name. */
  readonly pools: Readonly<Record<string, PoolHandoverState>>;
}

/** That of a process without a predecessor. */
export function freshHandoverState(): HandoverState {
  return { secret: randomBytes(32).toString('base64url'), pools: {} };
}

export function handoverStateText(heritage: HandoverState): string {
  return JSON.stringify(heritage);
}

/**
 * @param text as `heritageText` has made it, in a process of the same format
 * @throws Error when it is not whole: the predecessor died while it wrote
 */
export function readHandoverState(text: string): HandoverState {
  try {
    return JSON.parse(text) as HandoverState;
  } catch (cause) {
    throw new Error('what the predecessor has said of itself is not whole', { cause });
  }
}
