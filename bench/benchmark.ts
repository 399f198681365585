// The port of every benchmark: given a place to work in, it measures, and hands back tables,
// targets and figures.

import type { Scope } from './lib/scope.ts';
import type { Table } from './lib/table.ts';

export interface Setting {
  /** Shorter runs: enough to see that all works, too short to be judged by. */
  readonly quick: boolean;
  readonly seed: number;
  /** Whom to measure besides fcgi-lb, for benchmarks that leave the choice. */
  readonly against: readonly string[];
  /** Everything started or created is handed to it, so that it ends with the benchmark. */
  readonly scope: Scope;
  /** Says on standard error what is being done. */
  readonly progress: (text: string) => void;
}

export interface Target {
  readonly text: string;
  readonly met: boolean;
}

export interface Measured {
  readonly tables: readonly Table[];
  readonly targets: readonly Target[];
  /** What `--save` keeps: plain data. */
  readonly figures: unknown;
}

export interface Benchmark {
  readonly name: string;
  /** One line: what is measured. */
  readonly about: string;
  /** One line: what the figures do not prove. */
  readonly caveat: string;
  run(setting: Setting): Promise<Measured>;
}
