// Who is at the two ends of a client's connection, in the words of CGI.

/**
 * The client and where it reached us: a connection, or what a trusted proxy at its other end says.
 */
export interface Peer {
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
  readonly localAddress?: string | undefined;
  readonly localPort?: number | undefined;
  /** Whether the client speaks TLS to the proxy. */
  readonly https?: boolean;
  /** Whether a trusted proxy has said who the client is. */
  readonly proxied?: boolean;
}

/** The client's address; `unix:` for one on a unix socket, as nginx says. */
export function remoteAddress(socket: Peer): string {
  return plainAddress(socket.remoteAddress);
}

export function localAddress(socket: Peer): string {
  return plainAddress(socket.localAddress);
}

/** `http` or `https`, as the client sees it. */
export function schemeOf({ https }: Peer): string {
  return https === true ? 'https' : 'http';
}

/** A unix listener has no port; applications build URLs from it, and 80 leaves it out of them. */
export function localPort(socket: Peer): string {
  return String(socket.localPort ?? 80);
}

/** An IPv4 address as such, also where a socket for both families shows it as one of IPv6. */
export function plainAddress(address: string | undefined): string {
  if (address === undefined) return 'unix:';
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice('::ffff:'.length) : address;
}

/**
 * SERVER_NAME: the host of `host:port`, brackets of an IPv6 address kept; our own address when
 * there is none.
 */
export function serverName(host: string | undefined, socket: Peer): string {
  return (host === undefined || host === '' ? localAddress(socket) : host).replace(/:\d*$/, '');
}
