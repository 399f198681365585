// The operator's listeners: opened where the settings say, and changed while the program runs.

import { defaultAdminAddresses } from '../admin/default-addresses.ts';
import type { LivePage } from '../admin/live-page.ts';
import { RefusalLog } from '../admin/refusal-log.ts';
import { type AdminFacts, AdminServer, type AdminServerDeps } from '../admin/server.ts';
import type { AdminSettings } from '../config/settings.ts';
import type { ListenAddress } from '../core/address.ts';
import type { Clock } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import type { Secret } from '../core/secret.ts';
import type { Listener } from '../listen/bind.ts';
import { ListenError } from '../listen/listen-error.ts';
import type { ListenPlaces } from './inherited.ts';

/**
 * Listeners that are ready to take the place of the present ones. Exactly one of the two must be
 * called.
 */
export interface AdminListenerChange {
  /** The addresses that will be listened on, as they became. */
  readonly addresses: readonly string[];
  commit(): Promise<void>;
  rollback(): Promise<void>;
}

export class AdminListeners {
  readonly #facts: AdminFacts;
  readonly #log: Log;
  readonly #deps: AdminServerDeps;
  readonly #refusals: RefusalLog;
  /** By the address that was asked for; several where that means several sockets of systemd. */
  #open: ReadonlyMap<string, readonly AdminServer[]> = new Map();
  /**
   * No longer wanted; requests that came there are still answered, the reload that closes it among
   * them.
   */
  readonly #closing = new Set<AdminServer>();

  constructor(
    facts: AdminFacts,
    {
      log,
      clock,
      livePage,
      token,
    }: { readonly log: Log; readonly clock: Clock; readonly livePage: LivePage; readonly token: () => Secret | undefined },
  ) {
    this.#facts = facts;
    this.#log = log;
    this.#refusals = new RefusalLog(log, clock);
    this.#deps = { livePage, token, refused: (fields) => this.#refusals.refused(fields) };
  }

  /** The addresses that are listened on, as they became. */
  get addresses(): readonly string[] {
    return this.listeners.map(({ text }) => text);
  }

  get listeners(): readonly Listener[] {
    return this.#servers().flatMap((server) => server.listeners);
  }

  /**
   * Opens what is not open yet. A default address in use is a warning: the operator did not ask for
   * it, and another fcgi-lb may have it.
   * @throws ListenError for an address that was asked for, and then nothing has changed
   */
  async prepare(settings: AdminSettings, places: ListenPlaces): Promise<AdminListenerChange> {
    const next = new Map<string, readonly AdminServer[]>();
    const added: AdminServer[] = [];
    const close = async (servers: readonly AdminServer[]): Promise<void> => {
      await Promise.all(servers.map((server) => this.#close(server)));
    };
    for (const address of addressesOf(settings)) {
      const present = this.#open.get(address.text);
      if (present !== undefined) {
        next.set(address.text, present);
        continue;
      }
      try {
        const servers: AdminServer[] = [];
        for (const place of places(address)) {
          const server = new AdminServer(this.#facts, this.#deps);
          added.push(server);
          await server.listen(place);
          servers.push(server);
        }
        next.set(address.text, servers);
      } catch (error) {
        if (error instanceof ListenError && settings.kind === 'default') {
          this.#log.warn({ admin: address.text }, `${error.message}; going on without it (--admin sets another address)`);
          await added.pop()?.close();
          continue;
        }
        await close(added);
        throw error;
      }
    }
    return {
      addresses: [...next.values()].flat().flatMap(({ listeners }) => listeners.map(({ text }) => text)),
      rollback: () => close(added),
      commit: async () => {
        const kept = new Set([...next.values()].flat());
        const unwanted = this.#servers().filter((server) => !kept.has(server));
        this.#open = next;
        await close(unwanted);
      },
    };
  }

  /** Closes all, once what was asked has been answered. */
  async close(): Promise<void> {
    const servers = this.#servers();
    this.#open = new Map();
    await Promise.all(servers.map((server) => this.#close(server)));
    this.#refusals.end();
  }

  /** Resolves when every change that was asked for so far has been answered. */
  async told(): Promise<void> {
    await Promise.all([...this.#servers(), ...this.#closing].map((server) => server.told()));
  }

  /** Closes all; clients that are still connected are cut off. */
  async destroy(): Promise<void> {
    const servers = [...this.#servers(), ...this.#closing];
    this.#open = new Map();
    await Promise.all(servers.map((server) => server.destroy()));
    this.#refusals.end();
  }

  async #close(server: AdminServer): Promise<void> {
    this.#closing.add(server);
    await server.close();
    this.#closing.delete(server);
  }

  #servers(): readonly AdminServer[] {
    return [...this.#open.values()].flat();
  }
}

function addressesOf(settings: AdminSettings): readonly ListenAddress[] {
  switch (settings.kind) {
    case 'off':
      return [];
    case 'addresses':
      return settings.addresses;
    case 'default':
      return defaultAdminAddresses(process.getuid?.(), process.env);
  }
}
