// The listening sockets that this process was started with, from systemd or from the old process of
// an upgrade: which address uses which.

import { closeSync } from 'node:fs';
import type { ServerSettings } from '../config/settings.ts';
import type { Address, ListenAddress } from '../core/address.ts';
import type { InheritedSocket } from '../listen/bind.ts';
import { KeptSocket } from '../listen/kept-socket.ts';
import type { Inherited } from '../listen/listen.ts';
import { ListenError } from '../listen/listen-error.ts';
import { removeOwn } from '../listen/socket-file.ts';

/**
 * What to listen on for an address: more than one socket when systemd passes them. @throws
 * ListenError
 */
export type ListenPlaces = (address: ListenAddress) => readonly (Address | Inherited)[];

/** A socket of systemd. */
interface Passed {
  readonly socket: InheritedSocket & { readonly fdName: string };
  readonly kept: KeptSocket;
}

export class InheritedSockets {
  /**
   * Sockets of the old process that no address has asked for yet. An address that goes takes its
   * socket with it.
   */
  readonly #own: Set<InheritedSocket>;
  /** Sockets of systemd, which are kept for any configuration to come. */
  readonly #passed: readonly Passed[];
  readonly #absent: string;
  #entitled = false;

  /** @param absent why systemd passed nothing, in words that follow "because" */
  constructor(sockets: readonly InheritedSocket[], absent = 'systemd passed no sockets') {
    this.#own = new Set(sockets.filter(({ fdName }) => fdName === undefined));
    this.#passed = sockets.flatMap((socket) => {
      const { fd, fdName } = socket;
      return fdName === undefined ? [] : [{ socket: { ...socket, fdName }, kept: new KeptSocket(fd) }];
    });
    this.#absent = absent;
  }

  /**
   * Tells what to listen on for each address of a configuration. Sockets that systemd passed are
   * taken by their names, when no server serves on them; `systemd` alone means all that no other
   * address of that configuration names.
   */
  placesFor({ listen, admin }: Pick<ServerSettings, 'listen' | 'admin'>): ListenPlaces {
    const all = [...listen, ...(admin.kind === 'addresses' ? admin.addresses : [])];
    const named = new Set(all.flatMap((address) => (address.kind === 'systemd' ? (address.name ?? []) : [])));
    const given = new Set<Passed>();
    return (address) => {
      if (address.kind !== 'systemd') return [this.#ownFor(address) ?? address];
      const free = this.#passed.filter((each) => !each.kept.served && !given.has(each));
      const found = free.filter(({ socket: { fdName } }) =>
        address.name === undefined ? !named.has(fdName) : fdName === address.name,
      );
      if (found.length === 0) throw new ListenError(`cannot listen on ${address.text}: ${this.#reason()}`);
      for (const each of found) given.add(each);
      return found.map(({ socket, kept }) => this.#place(socket, kept));
    };
  }

  /** Sockets on which no server serves. A new process may have an address for them. */
  get left(): readonly InheritedSocket[] {
    return [...this.#own, ...this.#passed.flatMap(({ socket, kept }) => (kept.served ? [] : [socket]))];
  }

  /**
   * The process that opened the sockets serves no more: their files are this one's now, and what no
   * address asked for is closed. Clients that connect to it would wait for an answer that never
   * comes. systemd keeps its own: one that no address uses is the operator's to remove.
   * @returns the addresses of what was closed
   */
  takeOver(): readonly string[] {
    this.#entitled = true;
    const closed = [...this.#own];
    this.#own.clear();
    for (const socket of closed) {
      if (socket.file !== undefined) removeOwn(socket.file.path, socket.file);
      closeSync(socket.fd);
    }
    return closed.map(({ text }) => text);
  }

  /** The process ends, or another one serves: nothing is kept for configurations to come. */
  end(): void {
    for (const { kept } of this.#passed) kept.end();
  }

  #ownFor(address: Address): Inherited | undefined {
    const found = [...this.#own].find(({ asked }) => asked === address.text);
    if (found === undefined) return undefined;
    this.#own.delete(found);
    return this.#place(found, undefined);
  }

  #place(socket: InheritedSocket, kept: KeptSocket | undefined): Inherited {
    return { ...socket, kind: 'inherited', mayRemove: () => this.#entitled, kept };
  }

  #reason(): string {
    if (this.#passed.length === 0) return this.#absent;
    const names = this.#passed.map(({ socket: { fdName }, kept }) => (kept.served ? `${fdName} (in use)` : fdName));
    return `systemd passed no socket of that name that is still free; it passed ${names.join(', ')}`;
  }
}
