// Who may ask what at the operator's door: pages of strangers in the operator's browser may not, nor may writes over TCP.

import { isIP } from 'node:net';

/** How the listener is reached. */
export type Access =
  | { readonly kind: 'tcp'; readonly host: string }
  /** A unix socket that this program made for its owner alone. */
  | { readonly kind: 'own' }
  /** A unix socket that somebody else made: who may use it is not known. */
  | { readonly kind: 'foreign' };

interface Asked {
  readonly method: string;
  readonly host: string | undefined;
  readonly origin: string | undefined;
}

/** Why a request is refused; undefined when it may be answered. */
export function refusal(access: Access, { method, host, origin }: Asked): string | undefined {
  const writes = !isReading(method);
  // A browser names the page behind a write; none has business here.
  if (writes && origin !== undefined) return 'requests that change something are not taken from web pages (they have an Origin)';
  // A stranger's name may be made to point here, and then a browser takes what we answer for the stranger's (DNS rebinding).
  if (access.kind === 'tcp' && host !== undefined && !ours(host, access.host)) {
    return `Host '${host.slice(0, 100)}' is not a name of this listener; use localhost, an address, or the host it was configured with`;
  }
  if (!writes || access.kind === 'own') return undefined;
  const why = access.kind === 'tcp' ? 'nobody on TCP can show who they are' : 'who may use one that systemd made is not known';
  return `requests that change something are taken on the unix socket that fcgi-lb makes only: ${why}`;
}

/** Whether a request with this method changes nothing. */
export function isReading(method: string): boolean {
  return method === 'GET' || method === 'HEAD';
}

function ours(host: string, configured: string): boolean {
  const name = (/^\[([^\]]*)\](?::\d*)?$/.exec(host)?.[1] ?? host.replace(/:\d*$/, '')).toLowerCase();
  return name === 'localhost' || isIP(name) !== 0 || name === configured.toLowerCase();
}
