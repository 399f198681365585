// How an HTTP server is spoken to: exchanges and kept sockets.

import type { Socket } from 'node:net';
import type { HttpAddress, UpstreamAddress } from '../../core/address.ts';
import type { Purpose, TransportHost } from '../transport/exchange-host.ts';
import { IdleConnections } from '../transport/idle-connections.ts';
import type { ExchangeTimeouts } from '../transport/request.ts';
import { dialHttp } from './dial.ts';
import { HttpExchange, type HttpExchangeHost } from './exchange.ts';
import type { HttpRequest, HttpSink } from './request.ts';

export interface HttpSettings {
  readonly timeouts: ExchangeTimeouts & { readonly connect: number };
  /** ms that a kept socket may stay idle; undefined: sockets are not kept. */
  readonly keepAlive: number | undefined;
}

export class HttpTransport {
  readonly #deps: TransportHost;
  #settings: HttpSettings;
  #idle: IdleConnections<Socket> | undefined;
  readonly #hosts: Readonly<Record<Purpose, HttpExchangeHost>>;

  constructor(address: HttpAddress, settings: HttpSettings, parts: TransportHost) {
    this.#deps = parts;
    this.#settings = settings;
    const { clock, unlimited, answered, gaveUp, heard, gone } = parts;
    this.#idle = this.#shelf();
    const host = (purpose: Purpose): HttpExchangeHost => ({
      name: address.text,
      authority: address.authority,
      clock,
      timeouts: () => this.#settings.timeouts,
      keepsSockets: () => this.#idle !== undefined,
      unlimited,
      dial: (result) => dialHttp(address, this.#settings.timeouts.connect, clock, result),
      shelve: (socket) => {
        if (this.#idle === undefined || !parts.serving()) socket.destroy();
        else this.#idle.put(socket);
      },
      answered: (ms) => answered(ms, purpose),
      gaveUp: (exchange, outcome) => gaveUp(exchange, outcome, purpose),
      heard,
      gone: (exchange, outcome) => gone(exchange, outcome, purpose),
    });
    this.#hosts = { request: host('request'), probe: host('probe') };
  }

  start(request: HttpRequest, sink: HttpSink, purpose: Purpose): HttpExchange {
    const exchange = new HttpExchange(this.#hosts[purpose], request, sink);
    this.#deps.begins(exchange);
    // What must not be repeated goes over a fresh connection: a kept one may have been closed in
    // this very moment.
    exchange.start(request.repeatable && request.upgrade === undefined ? this.#idle?.take() : undefined);
    return exchange;
  }

  closeSpare(): void {
    this.#idle?.closeAll();
  }

  reconfigure(settings: HttpSettings): void {
    const { keepAlive } = this.#settings;
    this.#settings = settings;
    if (settings.keepAlive === keepAlive) return;
    this.#idle?.closeAll();
    this.#idle = this.#shelf();
  }

  #shelf(): IdleConnections<Socket> | undefined {
    const { keepAlive } = this.#settings;
    return keepAlive === undefined ? undefined : new IdleConnections(this.#deps.clock, keepAlive, watch);
  }
}

function watch(socket: Socket, discard: () => void): () => void {
  const events = ['data', 'end', 'close'] as const;
  for (const event of events) socket.on(event, discard);
  return () => {
    for (const event of events) socket.off(event, discard);
  };
}

/**
 * HTTP has no question for the capacity, and HTTP servers queue by themselves: `auto` is no limit
 * there.
 */
export function limitOf(address: UpstreamAddress, maxConns: 'auto' | number): 'auto' | number {
  return address.kind === 'http' && maxConns === 'auto' ? Number.POSITIVE_INFINITY : maxConns;
}
