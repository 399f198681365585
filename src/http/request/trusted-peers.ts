// Whether a client is one of those whose word counts.

import { BlockList, isIP, type Socket } from 'node:net';
import type { TrustedPeer } from '../../config/trusted-peer.ts';
import { plainAddress } from './peer.ts';

export class TrustedPeers {
  /** Whether there are any. */
  readonly any: boolean;
  readonly #networks = new BlockList();
  readonly #unix: boolean;

  constructor(peers: readonly TrustedPeer[]) {
    this.any = peers.length > 0;
    this.#unix = peers.some(({ kind }) => kind === 'unix');
    for (const peer of peers) if (peer.kind === 'network') this.#networks.addSubnet(peer.address, peer.prefix, peer.family);
  }

  /** @param address of IPv4 or IPv6 */
  has(address: string): boolean {
    return this.#networks.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
  }

  /** Whether one of them is at the other end. */
  isBehind({ remoteAddress, destroyed }: Socket): boolean {
    // A TCP connection that has gone has no address either.
    return remoteAddress === undefined ? this.#unix && !destroyed : this.has(plainAddress(remoteAddress));
  }
}
