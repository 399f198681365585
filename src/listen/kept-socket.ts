// A listening socket that systemd passed, kept open for the configurations of later reloads.

import { Server, type Socket } from 'node:net';
import { bind, boundTo, type InheritedSocket, inheritedText, type Listener } from './bind.ts';

/**
 * A listening socket that systemd passed. A reload that removes its address, or fails after it has
 * begun to serve there, closes no more than the listener: systemd passes a socket only once, and a
 * later reload may want it. So it has an acceptor of its own, which hands each connection to the
 * server that serves there at the time.
 *
 * Invariant: from the first use on it is open and accepted from until `end`; while no server serves
 * on it, a client's connection is closed at once instead of waiting for an answer that never comes.
 */
export class KeptSocket {
  readonly #fd: number;
  #acceptor: Server | undefined;
  /** Undefined while no server serves on it. */
  #deliver: ((connection: Socket) => void) | undefined;
  /**
   * Why it cannot be served on; its descriptor may be closed then, and the number reused.
   */
  #failure: unknown;
  #ended = false;

  /** @param fd is this object's from now on */
  constructor(fd: number) {
    this.#fd = fd;
  }

  /** Whether a server serves on it. */
  get served(): boolean {
    return this.#deliver !== undefined;
  }

  /** @throws Error (a Node system error) when it is no socket that listens */
  async serve(server: Server, { asked, text, fdName }: InheritedSocket): Promise<Listener> {
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
   * The socket is not kept any more: it is closed as soon as no server serves on it, and clients
   * that connect then wait in systemd's own descriptor.
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
