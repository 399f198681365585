// What is told of a request when it is over, to whoever writes the access log.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { RequestHeaders } from '../request/headers.ts';
import type { Peer } from '../request/peer.ts';
import type { RequestTarget } from '../request/target.ts';

/** One upstream that was tried. Times in ms, undefined for a stage that was not reached. */
export interface Attempt {
  readonly upstream: string;
  /** Of its answer; of the failure when there was none; undefined when neither is known. */
  readonly status: number | undefined;
  readonly connect: number | undefined;
  readonly head: number | undefined;
  /** From the lease to the end of its answer, or to its failure. */
  readonly response: number | undefined;
}

export interface AccessRecord {
  readonly client: string;
  readonly method: string;
  /** The request target as the client sent it. */
  readonly path: string;
  readonly status: number;
  /** Body bytes of the response that were handed to the client's connection. */
  readonly bytes: number;
  readonly upstream: string | undefined;
  readonly attempts: number;
  /** Times in ms. Undefined: that stage was not reached. */
  readonly queue: number | undefined;
  readonly connect: number | undefined;
  readonly head: number | undefined;
  readonly total: number;
  /** Code of the failure that ended the request, if one did. */
  readonly error: string | undefined;
  /** What the request is called in logs. */
  readonly requestId?: string | undefined;
  readonly pool?: string | undefined;
  /** Where more can be read, by formats that want it; undefined for what was no request. */
  readonly followed?: Followed;
  readonly response?: ServerResponse;
  /** What was understood of the request; undefined when that failed. */
  readonly read?: { readonly target: RequestTarget; readonly headers: RequestHeaders } | undefined;
}

/** What only some formats want to know. */
export interface Followed {
  readonly request: IncomingMessage;
  /** Who asked. */
  readonly peer: Peer;
  /** The ends of the client's connection, if the access log wanted them when the request came. */
  readonly addresses: ConnectionAddresses | undefined;
  /** The upstreams that were tried, in order. */
  tried(): readonly Attempt[];
}

export interface ConnectionAddresses {
  readonly remotePort: string;
  readonly serverAddr: string;
  readonly serverPort: string;
}

export interface AccessLog {
  (entry: AccessRecord): void;
  readonly wantsAddresses?: boolean;
}
