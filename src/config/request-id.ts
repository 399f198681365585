// How requests are named across programs: by which header, and whose names are taken over.

import type { TrustedPeer } from './trusted-peer.ts';

export interface RequestIdSettings {
  /** Undefined: names are for the logs only. */
  readonly header: string | undefined;
  readonly trust: readonly TrustedPeer[];
}
