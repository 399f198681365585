// Who is at the two ends of a client's connection, in the words of CGI.

import type { Socket } from 'node:net';

/** The client's address; `unix:` for one on a unix socket, as nginx says. */
export function remoteAddress(socket: Socket): string {
  return plainAddress(socket.remoteAddress);
}

export function localAddress(socket: Socket): string {
  return plainAddress(socket.localAddress);
}

/** A unix listener has no port; applications build URLs from it, and 80 leaves it out of them. */
export function localPort(socket: Socket): string {
  return String(socket.localPort ?? 80);
}

function plainAddress(address: string | undefined): string {
  if (address === undefined) return 'unix:';
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice('::ffff:'.length) : address;
}

/** SERVER_NAME: the host of `host:port`, brackets of an IPv6 address kept; our own address when there is none. */
export function serverName(host: string | undefined, socket: Socket): string {
  return (host === undefined || host === '' ? localAddress(socket) : host).replace(/:\d*$/, '');
}
