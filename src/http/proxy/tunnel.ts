// Carries bytes both ways between a client and an upstream that have changed to a protocol of their
// own.

import type { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Clock } from '../../core/clock.ts';
import { WEBSOCKET } from '../server/protocol-upgrade.ts';
import { ReplayedConnection } from '../server/replayed-connection.ts';

/** ms that one side may take for the last bytes of the other when the conversation is over. */
const LAST_BYTES = 5000;
/**
 * ms of silence after which the kernel asks whether the other machine is still there: an idle
 * tunnel has no other limit.
 */
const KEEPALIVE = 60_000;

/** The status of an answer after which HTTP is over (RFC 9110 15.2.2). */
export const SWITCHING = 101;

/**
 * Tells the client that its protocol has changed, and joins it to the upstream.
 * @param request whose connection was taken over when it asked
 * @param headers names and values in turn: what the upstream said of the new protocol
 * @param first bytes that the upstream sent already
 */
export function openTunnel(
  request: IncomingMessage,
  headers: readonly string[],
  upstream: Duplex,
  first: Buffer,
  clock: Clock,
): Tunnel {
  const connection: Duplex = request.socket;
  if (!(connection instanceof ReplayedConnection)) throw new Error('a client that asked for nothing cannot be upgraded');
  const client = connection.detach();
  const lines = [`HTTP/1.1 ${SWITCHING} Switching Protocols`, 'Connection: Upgrade', `Upgrade: ${WEBSOCKET}`];
  for (let i = 0; i + 1 < headers.length; i += 2) {
    if (headers[i]?.toLowerCase() !== 'content-length') lines.push(`${headers[i]}: ${headers[i + 1]}`);
  }
  client.write(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
  const tunnel = new Tunnel(client, upstream, clock);
  tunnel.start(first);
  return tunnel;
}

/**
 * Invariant: both sockets are closed within `LAST_BYTES` of the moment when one of them ended,
 * broke or closed.
 */
export class Tunnel {
  readonly #client: Duplex;
  readonly #upstream: Duplex;
  readonly #clock: Clock;
  #sent = 0;
  #over = false;

  constructor(client: Duplex, upstream: Duplex, clock: Clock) {
    this.#client = client;
    this.#upstream = upstream;
    this.#clock = clock;
  }

  /** Bytes that went to the client. */
  get sent(): number {
    return this.#sent;
  }

  /** @param first bytes of the upstream, before all others */
  start(first: Buffer): void {
    const [client, upstream] = [this.#client, this.#upstream];
    if (first.length > 0) upstream.unshift(first);
    upstream.on('data', (chunk: Buffer) => {
      this.#sent += chunk.length;
    });
    for (const side of [client, upstream]) {
      if (side instanceof Socket) side.setKeepAlive(true, KEEPALIVE);
      side.on('error', () => undefined);
      for (const event of ['end', 'close'] as const) side.on(event, () => this.#end());
    }
    client.pipe(upstream, { end: false });
    upstream.pipe(client, { end: false });
  }

  /** One side has ended: the other still gets what it said, and then both are closed. */
  #end(): void {
    if (this.#over) return;
    this.#over = true;
    const sides = [this.#client, this.#upstream];
    let open = sides.filter((side) => !side.closed).length;
    if (open === 0) return;
    const timer = this.#clock.after(LAST_BYTES, () => {
      for (const side of sides) side.destroy();
    });
    this.#client.unpipe(this.#upstream);
    this.#upstream.unpipe(this.#client);
    for (const side of sides) {
      side.once('close', () => {
        open -= 1;
        if (open === 0) timer.cancel();
      });
      side.end(() => side.destroy());
      side.resume();
    }
  }
}
