// How a pool's balancer is named: `least-conn`, `first`, `hash:$cookie_session`...

import { ConfigError } from '../core/address.ts';

/** Where the key of a hash comes from, with nginx's names. */
export type KeySource =
  | { readonly kind: 'remote-addr' }
  | { readonly kind: 'request-uri' }
  | { readonly kind: 'header'; readonly name: string }
  | { readonly kind: 'cookie'; readonly name: string };

const PLAIN = ['round-robin', 'least-conn', 'first', 'random-two', 'least-time'] as const;

export type Balance = { readonly name: (typeof PLAIN)[number] } | { readonly name: 'hash'; readonly key: KeySource };

export type BalanceName = Balance['name'];

/**
 * @param text a balancer's name, or `hash:` with `$remote_addr`, `$request_uri`, `$http_NAME` or `$cookie_NAME`
 * @throws ConfigError
 */
export function parseBalance(text: string): Balance {
  const plain = PLAIN.find((name) => name === text);
  if (plain !== undefined) return { name: plain };
  if (text.startsWith('hash:')) return { name: 'hash', key: parseKey(text.slice('hash:'.length)) };
  throw new ConfigError(`'${text}' is not known; expected ${PLAIN.join(', ')} or hash:KEY`);
}

/** The balancer as the operator wrote it. */
export function balanceText(balance: Balance): string {
  return balance.name === 'hash' ? `hash:${keyText(balance.key)}` : balance.name;
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
