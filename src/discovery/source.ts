// The port of every source: it says which upstream addresses exist, now and as they come and go.

import type { UpstreamAddress } from '../core/address.ts';

export interface SourceListener {
  /**
   * The address exists. Said again for one that exists already, it has been replaced: another
   * worker may be there.
   * @param same the very socket that had vanished is back, and so is whoever listens on it
   */
  appeared(address: UpstreamAddress, same?: boolean): void;
  vanished(address: UpstreamAddress): void;
}

export interface Source {
  /** Resolves once the addresses that exist at this moment have been told. */
  start(listener: SourceListener): Promise<void>;
  /** Ends watching; nothing is told any more. */
  stop(): void;
}
