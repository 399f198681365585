// Binds a server to an address or a descriptor, and reads back what it is bound to.

import type { AddressInfo, Server } from 'node:net';
import type { SocketFile } from './socket-file.ts';

/** Connections that the kernel completes before we accept them. */
const BACKLOG = 4096;

/** A listening socket as one process describes it to the next. */
export interface InheritedSocket {
  readonly fd: number;
  /** The address that was asked for, as text: by this the other process knows it. */
  readonly asked: string;
  /** The address as it became. */
  readonly text: string;
  /** systemd's name for it, when systemd opened it. */
  readonly fdName: string | undefined;
  /** The file of a unix socket that fcgi-lb made, and removes in the end. */
  readonly file: SocketFile | undefined;
}

/** A server that listens. Its owner closes it. */
export interface Listener {
  /** The address as it became: the port chosen for port 0. */
  readonly text: string;
  /** Undefined for unix sockets. */
  readonly bound: AddressInfo | undefined;
  /** What a new process needs to listen on it, too. @throws Error when the listener is closed */
  handover(): InheritedSocket;
  /** The socket belongs to another process from now on: its file stays when this one closes. */
  handOn(): void;
  /**
   * Stops accepting, at once, and resolves when the last connection has ended. Connections are not
   * cut, and clients are not notified.
   */
  close(): Promise<void>;
}

type BindTarget = { readonly host: string; readonly port: number } | { readonly path: string } | { readonly fd: number };

/**
 * Makes a server listen.
 * @throws Error (a Node system error)
 */
export function bind(server: Server, target: BindTarget): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    const listening = (): void => {
      server.off('error', reject);
      resolve();
    };
    // A socket file exists from here on: other users must not reach it before its mode is set.
    const umask = 'path' in target ? process.umask(0o177) : undefined;
    try {
      server.listen({ ...target, backlog: BACKLOG }, listening);
    } finally {
      if (umask !== undefined) process.umask(umask);
    }
  });
}

/**
 * The descriptor of a listening server. Node shows it only on the handle, which is no documented
 * part of its interface.
 * @throws Error when the server does not listen
 */
export function fdOf(server: Server): number {
  const { _handle: handle } = server as Server & { readonly _handle?: { readonly fd?: number } | null };
  if (typeof handle?.fd !== 'number' || handle.fd < 0) throw new Error('the descriptor of a listening socket cannot be found');
  return handle.fd;
}

/** @returns undefined for unix sockets: their name is not the one that clients use */
export function boundTo(server: Server): AddressInfo | undefined {
  const bound = server.address();
  return bound !== null && typeof bound === 'object' ? bound : undefined;
}

/** The address of an inherited socket as it became; the kernel knows the port that was chosen. */
export function inheritedText({ text }: Pick<InheritedSocket, 'text'>, bound: AddressInfo | undefined): string {
  const address = bound?.family === 'IPv6' ? `[${bound.address}]` : bound?.address;
  return bound === undefined ? text : `${address}:${bound.port}`;
}
