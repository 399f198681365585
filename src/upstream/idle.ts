// The kept connections of one upstream that carry no exchange at the moment.

import type { Clock, Timer } from '../core/clock.ts';
import type { Connection, ConnectionUser } from './connection.ts';

interface Kept {
  readonly connection: Connection;
  readonly timer: Timer;
}

/**
 * The most recently used connection is taken first, so that the others reach the idle limit and close.
 * Bytes nobody asked for on an idle connection would be taken for the next answer (response poisoning): they kill it.
 */
export class IdleConnections {
  readonly #clock: Clock;
  readonly #limit: number;
  readonly #kept: Kept[] = [];

  /** @param limit ms that a connection may stay idle */
  constructor(clock: Clock, limit: number) {
    this.#clock = clock;
    this.#limit = limit;
  }

  get size(): number {
    return this.#kept.length;
  }

  put(connection: Connection): void {
    const discard = (): void => {
      const at = this.#kept.indexOf(kept);
      if (at !== -1) this.#kept.splice(at, 1);
      kept.timer.cancel();
      connection.destroy();
    };
    const kept: Kept = { connection, timer: this.#clock.after(this.#limit, discard) };
    const watcher: ConnectionUser = { data: discard, drained: () => undefined, closed: discard };
    connection.use(watcher);
    this.#kept.push(kept);
  }

  take(): Connection | undefined {
    const kept = this.#kept.pop();
    kept?.timer.cancel();
    return kept?.connection;
  }

  closeAll(): void {
    while (this.#kept.length > 0) this.take()?.destroy();
  }
}
