// A client's connection that is given to the HTTP server a second time, with some bytes changed.

import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';

/** What may be underneath. node:http calls it a Duplex, and it is one of these. */
export type ClientSocket = Socket | ReplayedConnection;

/**
 * A connection that gives some bytes first and then those of the socket under it.
 *
 * Invariant: the socket is the client's own, never another of these, and has the listeners of one
 * of these at most. A client may ask for another protocol with each request of a connection:
 * nested, 3,743 of them were the end of the stack.
 */
export class ReplayedConnection extends Duplex {
  readonly #socket: Socket;
  // node:http and the CGI parameters ask a connection for these.
  readonly remoteAddress: string | undefined;
  readonly remotePort: number | undefined;
  readonly localAddress: string | undefined;
  readonly localPort: number | undefined;

  /** @param from nothing of it is used any more by others */
  constructor(from: ClientSocket, first: Buffer) {
    super({ allowHalfOpen: true });
    const socket = from instanceof ReplayedConnection ? from.#socket : from;
    this.#socket = socket;
    this.remoteAddress = socket.remoteAddress;
    this.remotePort = socket.remotePort;
    this.localAddress = socket.localAddress;
    this.localPort = socket.localPort;
    // The parser that gave up must hear no more; the idle timeout of its connection is over.
    socket.removeAllListeners('data');
    socket.removeAllListeners('end');
    socket.removeAllListeners('timeout');
    this.push(first);
    if (from instanceof ReplayedConnection) this.#follow(from);
    socket.on('data', this.#onData);
    socket.on('end', this.#onEnd);
    socket.on('close', this.#onClose);
  }

  /** Takes the place of another one over the same socket, with what it had read already. */
  #follow(other: ReplayedConnection): void {
    this.#socket.off('close', other.#onClose);
    for (let chunk: Buffer | null = other.read(); chunk !== null; chunk = other.read()) this.push(chunk);
    if (this.#socket.readableEnded) this.push(null);
  }

  /**
   * Hands out what is underneath, for another protocol: this connection neither reads nor writes
   * from now on.
   */
  detach(): Duplex {
    this.#socket.off('data', this.#onData);
    this.#socket.off('end', this.#onEnd);
    this.#socket.pause();
    return this.#socket;
  }

  readonly #onData = (chunk: Buffer): void => {
    if (!this.push(chunk)) this.#socket.pause();
  };

  readonly #onEnd = (): void => void this.push(null);

  readonly #onClose = (): void => void this.destroy();

  override _read(): void {
    this.#socket.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    this.#socket.write(chunk, callback);
  }

  override _final(callback: (error?: Error | null) => void): void {
    this.#socket.end(() => callback());
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#socket.destroy();
    callback(error);
  }

  /**
   * Closes when all that was written has left, whether the client closes its side or not; node:http
   * asks for it after a last answer.
   */
  destroySoon(): void {
    if (this.writable) this.end();
    if (this.writableFinished) this.destroy();
    else this.once('finish', () => this.destroy());
  }

  resetAndDestroy(): void {
    if (this.remoteAddress === undefined) this.#socket.destroy();
    else this.#socket.resetAndDestroy();
    this.destroy();
  }
}
