// The operator's listeners: opened where the settings say, and changed while the program runs.

import { join } from 'node:path';
import { type AdminFacts, AdminServer } from '../admin/server.ts';
import type { AdminSettings } from '../config/settings.ts';
import { type Address, parseAddress } from '../core/address.ts';
import { ListenError } from '../core/listen.ts';
import type { Log } from '../core/log.ts';

interface OpenDoor {
  readonly server: AdminServer;
  /** The address as it became. */
  readonly became: string;
}

/** Listeners that are ready to take the place of the present ones. Exactly one of the two must be called. */
export interface AdminChange {
  commit(): Promise<void>;
  rollback(): Promise<void>;
}

export class AdminDoors {
  readonly #facts: AdminFacts;
  readonly #log: Log;
  #open: ReadonlyMap<string, OpenDoor> = new Map();

  constructor(facts: AdminFacts, log: Log) {
    this.#facts = facts;
    this.#log = log;
  }

  /** The addresses that are listened on, as they became. */
  get addresses(): readonly string[] {
    return [...this.#open.values()].map(({ became }) => became);
  }

  /**
   * Opens what is not open yet. A default address in use is a warning: nobody asked for it, and another fcgi-lb may have it.
   * @throws ListenError for an address that was asked for, and then nothing has changed
   */
  async prepare(settings: AdminSettings): Promise<AdminChange> {
    const next = new Map<string, OpenDoor>();
    const added: AdminServer[] = [];
    const close = async (servers: readonly AdminServer[]): Promise<void> => {
      await Promise.all(servers.map((server) => server.close()));
    };
    for (const address of addressesOf(settings)) {
      const present = this.#open.get(address.text);
      if (present !== undefined) {
        next.set(address.text, present);
        continue;
      }
      const server = new AdminServer(this.#facts);
      added.push(server);
      try {
        next.set(address.text, { server, became: await server.listen(address) });
      } catch (error) {
        if (error instanceof ListenError && settings.kind === 'default') {
          this.#log.warn({ admin: address.text }, `${error.message}; going on without it (--admin sets another address)`);
          added.pop();
          await server.close();
          continue;
        }
        await close(added);
        throw error;
      }
    }
    return {
      rollback: () => close(added),
      commit: async () => {
        const kept = new Set([...next.values()].map(({ server }) => server));
        const unwanted = [...this.#open.values()].flatMap(({ server }) => (kept.has(server) ? [] : [server]));
        this.#open = next;
        await close(unwanted);
      },
    };
  }

  async close(): Promise<void> {
    const servers = [...this.#open.values()].map(({ server }) => server);
    this.#open = new Map();
    await Promise.all(servers.map((server) => server.close()));
  }
}

function addressesOf(settings: AdminSettings): readonly Address[] {
  switch (settings.kind) {
    case 'off':
      return [];
    case 'addresses':
      return settings.addresses;
    case 'default': {
      const tcp = parseAddress('127.0.0.1:9180');
      const runtime = process.getuid?.() === 0 ? '/run' : process.env['XDG_RUNTIME_DIR'];
      return runtime === undefined ? [tcp] : [tcp, parseAddress(join(runtime, 'fcgi-lb.sock'))];
    }
  }
}
