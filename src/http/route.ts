// Where a request goes and under which limits: what the public door needs to know of one generation of the configuration.

import type { Pool } from '../pool/pool.ts';
import type { RetryPolicy } from '../pool/retry.ts';
import type { RetryBudget } from '../pool/retry-budget.ts';
import type { KeyRule } from './balance-key.ts';
import type { CgiParams } from './cgi-params.ts';
import type { SpoolLimits } from './spool.ts';

export interface Route {
  readonly pool: Pool;
  readonly params: CgiParams;
  readonly retry: RetryPolicy;
  readonly retryBudget: RetryBudget;
  /** What the pool's balancer goes by, if it goes by anything. */
  readonly balanceKey: KeyRule | undefined;
  readonly limits: {
    /** Bytes a request body may have. */
    readonly maxBody: number;
    /** ms a client may send nothing of its request body. */
    readonly bodyTimeout: number;
    /** Bytes the head of a worker's response may have. */
    readonly maxResponseHead: number;
    /** Whether bodies are taken in completely before a worker is. */
    readonly requestBuffering: boolean;
    readonly tempDir: string;
    readonly spool: SpoolLimits;
  };
}
