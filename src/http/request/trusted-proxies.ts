// Finds out who a request comes from: the other end of the connection, or whom a trusted proxy
// there speaks for.

import type { IncomingMessage } from 'node:http';
import { isIP, type Socket } from 'node:net';
import type { TrustedPeer } from '../../config/trusted-peer.ts';
import { type Peer, plainAddress } from './peer.ts';
import { TrustedPeers } from './trusted-peers.ts';

/** Proxies in a row that are looked at; more are no chain but an attack, or a mistake. */
const MAX_HOPS = 32;

/**
 * Invariant: what a request says of its client counts only as far as trusted proxies have written
 * it. Each writes behind what came, so X-Forwarded-For is read from its end, up to the first
 * address that is no trusted proxy.
 */
export class TrustedProxies {
  readonly #proxies: TrustedPeers;
  /** Of each connection, whether a trusted proxy is at its other end. */
  readonly #known = new WeakMap<Socket, boolean>();

  constructor(trusted: readonly TrustedPeer[]) {
    this.#proxies = new TrustedPeers(trusted);
  }

  /** The client, as far as it is known. */
  of(request: IncomingMessage): Peer {
    const { socket } = request;
    if (!this.#proxies.any || !this.#trusts(socket)) return socket;
    const { hops, client } = this.#clientIn(listIn(request, 'x-forwarded-for'));
    const protos = listIn(request, 'x-forwarded-proto');
    // Where each proxy adds what it saw, the one that saw the client is as far from the end as the
    // client's address.
    const proto = protos[Math.max(0, protos.length - 1 - hops)]?.toLowerCase();
    const known = proto === 'http' || proto === 'https' ? proto : undefined;
    return {
      proxied: true,
      remoteAddress: client?.address ?? socket.remoteAddress,
      remotePort: client === undefined ? socket.remotePort : client.port,
      localAddress: socket.localAddress,
      localPort: known === undefined ? socket.localPort : known === 'https' ? 443 : 80,
      https: known === 'https',
    };
  }

  /**
   * @returns the client, and how many trusted proxies stand between it and the one that is
   *   connected
   */
  #clientIn(list: readonly string[]): { readonly hops: number; readonly client: Client | undefined } {
    let client: Client | undefined;
    let hops = 0;
    for (let at = list.length - 1; at >= 0 && hops < MAX_HOPS; at -= 1) {
      const next = parseClient(list[at] ?? '');
      // Whoever wrote this does not say who it was: the one before is the last of whom anything is
      // known.
      if (next === undefined) break;
      hops = list.length - 1 - at;
      client = next;
      if (!this.#proxies.has(next.address)) break;
    }
    return { hops, client };
  }

  #trusts(socket: Socket): boolean {
    let trusted = this.#known.get(socket);
    if (trusted === undefined) {
      trusted = this.#proxies.isBehind(socket);
      this.#known.set(socket, trusted);
    }
    return trusted;
  }
}

interface Client {
  readonly address: string;
  readonly port: number | undefined;
}

/** `192.0.2.1`, `2001:db8::1`, or in brackets, with a port or without. */
function parseClient(text: string): Client | undefined {
  const [, inBrackets, plain, digits] = /^(?:\[([^\]]*)\]|(\d+\.\d+\.\d+\.\d+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const address = plainAddress(inBrackets ?? plain ?? text);
  // A zone (`%eth0`) means something on one machine only.
  if (isIP(address) === 0 || address.includes('%')) return undefined;
  const port = Number(digits);
  return { address, port: port > 0 && port <= 65_535 ? port : undefined };
}

/** The elements of a field that may come several times. */
function listIn({ rawHeaders }: IncomingMessage, name: string): readonly string[] {
  const values: string[] = [];
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    if (rawHeaders[at]?.toLowerCase() === name) values.push(rawHeaders[at + 1] ?? '');
  }
  return values.length === 0
    ? []
    : values
        .join(',')
        .split(',')
        .map((value) => value.trim());
}
