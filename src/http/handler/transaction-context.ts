// What all client requests share.

import type { Duplex } from 'node:stream';
import type { Log } from '../../core/log.ts';
import type { HeaderReader } from '../request/headers.ts';
import type { TraceContext } from './trace.ts';

export interface TransactionContext extends TraceContext {
  readonly log: Log;
  readonly headerReader: HeaderReader;
}

/** A request from its arrival to its end, as the door sees it. */
export interface OpenRequest {
  /** The client's connection. */
  readonly socket: Duplex;
  /**
   * Begins. Everything that can go wrong ends in an error page or a destroyed connection.
   * @param sendContinue tells a client that waits with its body (Expect: 100-continue) to send it
   */
  run(sendContinue: (() => void) | undefined): void;
  /**
   * The body breaks the rules of HTTP: says so if nothing was said yet. False when an answer is, or
   * may be, on its way.
   */
  unreadable(reason: string): boolean;
  /**
   * The response is finished or the client's connection gone: frees what is left. May be called
   * again.
   */
  close(): void;
}
