// Which requests an admin listener refuses: those of foreign pages in the operator's browser, and
// writes over TCP without the token.

import { isIP } from 'node:net';
import type { Secret } from '../core/secret.ts';

/** How the listener is reached. */
export type Access =
  | { readonly kind: 'tcp'; readonly host: string }
  /** A unix socket that this program made for its owner alone. */
  | { readonly kind: 'own' }
  /** A unix socket that systemd made: which users may open it is not known. */
  | { readonly kind: 'foreign' };

interface Asked {
  readonly method: string;
  readonly host: string | undefined;
  readonly origin: string | undefined;
  readonly authorization?: string | undefined;
}

export interface AccessRefusal {
  readonly status: 401 | 403;
  /** The answer to the client. */
  readonly error: string;
  /** The line in the log, which may say more. */
  readonly reason: string;
}

/**
 * Why a request is refused; undefined when it may be answered.
 * @param token undefined: none is configured
 */
export function refusal(access: Access, asked: Asked, token: Secret | undefined): AccessRefusal | undefined {
  const { method, host, origin } = asked;
  const writes = !isReading(method);
  // A browser names the page behind a write; only our own page has business here.
  if (writes && origin !== undefined && !sameOrigin(access, origin, host)) {
    return forbidden('requests that change something are not taken from web pages (they have an Origin) but our own');
  }
  // A stranger's name may be made to point here, and then a browser takes what we answer for the
  // stranger's (DNS rebinding).
  if (access.kind === 'tcp' && host !== undefined && !ours(host, access.host)) {
    return forbidden(
      `Host '${host.slice(0, 100)}' is not a name of this listener; use localhost, an address, or the host it was configured with`,
    );
  }
  if (!writes || access.kind === 'own') return undefined;
  if (token !== undefined) return unauthorized(asked.authorization, token);
  const why = access.kind === 'tcp' ? 'nobody on TCP can show who they are' : 'who may use one that systemd made is not known';
  return forbidden(
    `requests that change something are taken on the unix socket that fcgi-lb makes only: ${why} without a token (--admin-token-file)`,
  );
}

function forbidden(error: string): AccessRefusal {
  return { status: 403, error, reason: error };
}

/**
 * The answer says no more than that: whether there was a token, and a wrong one, only the log says.
 */
function unauthorized(authorization: string | undefined, token: Secret): AccessRefusal | undefined {
  const offered = /^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1];
  if (offered !== undefined && token.matches(offered)) return undefined;
  return { status: 401, error: 'not authorized', reason: offered === undefined ? 'no token' : 'wrong token' };
}

/** Whether a page has been served by this very listener, as far as its browser says. */
function sameOrigin(access: Access, origin: string, host: string | undefined): boolean {
  return access.kind === 'tcp' && host !== undefined && origin.toLowerCase() === `http://${host.toLowerCase()}`;
}

/** Whether a request with this method changes nothing. */
export function isReading(method: string): boolean {
  return method === 'GET' || method === 'HEAD';
}

function ours(host: string, configured: string): boolean {
  const name = (/^\[([^\]]*)\](?::\d*)?$/.exec(host)?.[1] ?? host.replace(/:\d*$/, '')).toLowerCase();
  return name === 'localhost' || isIP(name) !== 0 || name === configured.toLowerCase();
}
