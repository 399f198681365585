// Lets requests with a method of their own through: node:http's parser knows a fixed list and refuses all others.

import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';

export interface CustomRequest {
  /** The method as the client sent it. */
  readonly method: string;
  /** The client's connection once more, to be given to the HTTP server; its first request has the method POST. */
  readonly connection: ReplayedConnection;
}

/** A complete request line at the very start of what the parser refused. RFC 9110 9.1: a method is a token. */
const REQUEST_LINE = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]{1,64}) [^ \r\n]+ HTTP\/1\.[01]\r?\n/;

/**
 * Takes a connection over after the parser has refused a method (HPE_INVALID_METHOD).
 * @param refused the bytes that the parser was looking at
 * @returns undefined when they do not begin with a whole request line: then it was no HTTP, or came behind another request
 */
export function takeOver(socket: Socket, refused: Buffer): CustomRequest | undefined {
  const method = REQUEST_LINE.exec(refused.toString('latin1'))?.[1];
  if (method === undefined) return undefined;
  const shown = Buffer.concat([Buffer.from('POST'), refused.subarray(method.length)]);
  return { method, connection: new ReplayedConnection(socket, shown) };
}

/** A connection that gives some bytes first and then those of the socket under it. */
export class ReplayedConnection extends Duplex {
  readonly #socket: Socket;
  // node:http and the CGI parameters ask a connection for these.
  readonly remoteAddress: string | undefined;
  readonly remotePort: number | undefined;
  readonly localAddress: string | undefined;
  readonly localPort: number | undefined;

  constructor(socket: Socket, first: Buffer) {
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
    socket.on('data', (chunk: Buffer) => {
      if (!this.push(chunk)) socket.pause();
    });
    socket.on('end', () => this.push(null));
    socket.on('close', () => this.destroy());
  }

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
