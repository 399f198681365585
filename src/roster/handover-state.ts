// What a successor is told that stands in no configuration: the secret of sticky cookies, and what the operator has said of upstreams.

import { randomBytes } from 'node:crypto';
import type { WishesState } from './overrides.ts';

/** Of one pool. */
export interface PoolHeritage {
  readonly wishes: WishesState;
  /** Addresses of upstreams that the operator has drained. */
  readonly drained: readonly string[];
}

export interface Heritage {
  /** Signs sticky cookies where the settings give no secret: the same for the whole life of a process, and of its successors. */
  readonly secret: string;
  /** By name. */
  readonly pools: Readonly<Record<string, PoolHeritage>>;
}

/** That of a process without a predecessor. */
export function noHeritage(): Heritage {
  return { secret: randomBytes(32).toString('base64url'), pools: {} };
}

export function heritageText(heritage: Heritage): string {
  return JSON.stringify(heritage);
}

/**
 * @param text as `heritageText` has made it, in a process of the same format
 * @throws Error when it is not whole: the predecessor died while it wrote
 */
export function readHeritage(text: string): Heritage {
  try {
    return JSON.parse(text) as Heritage;
  } catch (cause) {
    throw new Error('what the predecessor has said of itself is not whole', { cause });
  }
}
