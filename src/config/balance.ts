// How a pool's balancer is named: `least-conn`, `first`, `hash:$cookie_session`, `sticky:route`...

import { ConfigError } from '../core/errors.ts';

/** Where the key of a hash comes from, with nginx's names. */
export type KeySource =
  | { readonly kind: 'remote-addr' }
  | { readonly kind: 'request-uri' }
  | { readonly kind: 'header'; readonly name: string }
  | { readonly kind: 'cookie'; readonly name: string };

/** The balancers that are named by one word. */
export const PLAIN_BALANCES = ['round-robin', 'least-conn', 'first', 'random-two', 'least-time'] as const;

/** A cookie of ours that names the upstream a client belongs to. */
export interface StickyBalance {
  readonly name: 'sticky';
  readonly cookie: string;
  /** What the cookie's value is signed with; without it every process makes one of its own. */
  readonly secret?: string;
}

export type Balance =
  | { readonly name: (typeof PLAIN_BALANCES)[number] }
  | { readonly name: 'hash'; readonly key: KeySource }
  | StickyBalance;

/** Bytes: shorter secrets can be guessed. */
const LEAST_SECRET = 16;

export type BalanceName = Balance['name'];

/**
 * @param text a balancer's name, or `hash:` with `$remote_addr`, `$request_uri`, `$http_NAME` or
 *   `$cookie_NAME`, or `sticky:` with the name of a cookie
 * @throws ConfigError
 */
export function parseBalance(text: string): Balance {
  const plain = PLAIN_BALANCES.find((name) => name === text);
  if (plain !== undefined) return { name: plain };
  if (text.startsWith('hash:')) return { name: 'hash', key: parseKey(text.slice('hash:'.length)) };
  if (text.startsWith('sticky:')) return { name: 'sticky', cookie: parseCookieName(text.slice('sticky:'.length)) };
  throw new ConfigError(`'${text}' is not known; expected ${PLAIN_BALANCES.join(', ')}, hash:KEY or sticky:COOKIE`);
}

/** The balancer as the operator wrote it. */
export function balanceText(balance: Balance): string {
  if (balance.name === 'sticky') return `sticky:${balance.cookie}`;
  return balance.name === 'hash' ? `hash:${keyText(balance.key)}` : balance.name;
}

/**
 * The secret of sticky cookies, as it stands in a file: space around it is no part of it.
 * @throws ConfigError when it is too short to be one
 */
export function parseStickySecret(text: string): string {
  const secret = text.trim();
  const length = Buffer.byteLength(secret);
  if (length < LEAST_SECRET) {
    throw new ConfigError(`a secret of ${length} bytes is too short: expected at least ${LEAST_SECRET} random ones`);
  }
  return secret;
}

/** A token of RFC 9110 5.6.2, which is what RFC 6265 4.1.1 lets a cookie be called. */
function parseCookieName(text: string): string {
  if (/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/.test(text)) return text;
  throw new ConfigError(`cookie name '${text}': expected letters, digits and !#$%&'*+.^_\`|~-`);
}

function parseKey(text: string): KeySource {
  if (text === '$remote_addr') return { kind: 'remote-addr' };
  if (text === '$request_uri') return { kind: 'request-uri' };
  const match = /^\$(http|cookie)_([A-Za-z0-9_-]+)$/.exec(text);
  const name = match?.[2];
  if (match === null || name === undefined) {
    throw new ConfigError(`hash key '${text}': expected $remote_addr, $request_uri, $http_NAME or $cookie_NAME`);
  }
  return match[1] === 'cookie' ? { kind: 'cookie', name } : { kind: 'header', name: name.toLowerCase().replaceAll('_', '-') };
}

function keyText(key: KeySource): string {
  switch (key.kind) {
    case 'remote-addr':
      return '$remote_addr';
    case 'request-uri':
      return '$request_uri';
    case 'header':
      return `$http_${key.name.replaceAll('-', '_')}`;
    case 'cookie':
      return `$cookie_${key.name}`;
  }
}
