// The public listeners, one door each: which of them are open, and how a new set takes the place of
// the old one.

import type { ListenAddress } from '../core/address.ts';
import type { PublicServer } from '../http/server/server.ts';
import type { Listener } from '../listen/bind.ts';
import type { ListenPlaces } from './inherited.ts';

interface OpenDoor {
  readonly door: PublicServer;
}

/**
 * Listeners that are ready to take the place of the present ones. Exactly one of the two must be
 * called.
 */
export interface PublicListenerChange {
  /** Those no longer wanted are closed gracefully; resolves when the last client has left them. */
  commit(): Promise<void>;
  rollback(): void;
}

export class PublicListeners {
  readonly #make: () => PublicServer;
  #open = new Map<string, OpenDoor>();
  /** No longer wanted, but not empty yet. */
  readonly #closing = new Set<PublicServer>();

  constructor(make: () => PublicServer) {
    this.#make = make;
  }

  /** The addresses that are listened on, as they became. */
  get addresses(): readonly string[] {
    return this.listeners.map(({ text }) => text);
  }

  get listeners(): readonly Listener[] {
    return [...this.#open.values()].flatMap(({ door }) => door.listeners);
  }

  /** Requests that are not finished. */
  get active(): number {
    return this.#all().reduce((sum, door) => sum + door.active, 0);
  }

  /**
   * Opens what is not open yet; nothing is closed before `commit`. An address that stays keeps its
   * listener.
   * @throws ListenError, and then nothing has changed
   */
  async prepare(addresses: readonly ListenAddress[], places: ListenPlaces): Promise<PublicListenerChange> {
    const next = new Map<string, OpenDoor>();
    const added: PublicServer[] = [];
    const rollback = (): void => {
      // Somebody may have come already.
      for (const door of added) void this.#close(door);
    };
    try {
      for (const address of addresses) {
        if (next.has(address.text)) continue;
        const present = this.#open.get(address.text);
        if (present !== undefined) {
          next.set(address.text, present);
          continue;
        }
        const door = this.#make();
        added.push(door);
        for (const place of places(address)) await door.listen(place);
        next.set(address.text, { door });
      }
    } catch (error) {
      rollback();
      throw error;
    }
    return {
      rollback,
      commit: async () => {
        const kept = new Set([...next.values()].map(({ door }) => door));
        const unwanted = [...this.#open.values()].flatMap(({ door }) => (kept.has(door) ? [] : [door]));
        this.#open = next;
        await Promise.all(unwanted.map((door) => this.#close(door)));
      },
    };
  }

  /** Says something to every door, those that are closing too. */
  each(tell: (door: PublicServer) => void): void {
    for (const door of this.#all()) tell(door);
  }

  /**
   * Stops accepting and resolves when every request has been answered and every client connection
   * is closed.
   */
  async close(): Promise<void> {
    const doors = this.#all();
    this.#open = new Map();
    await Promise.all(doors.map((door) => this.#close(door)));
  }

  /** Cuts every client connection. */
  destroy(): void {
    for (const door of this.#all()) door.destroy();
  }

  async #close(door: PublicServer): Promise<void> {
    this.#closing.add(door);
    await door.close();
    this.#closing.delete(door);
  }

  #all(): readonly PublicServer[] {
    return [...new Set([...[...this.#open.values()].map(({ door }) => door), ...this.#closing])];
  }
}
