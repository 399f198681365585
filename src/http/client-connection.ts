// A client's connection as the door sees it: its requests take turns, and it is closed when it is idle for too long.

import type { Duplex } from 'node:stream';
import type { Clock, Timer } from '../core/clock.ts';
import type { Seated } from '../core/dense-set.ts';
import type { OpenRequest } from './context.ts';
import { ReplayedConnection } from './replayed-connection.ts';

/** ms by which a connection may be idle longer than its client is told, as node:http has it: a request may be on its way. */
const GRACE = 1000;

/** A request of a connection, and what begins it. */
export interface Turn {
  readonly transaction: OpenRequest;
  begin(): void;
}

/**
 * Pipelined requests take turns: none may overtake one that changes something (RFC 9112 9.3.2), nor one connection fill the
 * queue for all.
 *
 * Invariant: a timer runs at most while no request is open, and none after `release`.
 */
export class ClientConnection implements Seated {
  seat = -1;
  readonly socket: Duplex;
  readonly #clock: Clock;
  /** The requests that are open, in order of arrival. */
  readonly #turns: Turn[] = [];
  #idle: Timer | undefined;

  constructor(socket: Duplex, clock: Clock) {
    this.socket = socket;
    this.#clock = clock;
    if (socket instanceof ReplayedConnection) socket.on('data', () => this.#idle?.restart());
  }

  get turns(): readonly Turn[] {
    return this.#turns;
  }

  /** One more request; it begins at once when it is the only one. */
  add(turn: Turn): void {
    this.release();
    this.#turns.push(turn);
    if (this.#turns.length === 1) turn.begin();
  }

  /**
   * A request has its answer, or is given up: the next one begins if its turn has come.
   * @param idleTimeout ms that the connection may be idle when this was the last request
   */
  remove(transaction: OpenRequest, idleTimeout: number): void {
    const at = this.#turns.findIndex((turn) => turn.transaction === transaction);
    if (at === -1) return;
    this.#turns.splice(at, 1);
    // What comes after the last answer of a connection can have none.
    if (!this.socket.writable) return;
    if (at === 0) this.#turns[0]?.begin();
    // node:http sees to the idle timeout of a client's own socket, and of nothing that stands for one.
    if (this.#turns.length === 0 && this.socket instanceof ReplayedConnection) {
      this.#idle = this.#clock.after(idleTimeout + GRACE, () => this.socket.destroy());
    }
  }

  /** Ends what waits for time to pass: the connection has closed or is taken over, or carries a request again. */
  release(): void {
    this.#idle?.cancel();
    this.#idle = undefined;
  }
}
