// The public listeners, each with a server of its own: which are open, and how a new set takes the
// place of the old one.

import type { ListenAddress } from '../core/address.ts';
import type { PublicServer } from '../http/server/server.ts';
import type { Listener } from '../listen/bind.ts';
import type { ListenPlaces } from './inherited.ts';

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
  /** By the address that was asked for. */
  #open: ReadonlyMap<string, PublicServer> = new Map();
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
    return [...this.#open.values()].flatMap((server) => server.listeners);
  }

  /** Requests that are not finished. */
  get active(): number {
    return this.#all().reduce((sum, server) => sum + server.active, 0);
  }

  /**
   * Opens what is not open yet; nothing is closed before `commit`. An address that stays keeps its
   * listener.
   * @throws ListenError, and then nothing has changed
   */
  async prepare(addresses: readonly ListenAddress[], places: ListenPlaces): Promise<PublicListenerChange> {
    const next = new Map<string, PublicServer>();
    const added: PublicServer[] = [];
    const rollback = (): void => {
      // Clients may have connected already.
      for (const server of added) void this.#close(server);
    };
    try {
      for (const address of addresses) {
        if (next.has(address.text)) continue;
        const present = this.#open.get(address.text);
        if (present !== undefined) {
          next.set(address.text, present);
          continue;
        }
        const server = this.#make();
        added.push(server);
        for (const place of places(address)) await server.listen(place);
        next.set(address.text, server);
      }
    } catch (error) {
      rollback();
      throw error;
    }
    return {
      rollback,
      commit: async () => {
        const kept = new Set(next.values());
        const unwanted = [...this.#open.values()].filter((server) => !kept.has(server));
        this.#open = next;
        await Promise.all(unwanted.map((server) => this.#close(server)));
      },
    };
  }

  /** Calls `act` with every server, those that are closing too. */
  each(act: (server: PublicServer) => void): void {
    for (const server of this.#all()) act(server);
  }

  /**
   * Stops accepting and resolves when every request has been answered and every client connection
   * is closed.
   */
  async close(): Promise<void> {
    const servers = this.#all();
    this.#open = new Map();
    await Promise.all(servers.map((server) => this.#close(server)));
  }

  /** Cuts every client connection. */
  destroy(): void {
    for (const server of this.#all()) server.destroy();
  }

  async #close(server: PublicServer): Promise<void> {
    this.#closing.add(server);
    await server.close();
    this.#closing.delete(server);
  }

  #all(): readonly PublicServer[] {
    return [...new Set([...this.#open.values(), ...this.#closing])];
  }
}
