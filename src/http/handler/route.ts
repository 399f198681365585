// Where a request goes and under which limits: what the public door needs to know of one generation
// of the configuration.

import type { Pool } from '../../pool/pool.ts';
import type { RetryPolicy } from '../../pool/retry.ts';
import type { RetryBudget } from '../../pool/retry-budget.ts';
import type { Answerer } from '../local/local-answer.ts';
import type { KeyRule } from '../proxy/balance-key.ts';
import type { UpstreamProtocol } from '../proxy/protocol.ts';
import type { AnswerRules } from '../response/answer-rules.ts';
import type { SpoolLimits } from '../response/spool.ts';

/** Requests go to a pool. */
export interface Route {
  readonly kind: 'pool';
  readonly pool: Pool;
  readonly protocol: UpstreamProtocol;
  readonly retry: RetryPolicy;
  readonly retryBudget: RetryBudget;
  /** What the pool's balancer goes by, if it goes by anything. */
  readonly balanceKey: KeyRule | undefined;
  /** What is changed of answers on their way to the client; undefined: nothing. */
  readonly answerRules: AnswerRules | undefined;
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

/** Requests are answered here. */
export interface LocalRoute {
  readonly kind: 'local';
  readonly answer: Answerer;
  readonly answerRules: AnswerRules | undefined;
  /** ms that a client may take nothing of its answer. */
  readonly sendTimeout: number;
}

export type AnyRoute = Route | LocalRoute;
