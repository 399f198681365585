// A socket that can still be read when the other side has stopped reading.

import { type ConnectOpts, type OnReadOpts, Socket, type SocketConstructorOpts } from 'node:net';
import type { DuplexOptions } from 'node:stream';
import { systemCode } from '../../core/errors.ts';

/**
 * A socket whose failed writes do not destroy it. A worker may answer and close before it has read
 * the whole body: the write then fails with EPIPE while the complete answer still waits to be read,
 * so END_REQUEST, not the write, decides (DESIGN.md fact 9). What is wrong with the connection
 * shows on its reading side.
 */
export class WorkerSocket extends Socket {
  writeBroken = false;

  /** @param onread where the bytes that arrive go; else they come as `data` events */
  constructor(onread?: OnReadOpts) {
    const options: SocketConstructorOpts & ConnectOpts & DuplexOptions = {
      allowHalfOpen: true,
      onread,
      // What a socket adds to its options by itself. On Node 20 (V8 11.3) adding a property to its
      // copy of them makes a hidden class anew for each socket: 6 us where 0.2 do, and garbage that
      // only a major collection takes away.
      emitClose: false,
      autoDestroy: true,
      decodeStrings: false,
    };
    super(options);
  }

  override _write(chunk: unknown, encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    if (this.writeBroken) callback();
    else super._write(chunk, encoding, this.#forgiving(callback));
  }

  override _writev(chunks: Array<{ chunk: unknown; encoding: BufferEncoding }>, callback: (error?: Error | null) => void): void {
    if (this.writeBroken) callback();
    else super._writev?.(chunks, this.#forgiving(callback));
  }

  #forgiving(callback: (error?: Error | null) => void): (error?: Error | null) => void {
    return (error) => {
      const code = systemCode(error);
      if (code === 'EPIPE' || code === 'ECONNRESET') {
        this.writeBroken = true;
        callback();
      } else callback(error);
    };
  }
}
