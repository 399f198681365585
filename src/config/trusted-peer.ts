// Clients that are believed: when they say for whom a request comes, and how it is named.

import { ConfigError } from '../core/errors.ts';

/** Any client of our unix sockets, or a network. */
export type TrustedPeer =
  | { readonly kind: 'unix' }
  | { readonly kind: 'network'; readonly family: 'ipv4' | 'ipv6'; readonly address: string; readonly prefix: number };

/**
 * `unix`, an address, or a network such as `10.0.0.0/8`.
 * @throws ConfigError
 */
export function parseTrustedPeer(text: string): TrustedPeer {
  if (text === 'unix') return { kind: 'unix' };
  const [, address = '', length] = /^([^/]*)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const family = isIPv4(address) ? 'ipv4' : isIPv6(address) ? 'ipv6' : undefined;
  const most = family === 'ipv4' ? 32 : 128;
  const prefix = length === undefined ? most : Number(length);
  if (family === undefined || prefix > most) {
    throw new ConfigError(`'${text}': expected unix, an address, or a network such as 10.0.0.0/8`);
  }
  return { kind: 'network', family, address, prefix };
}

function isIPv4(text: string): boolean {
  return /^(?:\d{1,3}\.){3}\d{1,3}$/.test(text) && text.split('.').every((part) => Number(part) < 256);
}

/** What may stand in brackets in a URL. */
function isIPv6(text: string): boolean {
  return /^[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*$/.test(text) && URL.canParse(`http://[${text}]/`);
}
