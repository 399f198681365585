// The protocol of a pool's upstreams, and what a route needs to speak it.

import type { CgiParams } from './cgi-params.ts';
import type { RequestChanges } from './forward-changes.ts';
import type { Forwarder } from './forwarder.ts';

export interface HttpProtocol {
  readonly kind: 'http';
  readonly forwarder: Forwarder;
  readonly changes: RequestChanges;
  /** The header that names the request; undefined: none. */
  readonly requestId: string | undefined;
}

/** What the upstreams of a pool speak, and what that takes. */
export type UpstreamProtocol = { readonly kind: 'fastcgi'; readonly params: CgiParams } | HttpProtocol;
