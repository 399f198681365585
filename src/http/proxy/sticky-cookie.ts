// The cookie by which a client comes back to its upstream: read from requests, set on answers.

import type { IncomingMessage } from 'node:http';
import { TLSSocket } from 'node:tls';
import type { Named, StickyTokens } from '../../balance/sticky-token.ts';
import { cookieOf } from '../request/cookie.ts';
import type { DocumentHead } from '../response/document-head.ts';

export type { Named } from '../../balance/sticky-token.ts';

/** The value of the cookie is the token of an upstream with its signature. */
export class StickyCookie {
  readonly #tokens: StickyTokens;

  constructor(tokens: StickyTokens) {
    this.#tokens = tokens;
  }

  /** The token that a client brings; empty when it brings none, or one that is not ours. */
  read(request: IncomingMessage): string {
    return this.#tokens.verified(cookieOf(request.headers.cookie ?? '', this.#tokens.cookie));
  }

  /**
   * The head with a cookie that names the upstream, unless the client has it already.
   * @param token what the client brought
   * @param https whether the client speaks to a web server in front of us by https, as far as the
   *   configuration knows
   */
  mark(head: DocumentHead, token: string, upstream: Named, request: IncomingMessage, https: boolean): DocumentHead {
    const own = this.#tokens.tokenFor(upstream);
    if (token === own || isForEverybody(head.headers)) return head;
    const secure = https || cameByHttps(request) ? '; Secure' : '';
    const field = `${this.#tokens.cookie}=${this.#tokens.signed(own)}; Path=/; HttpOnly; SameSite=Lax${secure}`;
    return { ...head, headers: [...head.headers, 'Set-Cookie', field] };
  }
}

/**
 * Whether a cache that many share may keep the answer: with our cookie in it, all its clients would
 * have one upstream.
 */
function isForEverybody(headers: readonly string[]): boolean {
  return headers.some(
    (value, index) =>
      index % 2 === 1 && headers[index - 1]?.toLowerCase() === 'cache-control' && /(?:^|[\s,])(?:public|s-maxage=)/i.test(value),
  );
}

/**
 * What a web server in front of us says is believed: a client that lies about it gets a cookie that
 * its browser refuses.
 */
function cameByHttps({ socket, headers }: IncomingMessage): boolean {
  if (socket instanceof TLSSocket) return true;
  const forwarded = headers['x-forwarded-proto'];
  const first = Array.isArray(forwarded) ? forwarded[0] : forwarded;
  return first?.split(',')[0]?.trim().toLowerCase() === 'https';
}
