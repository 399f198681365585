// Makes a server listen, on an address or on a socket that another process opened, or says plainly
// why that is not possible.

import { chmod } from 'node:fs/promises';
import { type AddressInfo, connect, Server, type Socket } from 'node:net';
import { type Address, overlap, parseAddress } from '../core/address.ts';
import { systemCode } from '../core/errors.ts';
import { type FileIdentity, passingName, putInPlace, removeOwn } from './socket-file.ts';

/** An address could not be listened on; the message names it and what to do. */
export class ListenError extends Error {
  readonly systemCode: string | undefined;
  /** The address, where it is one to bind. */
  readonly address: Address | undefined;

  constructor(message: string, cause?: unknown, address?: Address) {
    super(message, { cause });
    this.name = 'ListenError';
    this.systemCode = systemCode(cause);
    this.address = address;
  }
}

/**
 * What is wrong when it is this program itself that has the address, or part of it: no other one is
 * to be looked for.
 * @param own addresses that it listens on, as they became
 */
export function explained(error: unknown, own: readonly string[]): unknown {
  if (!(error instanceof ListenError) || error.address === undefined) return error;
  const { address, systemCode: code } = error;
  if (code !== 'EADDRINUSE' && code !== 'EEXIST') return error;
  const taken = own.find((text) => overlap(address, parseOwn(text)));
  if (taken === undefined) return error;
  const what =
    taken === address.text
      ? 'this program listens there itself'
      : `this program listens on ${taken} itself, and one excludes the other`;
  const way =
    `to change from one to the other takes two reloads, the first without ${taken}, the second with ${address.text}; ` +
    'whoever connects in between is refused';
  return new ListenError(`cannot listen on ${address.text}: ${what}; ${way}`, error, address);
}

/** Unix sockets that systemd named, and the like, overlap nothing. */
function parseOwn(text: string): Address {
  try {
    return parseAddress(text);
  } catch {
    return { kind: 'unix', path: '', text };
  }
}

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the address is in use by another program',
  EEXIST: 'the address is in use by another program, or the file is no socket',
  EADDRNOTAVAIL: 'this machine has no such address',
  EACCES: 'permission denied',
  ENOENT: 'the directory does not exist',
  ENOTDIR: 'part of the path is not a directory',
  ENOTFOUND: 'no such host',
};

/** Connections that the kernel completes before we accept them. */
const BACKLOG = 4096;

export type SocketFile = FileIdentity & { readonly path: string };

/** A listening socket as one process tells another of it. */
export interface Handover {
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

/** A listening socket that another process opened. */
export interface Inherited extends Handover {
  readonly kind: 'inherited';
  /**
   * Whether the file is this process's to remove: not while the process that opened the socket
   * still serves.
   */
  readonly mayRemove: () => boolean;
  /** For a socket that systemd passed: it can be had only once. */
  readonly kept: KeptSocket | undefined;
}

/** A server that listens. Whoever holds it closes it. */
export interface Listener {
  /** The address as it became: the port chosen for port 0. */
  readonly text: string;
  /** Undefined for unix sockets. */
  readonly bound: AddressInfo | undefined;
  /** What a successor must be told. @throws Error when the listener is closed */
  handover(): Handover;
  /** The socket belongs to another process from now on: its file stays when this one closes. */
  handOn(): void;
  /**
   * Stops to accept, at once, and resolves when the last connection has ended. Connections are not
   * cut, nor is the client told.
   */
  close(): Promise<void>;
}

export interface ListenOptions {
  /**
   * Permission bits of a unix socket. 0666 as in nginx: whoever may reach the directory may speak
   * HTTP to us.
   */
  readonly mode?: number;
}

/**
 * Listens on `place`. A socket file that nobody answers on, left by a program that was killed, is
 * replaced.
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

  handover(): Handover {
    return { fd: fdOf(this.#server), asked: this.#asked, text: this.text, fdName: this.#fdName, file: this.#file };
  }

  handOn(): void {
    this.#handedOn = true;
  }

  close(): Promise<void> {
    this.#closed ??= new Promise((resolve) => {
      if (this.#file !== undefined && !this.#handedOn && this.#mayRemove()) removeOwn(this.#file.path, this.#file);
      // http.Server's own close would cut kept connections at once, with requests on their way to
      // us.
      Server.prototype.close.call(this.#server, () => {
        // Only that one stops the timer that looks for slow clients, and now there is nothing left
        // to cut.
        this.#server.close();
        resolve();
      });
    });
    return this.#closed;
  }
}

/**
 * A listening socket that systemd passed. A reload that takes its address out, or fails after it
 * has begun to serve there, closes no more than the listener: systemd passes a socket only once,
 * and a later reload may want it. So it has an acceptor of its own, which hands each connection to
 * the server that serves there at the time.
 *
 * Invariant: from the first use on it is open and accepted from until `end`; while nobody serves,
 * whoever connects is sent away at once instead of waiting for an answer that nobody gives.
 */
export class KeptSocket {
  readonly #fd: number;
  #acceptor: Server | undefined;
  /** Undefined while nobody serves. */
  #deliver: ((connection: Socket) => void) | undefined;
  /**
   * Why it cannot be served on; its descriptor may be closed then, and the number somebody else's.
   */
  #failure: unknown;
  #ended = false;

  /** @param fd is this object's from now on */
  constructor(fd: number) {
    this.#fd = fd;
  }

  /** Whether somebody serves on it. */
  get served(): boolean {
    return this.#deliver !== undefined;
  }

  /** @throws Error (a Node system error) when it is no socket that listens */
  async serve(server: Server, { asked, text, fdName }: Handover): Promise<Listener> {
    if (this.#failure !== undefined) throw this.#failure;
    const open = new Set<Socket>();
    let quiet = (): void => undefined;
    const deliver = (connection: Socket): void => {
      open.add(connection);
      connection.once('close', () => {
        open.delete(connection);
        if (open.size === 0) quiet();
      });
      server.emit('connection', connection);
    };
    this.#deliver = deliver;
    const acceptor = await this.#accepting();
    // From this event on http.Server looks for clients that are too slow.
    server.emit('listening');
    const bound = boundTo(acceptor);
    let closed: Promise<void> | undefined;
    const close = async (): Promise<void> => {
      this.#left(deliver);
      if (open.size > 0) await new Promise<void>((resolve) => (quiet = resolve));
      server.close();
    };
    return {
      text: inheritedText({ text }, bound),
      bound,
      handover: () => ({ fd: this.#fd, asked, text, fdName, file: undefined }),
      handOn: () => undefined,
      close: () => (closed ??= close()),
    };
  }

  /**
   * It is not kept any more: it is closed as soon as nobody serves there, and systemd's own
   * descriptor collects who connects.
   */
  end(): void {
    this.#ended = true;
    if (!this.served) this.#acceptor?.close();
  }

  async #accepting(): Promise<Server> {
    if (this.#acceptor !== undefined) return this.#acceptor;
    // As http.Server has them.
    const acceptor = new Server({ allowHalfOpen: true, noDelay: true }, (connection) => {
      if (this.#deliver === undefined) connection.destroy();
      else this.#deliver(connection);
    });
    try {
      await bind(acceptor, { fd: this.#fd });
    } catch (error) {
      this.#failure = error;
      this.#deliver = undefined;
      throw error;
    }
    this.#acceptor = acceptor;
    return acceptor;
  }

  #left(deliver: (connection: Socket) => void): void {
    if (this.#deliver !== deliver) return;
    this.#deliver = undefined;
    if (this.#ended) this.#acceptor?.close();
  }
}

function inheritedText({ text }: Pick<Handover, 'text'>, bound: AddressInfo | undefined): string {
  const address = bound?.family === 'IPv6' ? `[${bound.address}]` : bound?.address;
  return bound === undefined ? text : `${address}:${bound.port}`;
}

/**
 * The descriptor of a listening server. Node shows it only on the handle, which is no documented
 * part of its interface.
 */
function fdOf(server: Server): number {
  const { _handle: handle } = server as Server & { readonly _handle?: { readonly fd?: number } | null };
  if (typeof handle?.fd !== 'number' || handle.fd < 0) throw new Error('the descriptor of a listening socket cannot be found');
  return handle.fd;
}

/** @returns undefined for unix sockets, which do not tell the name that clients use */
function boundTo(server: Server): AddressInfo | undefined {
  const bound = server.address();
  return bound !== null && typeof bound === 'object' ? bound : undefined;
}

async function listenOnFile(server: Server, path: string, text: string, mode: number): Promise<Listener> {
  const passing = passingName(path);
  await bind(server, { path: passing });
  try {
    // Before anybody can find it.
    await chmod(passing, mode);
    const identity = await putInPlace(passing, path, isAbandoned);
    return new OpenListener(server, text, text, undefined, { path, ...identity }, () => true);
  } catch (error) {
    server.close();
    throw error;
  }
}

type Target = { readonly host: string; readonly port: number } | { readonly path: string } | { readonly fd: number };

function bind(server: Server, target: Target): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    const listening = (): void => {
      server.off('error', reject);
      resolve();
    };
    // A socket file exists from here on: nobody else may use it before its mode is set.
    const umask = 'path' in target ? process.umask(0o177) : undefined;
    try {
      server.listen({ ...target, backlog: BACKLOG }, listening);
    } finally {
      if (umask !== undefined) process.umask(umask);
    }
  });
}

/** Whether nobody accepts connections on a socket file. */
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
