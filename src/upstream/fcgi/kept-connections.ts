// The connections of one upstream that an exchange has left behind: kept while idle, or handed to
// whoever waits.

import type { Clock } from '../../core/clock.ts';
import type { Connection, ConnectionUser } from '../transport/connection.ts';
import { IdleConnections } from '../transport/idle-connections.ts';

export interface KeepSettings {
  /** ms that a kept connection may stay idle; undefined: connections are not kept. */
  readonly keepAlive: number | undefined;
  /** Whether a connection may be handed from one request to the next that waits. */
  readonly handOver: boolean;
}

/**
 * Requests that follow each other on one connection while some wait: other clients of the socket
 * want their turn, too.
 */
const MAX_IN_A_ROW = 16;
/**
 * Stale connections in a row after which a worker counts as one that closes whatever it is asked.
 */
const MAX_STALE = 3;

/**
 * Invariant: a connection is handed over within one tick, between `offer` and `endTurn`; nothing
 * idle is left open by it.
 */
export class KeptConnections {
  readonly #clock: Clock;
  #settings: KeepSettings;
  #idle: IdleConnections<Connection> | undefined;
  #handedOver: Connection | undefined;
  #stale = 0;

  constructor(settings: KeepSettings, clock: Clock) {
    this.#clock = clock;
    this.#settings = settings;
    this.#idle = this.#shelf();
  }

  reconfigure(settings: KeepSettings): void {
    const { keepAlive } = this.#settings;
    this.#settings = settings;
    if (settings.keepAlive === keepAlive) return;
    this.#idle?.closeAll();
    this.#idle = this.#shelf();
  }

  /**
   * Whether a worker is to be asked to keep its connection. Handing over spares the worker's time
   * for closing and accepting, but where any number of requests may run nobody ever waits.
   * @param capacity exchanges that may run at a time
   */
  wanted(capacity: number): boolean {
    return (
      this.#idle !== undefined || (this.#settings.handOver && this.#stale < MAX_STALE && capacity !== Number.POSITIVE_INFINITY)
    );
  }

  /** A connection whose exchange is complete; `endTurn` must follow in the same tick. */
  offer(connection: Connection): void {
    this.#stale = 0;
    if (this.#idle !== undefined) this.#idle.put(connection);
    else if (connection.requestId < MAX_IN_A_ROW) this.#handedOver = connection;
    else connection.destroy();
  }

  /**
   * A connection for the next exchange. The worker may have closed it in this moment, and then
   * nobody knows whether the request was seen. So only what may be repeated gets one; for the rest
   * a connection is closed, since it may be what its worker is busy with, and a fresh one is to be
   * dialled.
   */
  take(repeatable: boolean): Connection | undefined {
    const spare = this.#handedOver ?? this.#idle?.take();
    this.#handedOver = undefined;
    if (repeatable) return spare;
    spare?.destroy();
    return undefined;
  }

  /**
   * Whoever waited has had the chance. An idle connection would pin the worker (fact 5), and
   * libfcgi waits for our close (fact 11).
   */
  endTurn(): void {
    this.#handedOver?.destroy();
    this.#handedOver = undefined;
  }

  /** One that was taken turned out to be closed. */
  wasStale(): void {
    this.#stale += 1;
  }

  /** The worker is another one now. */
  renewed(): void {
    this.#stale = 0;
  }

  closeAll(): void {
    this.#idle?.closeAll();
  }

  #shelf(): IdleConnections<Connection> | undefined {
    const { keepAlive } = this.#settings;
    return keepAlive === undefined ? undefined : new IdleConnections(this.#clock, keepAlive, watch);
  }
}

/** Whoever uses it next takes the place of the watcher. */
function watch(connection: Connection, discard: () => void): () => void {
  const watcher: ConnectionUser = { data: discard, drained: () => undefined, closed: discard };
  connection.use(watcher);
  return () => undefined;
}
