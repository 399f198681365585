// The cookie by which a client comes back to the upstream it had: made, signed, read, and put on an
// answer.

import { createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { TLSSocket } from 'node:tls';
import { cookieOf } from '../request/cookie.ts';
import type { DocumentHead } from '../response/document-head.ts';

/** Bytes, multiples of three so that base64 has one form for each value: 12 and 24 characters. */
const NAME_BYTES = 9;
const SIGNATURE_BYTES = 18;
const NAME_LENGTH = 12;
const VALUE_LENGTH = 36;

export interface StickyCookieSettings {
  /** Name of the cookie. */
  readonly cookie: string;
  /** Name of the pool: a cookie of another pool means nothing here. */
  readonly pool: string;
  readonly secret: string;
}

/** An upstream, as far as a cookie is concerned. */
export interface Named {
  readonly name: string;
}

/**
 * The value is a token, which stands for an upstream, and a signature. The token is a keyed hash of
 * the upstream's address: it tells a client nothing, needs no table, and means the same to every
 * process that has the secret.
 */
export class StickyCookie {
  readonly #settings: StickyCookieSettings;
  /** Tokens of the upstreams that answered. */
  readonly #tokens = new WeakMap<Named, string>();

  constructor(settings: StickyCookieSettings) {
    this.#settings = settings;
  }

  /** @param name an upstream's address */
  tokenOf(name: string): string {
    return this.#hash('upstream', name).subarray(0, NAME_BYTES).toString('base64url');
  }

  /** The token that a client brings; empty when it brings none, or one that is not ours. */
  read(request: IncomingMessage): string {
    const value = cookieOf(request.headers.cookie ?? '', this.#settings.cookie);
    if (value.length !== VALUE_LENGTH) return '';
    const token = value.slice(0, NAME_LENGTH);
    const given = Buffer.from(value.slice(NAME_LENGTH), 'base64url');
    return given.length === SIGNATURE_BYTES && timingSafeEqual(given, this.#signature(token)) ? token : '';
  }

  /**
   * The head with a cookie that names the upstream, unless the client has it already.
   * @param token what the client brought
   * @param https whether the client speaks to a web server in front of us by https, as far as the
   *   configuration knows
   */
  mark(head: DocumentHead, token: string, upstream: Named, request: IncomingMessage, https: boolean): DocumentHead {
    let own = this.#tokens.get(upstream);
    if (own === undefined) {
      own = this.tokenOf(upstream.name);
      this.#tokens.set(upstream, own);
    }
    if (token === own || isForEverybody(head.headers)) return head;
    const secure = https || cameByHttps(request) ? '; Secure' : '';
    const value = own + this.#signature(own).toString('base64url');
    const field = `${this.#settings.cookie}=${value}; Path=/; HttpOnly; SameSite=Lax${secure}`;
    return { ...head, headers: [...head.headers, 'Set-Cookie', field] };
  }

  #signature(token: string): Buffer {
    return this.#hash('cookie', this.#settings.cookie, token).subarray(0, SIGNATURE_BYTES);
  }

  /** What is hashed for one purpose is never what is hashed for another. */
  #hash(...parts: readonly string[]): Buffer {
    return createHmac('sha256', this.#settings.secret)
      .update(JSON.stringify(['fcgi-lb', this.#settings.pool, ...parts]))
      .digest();
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
