// Every way a request can fail: one table of codes, each with the side at fault, the stage, retry
// safety and HTTP status.

export type FaultSide = 'client' | 'upstream' | 'internal';
export type FailureStage = 'request' | 'queue' | 'connect' | 'send' | 'head' | 'body';

/**
 * Whether the same request may be given to an upstream again after this failure.
 * - `unsent`: the worker provably began nothing, so any method may be sent again.
 * - `idempotent`: the worker may have begun; only a method that is safe to repeat may be sent
 *   again.
 * - `never`: part of the answer has gone out, or sending again cannot help.
 */
export type Retry = 'unsent' | 'idempotent' | 'never';

/**
 * What went wrong with an upstream, in the words of `retry.on`; `status`: an answer whose status
 * asks for another try.
 */
export type FailureClass = 'connect' | 'busy' | 'closed' | 'timeout' | 'invalid_header' | 'status';

interface Failure {
  readonly side: FaultSide;
  readonly stage: FailureStage;
  readonly retry: Retry;
  /**
   * The status the client gets when the failure is final (499: the client is gone and gets
   * nothing).
   */
  readonly status: number;
  /** Undefined where the failure says nothing about an upstream. */
  readonly class: FailureClass | undefined;
}

const failure = (side: FaultSide, stage: FailureStage, retry: Retry, status: number, failureClass?: FailureClass): Failure => ({
  side,
  stage,
  retry,
  status,
  class: failureClass,
});

export const FAILURES = {
  FCGI_LB_REQUEST_BAD_SYNTAX: failure('client', 'request', 'never', 400),
  FCGI_LB_REQUEST_BAD_TARGET: failure('client', 'request', 'never', 400),
  FCGI_LB_REQUEST_BAD_HEADER: failure('client', 'request', 'never', 400),
  FCGI_LB_REQUEST_NO_ROUTE: failure('client', 'request', 'never', 404),
  FCGI_LB_REQUEST_METHOD_REFUSED: failure('client', 'request', 'never', 405),
  FCGI_LB_REQUEST_TIMEOUT: failure('client', 'request', 'never', 408),
  FCGI_LB_REQUEST_BODY_TOO_LARGE: failure('client', 'request', 'never', 413),
  FCGI_LB_REQUEST_PATH_TOO_LONG: failure('client', 'request', 'never', 414),
  FCGI_LB_REQUEST_HEADERS_TOO_LARGE: failure('client', 'request', 'never', 431),
  FCGI_LB_CLIENT_GONE: failure('client', 'request', 'never', 499),
  FCGI_LB_CLIENT_STALLED: failure('client', 'body', 'never', 499),

  FCGI_LB_QUEUE_FULL: failure('upstream', 'queue', 'never', 503),
  FCGI_LB_QUEUE_TIMEOUT: failure('upstream', 'queue', 'never', 503),
  FCGI_LB_POOL_CLOSED: failure('upstream', 'queue', 'never', 503),
  FCGI_LB_POOL_DOWN: failure('upstream', 'queue', 'never', 503),

  FCGI_LB_CONNECT_REFUSED: failure('upstream', 'connect', 'unsent', 502, 'connect'),
  FCGI_LB_CONNECT_MISSING: failure('upstream', 'connect', 'unsent', 502, 'connect'),
  FCGI_LB_CONNECT_BUSY: failure('upstream', 'connect', 'unsent', 503, 'busy'),
  FCGI_LB_CONNECT_DENIED: failure('upstream', 'connect', 'unsent', 502, 'connect'),
  FCGI_LB_CONNECT_TIMEOUT: failure('upstream', 'connect', 'unsent', 504, 'connect'),
  FCGI_LB_CONNECT_FAILED: failure('upstream', 'connect', 'unsent', 502, 'connect'),

  FCGI_LB_UPSTREAM_OVERLOADED: failure('upstream', 'head', 'unsent', 503, 'busy'),
  FCGI_LB_UPSTREAM_CANT_MULTIPLEX: failure('upstream', 'head', 'unsent', 502, 'closed'),
  FCGI_LB_UPSTREAM_UNKNOWN_ROLE: failure('upstream', 'head', 'never', 502, 'invalid_header'),
  FCGI_LB_UPSTREAM_CLOSED: failure('upstream', 'head', 'idempotent', 502, 'closed'),
  FCGI_LB_UPSTREAM_BAD_RECORD: failure('upstream', 'head', 'idempotent', 502, 'invalid_header'),
  FCGI_LB_UPSTREAM_BAD_HEAD: failure('upstream', 'head', 'idempotent', 502, 'invalid_header'),
  FCGI_LB_UPSTREAM_NO_HEAD: failure('upstream', 'head', 'idempotent', 502, 'invalid_header'),
  FCGI_LB_UPSTREAM_HEAD_TOO_LARGE: failure('upstream', 'head', 'never', 502, 'invalid_header'),
  FCGI_LB_UPSTREAM_REDIRECT_LOOP: failure('upstream', 'head', 'never', 502),
  FCGI_LB_UPSTREAM_SEND_TIMEOUT: failure('upstream', 'send', 'idempotent', 504, 'timeout'),
  FCGI_LB_UPSTREAM_READ_TIMEOUT: failure('upstream', 'head', 'idempotent', 504, 'timeout'),
  FCGI_LB_UPSTREAM_STATUS: failure('upstream', 'head', 'idempotent', 502, 'status'),
  FCGI_LB_UPSTREAM_SHORT_BODY: failure('upstream', 'body', 'never', 502),

  FCGI_LB_BUFFER_FAILED: failure('internal', 'body', 'never', 500),
  FCGI_LB_FILE_FAILED: failure('internal', 'body', 'never', 500),
  FCGI_LB_INTERNAL: failure('internal', 'request', 'never', 500),
} as const satisfies Record<string, Failure>;

export type FailureCode = keyof typeof FAILURES;

/**
 * A request that failed. Match on `code`; the message is for the operator and never goes to a
 * client.
 */
export class ProxyError extends Error {
  readonly code: FailureCode;
  /** The address of the upstream concerned, if one was. */
  readonly upstream: string | undefined;

  constructor(code: FailureCode, message: string, details: { upstream?: string; cause?: unknown } = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'ProxyError';
    this.code = code;
    this.upstream = details.upstream;
  }

  get side(): FaultSide {
    return FAILURES[this.code].side;
  }

  get stage(): FailureStage {
    return FAILURES[this.code].stage;
  }

  get retry(): Retry {
    return FAILURES[this.code].retry;
  }

  get status(): number {
    return FAILURES[this.code].status;
  }

  get class(): FailureClass | undefined {
    return FAILURES[this.code].class;
  }
}

/**
 * The code of a Node system error (`ENOENT`, `EPIPE`...), or undefined when the value is something
 * else.
 */
export function systemCode(error: unknown): string | undefined {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code;
  return undefined;
}

/** Any thrown value as an Error, so that it can be logged and kept as a cause. */
export function asError(value: unknown): Error {
  return value instanceof Error ? value : new Error(String(value));
}

/**
 * The operator asked for something that cannot be; the message says what was found and what is
 * expected.
 */
export class ConfigError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ConfigError';
  }
}
