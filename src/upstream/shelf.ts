// The kept connections of one upstream that carry no exchange at the moment.

import type { Clock, Timer } from '../core/clock.ts';

/**
 * Listens to a connection that is on the shelf, for whatever may come unasked and for its end.
 * @returns puts it back as if nobody had listened
 */
export type Watch<Connection> = (connection: Connection, discard: () => void) => () => void;

interface Kept<Connection> {
  readonly connection: Connection;
  readonly timer: Timer;
  readonly unwatch: () => void;
}

/**
 * The most recently used connection is taken first, so that the others reach the idle limit and close.
 * Bytes nobody asked for on an idle connection would be taken for the next answer (response poisoning): they kill it.
 */
export class Shelf<Connection extends { destroy(): void }> {
  readonly #clock: Clock;
  readonly #limit: number;
  readonly #watch: Watch<Connection>;
  readonly #kept: Kept<Connection>[] = [];

  /** @param limit ms that a connection may stay idle */
  constructor(clock: Clock, limit: number, watch: Watch<Connection>) {
    this.#clock = clock;
    this.#limit = limit;
    this.#watch = watch;
  }

  put(connection: Connection): void {
    const discard = (): void => {
      const at = this.#kept.indexOf(kept);
      if (at !== -1) this.#kept.splice(at, 1);
      letGo(kept).destroy();
    };
    const timer = this.#clock.after(this.#limit, discard);
    const kept: Kept<Connection> = { connection, timer, unwatch: this.#watch(connection, discard) };
    this.#kept.push(kept);
  }

  take(): Connection | undefined {
    const kept = this.#kept.pop();
    return kept && letGo(kept);
  }

  closeAll(): void {
    for (let connection = this.take(); connection !== undefined; connection = this.take()) connection.destroy();
  }
}

function letGo<Connection>({ connection, timer, unwatch }: Kept<Connection>): Connection {
  timer.cancel();
  unwatch();
  return connection;
}
