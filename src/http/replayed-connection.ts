// A client's connection that is given to the HTTP server a second time, with some bytes changed.

import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';

/** What may be underneath. node:http calls it a Duplex, and it is one of these. */
export type ClientSocket = Socket | ReplayedConnection;

/** A connection that gives some bytes first and then those of the socket under it. */
export class ReplayedConnection extends Duplex {
  readonly #socket: ClientSocket;
  // node:http and the CGI parameters ask a connection for these.
  readonly remoteAddress: string | undefined;
  readonly remotePort: number | undefined;
  readonly localAddress: string | undefined;
  readonly localPort: number | undefined;

  constructor(socket: ClientSocket, first: Buffer) {
    super({ allowHalfOpen: true });
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
    socket.on('data', this.#onData);
    socket.on('end', this.#onEnd);
    socket.on('close', () => this.destroy());
  }

  /** Hands out what is underneath, for another protocol: this connection neither reads nor writes from now on. */
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

  resetAndDestroy(): void {
    if (this.remoteAddress === undefined) this.#socket.destroy();
    else this.#socket.resetAndDestroy();
    this.destroy();
  }
}
