// The kept connections of one upstream that carry no exchange at the moment.

import type { Clock, Timer } from '../../core/clock.ts';

/**
 * Listens to a connection that is on the shelf, for whatever may come unasked and for its end.
 * @returns puts it back as if nobody had listened
 */
export type IdleWatch<Connection> = (connection: Connection, discard: () => void) => () => void;

interface Kept<Connection> {
  readonly connection: Connection;
  /** Clock ms. */
  readonly until: number;
  readonly unwatch: () => void;
}

/**
 * The most recently used connection is taken first, so that the others reach the idle limit and
 * close. So the list is in order of its limits, and one timer for the first of them is enough: on a
 * busy shelf none is set or cleared for each request. Bytes nobody asked for on an idle connection
 * would be taken for the next answer (response poisoning): they kill it.
 */
export class IdleConnections<Connection extends { destroy(): void }> {
  readonly #clock: Clock;
  readonly #limit: number;
  readonly #watch: IdleWatch<Connection>;
  readonly #kept: Kept<Connection>[] = [];
  /** Runs while anything is kept, and a while longer. */
  #timer: Timer | undefined;

  /** @param limit ms that a connection may stay idle */
  constructor(clock: Clock, limit: number, watch: IdleWatch<Connection>) {
    this.#clock = clock;
    this.#limit = limit;
    this.#watch = watch;
  }

  put(connection: Connection): void {
    const discard = (): void => {
      const at = this.#kept.indexOf(kept);
      if (at !== -1) this.#kept.splice(at, 1);
      kept.unwatch();
      connection.destroy();
    };
    const kept: Kept<Connection> = {
      connection,
      until: this.#clock.now() + this.#limit,
      unwatch: this.#watch(connection, discard),
    };
    this.#kept.push(kept);
    this.#timer ??= this.#clock.after(this.#limit, () => this.#expire());
  }

  take(): Connection | undefined {
    const kept = this.#kept.pop();
    kept?.unwatch();
    return kept?.connection;
  }

  closeAll(): void {
    for (let connection = this.take(); connection !== undefined; connection = this.take()) connection.destroy();
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #expire(): void {
    const now = this.#clock.now();
    const kept = this.#kept.findIndex(({ until }) => until > now);
    for (const { connection, unwatch } of this.#kept.splice(0, kept === -1 ? this.#kept.length : kept)) {
      unwatch();
      connection.destroy();
    }
    const [first] = this.#kept;
    this.#timer = first && this.#clock.after(Math.max(1, Math.ceil(first.until - now)), () => this.#expire());
  }
}
