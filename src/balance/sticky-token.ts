// Tokens that stand for upstreams towards clients, and the signature that makes them our own.

import { createHmac, timingSafeEqual } from 'node:crypto';

/** Bytes, multiples of three so that base64 has one form for each value: 12 and 24 characters. */
const NAME_BYTES = 9;
const SIGNATURE_BYTES = 18;
const NAME_LENGTH = 12;
const SIGNED_LENGTH = 36;

export interface StickyTokenSettings {
  /** Name of the cookie that carries a token: one signed for another cookie is not accepted. */
  readonly cookie: string;
  /** Name of the pool: the tokens of another pool mean nothing here. */
  readonly pool: string;
  readonly secret: string;
}

/** An upstream, as far as its token is concerned. */
export interface Named {
  readonly name: string;
}

/**
 * A token is a keyed hash of the upstream's address: it reveals nothing to a client, needs no
 * table, and means the same to every process that has the secret.
 */
export class StickyTokens {
  /** Name of the cookie that carries a token. */
  readonly cookie: string;
  readonly #settings: StickyTokenSettings;
  /** Tokens of the upstreams that answered. */
  readonly #known = new WeakMap<Named, string>();

  constructor(settings: StickyTokenSettings) {
    this.#settings = settings;
    this.cookie = settings.cookie;
  }

  /** @param name an upstream's address */
  tokenOf(name: string): string {
    return this.#hash('upstream', name).subarray(0, NAME_BYTES).toString('base64url');
  }

  /** The token of an upstream that answers often: it is computed once. */
  tokenFor(upstream: Named): string {
    let token = this.#known.get(upstream);
    if (token === undefined) {
      token = this.tokenOf(upstream.name);
      this.#known.set(upstream, token);
    }
    return token;
  }

  /** A token with its signature, as a client keeps it. */
  signed(token: string): string {
    return token + this.#signature(token).toString('base64url');
  }

  /** The token in a value from a client; empty when the signature is not ours. */
  verified(value: string): string {
    if (value.length !== SIGNED_LENGTH) return '';
    const token = value.slice(0, NAME_LENGTH);
    const given = Buffer.from(value.slice(NAME_LENGTH), 'base64url');
    return given.length === SIGNATURE_BYTES && timingSafeEqual(given, this.#signature(token)) ? token : '';
  }

  #signature(token: string): Buffer {
    return this.#hash('cookie', this.cookie, token).subarray(0, SIGNATURE_BYTES);
  }

  /** What is hashed for one purpose is never what is hashed for another. */
  #hash(...parts: readonly string[]): Buffer {
    return createHmac('sha256', this.#settings.secret)
      .update(JSON.stringify(['fcgi-lb', this.#settings.pool, ...parts]))
      .digest();
  }
}
