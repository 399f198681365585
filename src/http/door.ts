// The public door: accepts clients, hands each request to a transaction, and closes without cutting anybody off.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { Server as NetServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Address } from '../core/address.ts';
import type { Clock } from '../core/clock.ts';
import { systemCode } from '../core/errors.ts';
import { listenOn } from '../core/listen.ts';
import type { Log } from '../core/log.ts';
import type { AccessLog } from './access-log.ts';
import { rawErrorPage } from './error-page.ts';
import { HeaderReader } from './request-headers.ts';
import type { Route } from './route.ts';
import { Transaction, type TransactionContext } from './transaction.ts';

export interface DoorSettings {
  /** Bytes of a request's head. */
  readonly maxHeader: number;
  /** ms that a client may take for the head of a request. */
  readonly headerTimeout: number;
  /** ms that a kept client connection may stay idle. */
  readonly keepAliveTimeout: number;
}

/**
 * ms for which kept client connections stay open when the door closes: a request that is on its way at this moment is
 * still answered, with `Connection: close`, instead of meeting a closed socket.
 */
const LAST_REQUESTS = 500;

const STATUS_OF_PARSE_ERROR: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};

export class Door {
  readonly #settings: DoorSettings;
  readonly #clock: Clock;
  readonly #context: TransactionContext;
  readonly #route: (request: IncomingMessage) => Route;
  readonly #servers: Server[] = [];
  /** The open transactions of each client connection: several when requests are pipelined. */
  readonly #connections = new Map<Duplex, Set<Transaction>>();
  #active = 0;
  #closing = false;
  #onQuiet: (() => void) | undefined;

  /** @param route the route of a request, from the generation that is current when it arrives */
  constructor(
    settings: DoorSettings,
    around: { readonly clock: Clock; readonly log: Log; readonly accessLog: AccessLog | undefined },
    route: (request: IncomingMessage) => Route,
  ) {
    this.#settings = settings;
    this.#clock = around.clock;
    this.#route = route;
    this.#context = {
      ...around,
      headerReader: new HeaderReader(),
      methodOf: (request) => request.method ?? '',
      closed: (transaction) => this.#closed(transaction),
    };
  }

  /** Requests that are not finished. */
  get active(): number {
    return this.#active;
  }

  /**
   * Starts to accept on one more address.
   * @returns the address as it became (a port of 0 is filled in)
   * @throws ListenError
   */
  async listen(address: Address): Promise<string> {
    const server = this.#createServer();
    const became = await listenOn(server, address);
    this.#servers.push(server);
    return became;
  }

  /**
   * Stops accepting and resolves when every request has been answered and every client connection is closed.
   * Kept connections learn of it from `Connection: close` on their next answer, or are closed a moment later.
   */
  async close(): Promise<void> {
    this.#closing = true;
    const closed = this.#servers.map(
      (server) =>
        new Promise<void>((resolve) => {
          // http.Server's own close would cut kept connections at once, with requests on their way to us.
          NetServer.prototype.close.call(server, () => resolve());
        }),
    );
    await this.#quiet();
    if (this.#connections.size > 0) {
      await new Promise<void>((resolve) => {
        const timer = this.#clock.after(LAST_REQUESTS, resolve);
        void Promise.all(closed).then(() => {
          timer.cancel();
          resolve();
        });
      });
    }
    for (;;) {
      // Not closeIdleConnections: it spares connections on which nothing was ever sent.
      for (const [socket, open] of this.#connections) if (open.size === 0) socket.destroy();
      if (this.#active === 0) break;
      await this.#quiet();
    }
    await Promise.all(closed);
  }

  /** Cuts every client connection. */
  destroy(): void {
    for (const server of this.#servers) server.closeAllConnections();
  }

  #createServer(): Server {
    const { maxHeader, headerTimeout, keepAliveTimeout } = this.#settings;
    const server = createServer({
      maxHeaderSize: maxHeader,
      headersTimeout: headerTimeout,
      keepAliveTimeout,
      // The body has an idle limit of its own; a total one would cut honest slow uploads.
      requestTimeout: 0,
      connectionsCheckingInterval: 5000,
    });
    // The size of the head is bounded; a bound on the count would drop headers silently.
    server.maxHeadersCount = 0;
    server.on('connection', (socket) => this.#accepted(socket));
    server.on('request', (request, response) => this.#handle(request, response, undefined));
    server.on('checkContinue', (request, response) => this.#handle(request, response, () => response.writeContinue()));
    server.on('connect', (_request, socket) => socket.end(rawErrorPage(405)));
    server.on('clientError', (error, socket) => this.#badRequest(error, socket));
    return server;
  }

  #accepted(socket: Socket): void {
    this.#connections.set(socket, new Set());
    socket.on('close', () => {
      const open = this.#connections.get(socket);
      this.#connections.delete(socket);
      // node:http tells only the response in turn that its connection has gone, not those pipelined behind it.
      for (const transaction of open ?? []) transaction.close();
    });
  }

  #handle(request: IncomingMessage, response: ServerResponse, sendContinue: (() => void) | undefined): void {
    if (this.#closing) response.shouldKeepAlive = false;
    const transaction = new Transaction(this.#context, this.#route(request), request, response);
    this.#active += 1;
    this.#connections.get(request.socket)?.add(transaction);
    transaction.run(sendContinue);
  }

  #closed(transaction: Transaction): void {
    this.#connections.get(transaction.socket)?.delete(transaction);
    this.#active -= 1;
    if (this.#active === 0) this.#onQuiet?.();
  }

  /** Resolves when no request is open. */
  async #quiet(): Promise<void> {
    if (this.#active === 0) return;
    await new Promise<void>((resolve) => {
      this.#onQuiet = resolve;
    });
  }

  /** What came is no HTTP request, or not in time. */
  #badRequest(error: Error, socket: Duplex): void {
    const code = systemCode(error) ?? '';
    const answering = (this.#connections.get(socket)?.size ?? 0) > 0;
    // A page in the middle of another answer would be taken for part of it.
    if (!socket.writable || answering || code === 'ECONNRESET' || code === 'EPIPE') {
      socket.destroy();
      return;
    }
    const status = STATUS_OF_PARSE_ERROR[code] ?? 400;
    this.#context.log.debug({ code, status, error: error.message }, 'refused a request that could not be read');
    socket.end(rawErrorPage(status));
  }
}
