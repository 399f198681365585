// What a reader of configuration files hands over, in whichever language the files are written.

import type { ConfigHost } from './config-host.ts';
import type { SourcePosition } from './problem.ts';
import type { Report } from './report.ts';
import type { RawFile, RawPool, RawRoute } from './schema/file.ts';

/**
 * Reads a file and all that it includes. Every problem goes to the report, which also learns where
 * each map and each list stood.
 * @param path of the first file
 */
export type ConfigReader = (path: string, host: ConfigHost, report: Report) => Gathered;

/** Everything in all files but what is given once for each pool or route. */
export type RawServer = Omit<RawFile, 'include' | 'pools' | 'routes'>;

export interface Gathered {
  readonly server: RawServer;
  readonly pools: ReadonlyMap<string, RawPool>;
  readonly routes: readonly RawRoute[];
  /**
   * Pools and routes that are there, though nothing in them may be right; pools with the place of
   * their name.
   */
  readonly mentioned: { readonly pools: ReadonlyMap<string, SourcePosition>; readonly routes: boolean };
  /** Where the keys of `server` stand. */
  readonly places: ReadonlyMap<string, SourcePosition>;
  /** Every file could be read; otherwise what is missing may be in the one that could not. */
  readonly whole: boolean;
  /** As they are named in messages, in the order in which they were read. */
  readonly files: readonly string[];
}
