// What requests that belong together have in common, read from a request for balancers that go by it.

import type { IncomingMessage } from 'node:http';
import type { KeySource } from '../config/balance.ts';
import { remoteAddress } from './cgi-params.ts';

/** The key of a request; empty when the request has none, and then such requests all go the same way. */
export function balanceKey(source: KeySource, request: IncomingMessage): string {
  switch (source.kind) {
    case 'remote-addr':
      return remoteAddress(request.socket);
    case 'request-uri':
      return request.url ?? '';
    case 'header': {
      const value = request.headers[source.name];
      return Array.isArray(value) ? value.join(', ') : (value ?? '');
    }
    case 'cookie':
      return cookieOf(request.headers.cookie ?? '', source.name);
  }
}

/** The value of the first cookie of that name (RFC 6265 4.2). */
export function cookieOf(header: string, name: string): string {
  for (const pair of header.split(';')) {
    const equals = pair.indexOf('=');
    if (equals !== -1 && pair.slice(0, equals).trim() === name) return pair.slice(equals + 1).trim();
  }
  return '';
}
