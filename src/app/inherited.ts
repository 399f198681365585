// The listening sockets that this process was started with, from systemd or from the process it succeeds: each is used once.

import { closeSync } from 'node:fs';
import type { ServerSettings } from '../config/settings.ts';
import type { Address, ListenAddress } from '../core/address.ts';
import { type Handover, type Inherited, ListenError } from '../core/listen.ts';
import { removeOwn } from '../core/socket-file.ts';

/** What to listen on for an address: more than one socket when systemd passes them. @throws ListenError */
export type Places = (address: ListenAddress) => readonly (Address | Inherited)[];

export class InheritedSockets {
  readonly #left: Set<Handover>;
  readonly #absent: string;
  #entitled = false;

  /** @param absent why systemd passed nothing, in words that follow "because" */
  constructor(sockets: readonly Handover[], absent = 'systemd passed no sockets') {
    this.#left = new Set(sockets);
    this.#absent = absent;
  }

  /**
   * Tells what to listen on for each address of a configuration. Sockets that systemd passed are taken by their names;
   * `systemd` alone means all that no other address of that configuration names.
   */
  placesFor({ listen, admin }: Pick<ServerSettings, 'listen' | 'admin'>): Places {
    const all = [...listen, ...(admin.kind === 'addresses' ? admin.addresses : [])];
    const named = new Set(all.flatMap((address) => (address.kind === 'systemd' ? (address.name ?? []) : [])));
    return (address) => this.#places(address, named);
  }

  /** Sockets that no address has asked for. A successor may have an address for them. */
  get left(): readonly Handover[] {
    return [...this.#left];
  }

  /**
   * The process that opened the sockets serves no more: their files are this one's now, and what no address asked for is
   * closed. Clients that connect to it would wait for an answer that nobody gives.
   * @returns the addresses of what was closed
   */
  takeOver(): readonly string[] {
    this.#entitled = true;
    const closed: string[] = [];
    for (const socket of this.#left) {
      // systemd keeps its own: it is for the operator to say why there is one too many.
      if (socket.fdName !== undefined) continue;
      this.#left.delete(socket);
      if (socket.file !== undefined) removeOwn(socket.file.path, socket.file);
      closeSync(socket.fd);
      closed.push(socket.text);
    }
    return closed;
  }

  /** @throws ListenError when systemd passed no such socket */
  #places(address: ListenAddress, named: ReadonlySet<string>): readonly (Address | Inherited)[] {
    if (address.kind !== 'systemd') {
      const [found] = this.#take(({ fdName, asked }) => fdName === undefined && asked === address.text);
      return [found ?? address];
    }
    const taken = this.#take(({ fdName }) =>
      address.name === undefined ? fdName !== undefined && !named.has(fdName) : fdName === address.name,
    );
    if (taken.length > 0) return taken;
    const names = [...this.#left].flatMap(({ fdName }) => fdName ?? []);
    const reason =
      names.length > 0 ? `systemd passed no socket of that name that is still free; it passed ${names.join(', ')}` : this.#absent;
    throw new ListenError(`cannot listen on ${address.text}: ${reason}`);
  }

  #take(wanted: (socket: Handover) => boolean): readonly Inherited[] {
    const found = [...this.#left].filter(wanted);
    for (const socket of found) this.#left.delete(socket);
    return found.map((socket) => ({ ...socket, kind: 'inherited', mayRemove: () => this.#entitled }));
  }
}
