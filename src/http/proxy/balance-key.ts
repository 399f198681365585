// What requests that belong together have in common, read from a request for balancers that go by
// it.

import type { IncomingMessage } from 'node:http';
import type { KeySource } from '../../config/balance.ts';
import { cookieOf } from '../request/cookie.ts';
import { type Peer, remoteAddress } from '../request/peer.ts';
import type { DocumentHead } from '../response/document-head.ts';
import type { Named, StickyCookie } from './sticky-cookie.ts';

/** A key that is taken from requests as they come, or given to clients in a cookie of ours. */
export type KeyRule =
  | KeySource
  /** `https`: whether TLS ends in front of us, as far as the configuration knows. */
  | { readonly kind: 'sticky'; readonly cookie: StickyCookie; readonly https: boolean };

/**
 * The key of a request; empty when the request has none, and then such requests all go the same
 * way.
 */
export function balanceKey(source: KeyRule, request: IncomingMessage, peer: Peer): string {
  switch (source.kind) {
    case 'remote-addr':
      return remoteAddress(peer);
    case 'request-uri':
      return request.url ?? '';
    case 'header': {
      const value = request.headers[source.name];
      return Array.isArray(value) ? value.join(', ') : (value ?? '');
    }
    case 'cookie':
      return cookieOf(request.headers.cookie ?? '', source.name);
    case 'sticky':
      return source.cookie.read(request);
  }
}

/**
 * The head of an answer with what brings the client back to the upstream that gave it, if the pool
 * goes by that.
 * @param key what `balanceKey` said of the request
 */
export function markAnswer(
  rule: KeyRule | undefined,
  head: DocumentHead,
  key: string,
  upstream: Named | undefined,
  request: IncomingMessage,
): DocumentHead {
  if (rule?.kind !== 'sticky' || upstream === undefined) return head;
  return rule.cookie.mark(head, key, upstream, request, rule.https);
}
