// The kept sockets of one HTTP upstream that carry no exchange at the moment.

import type { Socket } from 'node:net';
import type { Clock } from '../core/clock.ts';

interface Kept {
  readonly socket: Socket;
  /** Takes it off the shelf; it is as nobody had listened to it. */
  readonly release: () => void;
}

/** The same rules as for kept FastCGI connections: the latest first, and bytes that nobody asked for kill a socket. */
export class IdleSockets {
  readonly #clock: Clock;
  readonly #limit: number;
  readonly #kept: Kept[] = [];

  /** @param limit ms that a socket may stay idle */
  constructor(clock: Clock, limit: number) {
    this.#clock = clock;
    this.#limit = limit;
  }

  put(socket: Socket): void {
    const release = (): void => {
      timer.cancel();
      socket.off('data', discard);
      socket.off('end', discard);
      socket.off('close', discard);
    };
    const discard = (): void => {
      const at = this.#kept.indexOf(kept);
      if (at !== -1) this.#kept.splice(at, 1);
      release();
      socket.destroy();
    };
    const kept: Kept = { socket, release };
    const timer = this.#clock.after(this.#limit, discard);
    socket.on('data', discard);
    socket.on('end', discard);
    socket.on('close', discard);
    this.#kept.push(kept);
  }

  take(): Socket | undefined {
    const kept = this.#kept.pop();
    kept?.release();
    return kept?.socket;
  }

  closeAll(): void {
    for (let socket = this.take(); socket !== undefined; socket = this.take()) socket.destroy();
  }
}
