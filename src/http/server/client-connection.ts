// A client's connection as the door sees it: its requests take turns, too many are not read, and it
// is closed when idle.

import type { Duplex } from 'node:stream';
import type { Clock, Timer } from '../../core/clock.ts';
import type { Indexed } from '../../core/dense-set.ts';
import type { OpenRequest } from '../handler/transaction-context.ts';
import { ReplayedConnection } from './replayed-connection.ts';

/**
 * ms by which a connection may be idle longer than the limit its client knows, as in node:http: a
 * request may be on its way.
 */
const GRACE = 1000;

/**
 * Open requests of a connection at which it is not read any further. What node:http had read by
 * then, at most 64 KiB, still becomes requests. While it is not read, a client that leaves is
 * noticed only when the next answer is written.
 */
const MAX_TURNS = 64;

/** A request of a connection, and what begins it. */
export interface Turn {
  readonly transaction: OpenRequest;
  begin(): void;
}

/**
 * Pipelined requests take turns: none may overtake one that changes something (RFC 9112 9.3.2), nor
 * one connection fill the queue for all.
 *
 * Invariant: no timer runs after `release`.
 */
export class ClientConnection implements Indexed {
  index = -1;
  readonly socket: Duplex;
  readonly #clock: Clock;
  /** The requests that are open, in order of arrival. */
  readonly #turns: Turn[] = [];
  #idle: Timer | undefined;
  /** Runs while the rest of a head is waited for that the parser gives no time any more. */
  #lateHead: Timer | undefined;
  #held = false;
  /** Whether the time for a head ran out that is half read. */
  #overdue = false;

  constructor(socket: Duplex, clock: Clock) {
    this.socket = socket;
    this.#clock = clock;
    // node:http resumes its socket after each request that it finds in what it has read.
    socket.on('resume', () => {
      if (this.#held) socket.pause();
    });
    if (socket instanceof ReplayedConnection) socket.on('data', () => this.#idle?.restart());
  }

  get turns(): readonly Turn[] {
    return this.#turns;
  }

  /** One more request; it begins at once when it is the only one. */
  add(turn: Turn): void {
    this.release();
    this.#turns.push(turn);
    if (!this.#held && this.#turns.length >= MAX_TURNS) {
      this.#held = true;
      this.socket.pause();
    }
    if (this.#turns.length === 1) turn.begin();
  }

  /**
   * A request has its answer, or is given up: the next one begins if its turn has come.
   * @param limits in ms: for which the connection may be idle when this was the last request, and
   *   for a head that is half read
   */
  remove(transaction: OpenRequest, limits: { readonly keepAliveTimeout: number; readonly headerTimeout: number }): void {
    const at = this.#turns.findIndex((turn) => turn.transaction === transaction);
    if (at === -1) return;
    this.#turns.splice(at, 1);
    // What comes after the last answer of a connection can have none.
    if (!this.socket.writable) return;
    if (this.#held && this.#turns.length < MAX_TURNS) this.#readOn(limits.headerTimeout);
    if (at === 0) this.#turns[0]?.begin();
    // node:http sees to the idle timeout of a client's own socket, and of nothing that stands for
    // one.
    if (this.#turns.length === 0 && this.socket instanceof ReplayedConnection) {
      this.#idle?.cancel();
      this.#idle = this.#clock.after(limits.keepAliveTimeout + GRACE, () => this.socket.destroy());
    }
  }

  /**
   * The time for the head of a request has run out.
   * @returns whether that is no fault of the client, which is not being read: the time begins anew
   *   when it is
   */
  excusesLateHead(): boolean {
    if (this.#held) this.#overdue = true;
    return this.#held;
  }

  #readOn(headerTimeout: number): void {
    this.#held = false;
    this.socket.resume();
    if (!this.#overdue) return;
    this.#overdue = false;
    this.#lateHead = this.#clock.after(headerTimeout, () => this.socket.destroy());
  }

  /**
   * Ends what waits for time to pass: the connection has closed or is taken over, or carries a
   * request again.
   */
  release(): void {
    this.#idle?.cancel();
    this.#idle = undefined;
    this.#lateHead?.cancel();
    this.#lateHead = undefined;
  }
}
