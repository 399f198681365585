// Listens on an address or on a socket that another process opened, or says why that is not
// possible.

import { chmod } from 'node:fs/promises';
import { type AddressInfo, connect, Server } from 'node:net';
import type { Address } from '../core/address.ts';
import { systemCode } from '../core/errors.ts';
import { bind, boundTo, fdOf, type InheritedSocket, inheritedText, type Listener } from './bind.ts';
import type { KeptSocket } from './kept-socket.ts';
import { ListenError } from './listen-error.ts';
import { passingName, putInPlace, removeOwn, type SocketFile } from './socket-file.ts';

export type { Listener } from './bind.ts';

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the address is in use by another program',
  EEXIST: 'the address is in use by another program, or the file is no socket',
  EADDRNOTAVAIL: 'this machine has no such address',
  EACCES: 'permission denied',
  ENOENT: 'the directory does not exist',
  ENOTDIR: 'part of the path is not a directory',
  ENOTFOUND: 'no such host',
};

/** A listening socket that another process opened. */
export interface Inherited extends InheritedSocket {
  readonly kind: 'inherited';
  /**
   * Whether the file is this process's to remove: not while the process that opened the socket
   * still serves.
   */
  readonly mayRemove: () => boolean;
  /** For a socket that systemd passed: it can be had only once. */
  readonly kept: KeptSocket | undefined;
}

export interface ListenOptions {
  /**
   * Permission bits of a unix socket. 0666 as in nginx: users who can reach the directory may speak
   * HTTP with fcgi-lb.
   */
  readonly mode?: number;
}

/**
 * Listens on `place`. A socket file on which no process listens, left by a program that was killed,
 * is replaced.
 * @throws ListenError
 */
export async function listenOn(server: Server, place: Address | Inherited, options: ListenOptions = {}): Promise<Listener> {
  try {
    if (place.kind === 'unix') return await listenOnFile(server, place.path, place.text, options.mode ?? 0o666);
    if (place.kind === 'tcp') {
      await bind(server, { host: place.host, port: place.port });
      const text = `${place.host.includes(':') ? `[${place.host}]` : place.host}:${boundTo(server)?.port ?? place.port}`;
      return new OpenListener(server, place.text, text, undefined, undefined, () => true);
    }
    if (place.kept !== undefined) return await place.kept.serve(server, place);
    await bind(server, { fd: place.fd });
    const { asked, fdName, file, mayRemove } = place;
    return new OpenListener(server, asked, inheritedText(place, boundTo(server)), fdName, file, mayRemove);
  } catch (error) {
    const asked = place.kind === 'inherited' ? undefined : place;
    const where = place.kind === 'inherited' ? `the inherited socket ${place.text} (fd ${place.fd})` : place.text;
    throw new ListenError(`cannot listen on ${where}: ${REASONS[systemCode(error) ?? ''] ?? String(error)}`, error, asked);
  }
}

class OpenListener implements Listener {
  readonly #server: Server;
  readonly #asked: string;
  readonly text: string;
  readonly #fdName: string | undefined;
  readonly #file: SocketFile | undefined;
  readonly #mayRemove: () => boolean;
  #handedOn = false;
  #closed: Promise<void> | undefined;

  constructor(
    server: Server,
    asked: string,
    text: string,
    fdName: string | undefined,
    file: SocketFile | undefined,
    mayRemove: () => boolean,
  ) {
    this.#server = server;
    this.#asked = asked;
    this.text = text;
    this.#fdName = fdName;
    this.#file = file;
    this.#mayRemove = mayRemove;
  }

  get bound(): AddressInfo | undefined {
    return boundTo(this.#server);
  }

  handover(): InheritedSocket {
    return { fd: fdOf(this.#server), asked: this.#asked, text: this.text, fdName: this.#fdName, file: this.#file };
  }

  handOn(): void {
    this.#handedOn = true;
  }

  close(): Promise<void> {
    this.#closed ??= new Promise((resolve) => {
      if (this.#file !== undefined && !this.#handedOn && this.#mayRemove()) removeOwn(this.#file.path, this.#file);
      // http.Server's own close would cut kept connections at once, with requests on their way.
      Server.prototype.close.call(this.#server, () => {
        // Only http.Server's own close stops the timer that looks for slow clients; now there is
        // nothing left to cut.
        this.#server.close();
        resolve();
      });
    });
    return this.#closed;
  }
}

async function listenOnFile(server: Server, path: string, text: string, mode: number): Promise<Listener> {
  const passing = passingName(path);
  await bind(server, { path: passing });
  try {
    // Before clients can find it: it has its passing name only.
    await chmod(passing, mode);
    const identity = await putInPlace(passing, path, isAbandoned);
    return new OpenListener(server, text, text, undefined, { path, ...identity }, () => true);
  } catch (error) {
    server.close();
    throw error;
  }
}

/** Whether no process listens on a socket file. */
function isAbandoned(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    socket.once('connect', () => {
      socket.destroy();
      resolve(false);
    });
    socket.once('error', (error) => resolve(systemCode(error) === 'ECONNREFUSED'));
  });
}
