// The public door: accepts clients, hands each request to a transaction, and closes without cutting
// anybody off.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Address } from '../../core/address.ts';
import type { Clock } from '../../core/clock.ts';
import { DenseSet } from '../../core/dense-set.ts';
import { FAILURES, type FailureCode, systemCode } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';
import { type Inherited, type Listener, listenOn } from '../../listen/listen.ts';
import type { AccessLog } from '../access-log/record.ts';
import { openRequest } from '../handler/open-request.ts';
import type { AnyRoute } from '../handler/route.ts';
import { routeRequest } from '../handler/routed.ts';
import type { SavedLog } from '../handler/saved-log.ts';
import type { OpenRequest, TransactionContext } from '../handler/transaction-context.ts';
import { HeaderReader } from '../request/headers.ts';
import { remoteAddress } from '../request/peer.ts';
import type { RequestIds } from '../request/request-id.ts';
import type { Router } from '../request/router.ts';
import type { TrustedProxies } from '../request/trusted-proxies.ts';
import { sendLastPage } from '../response/error-page.ts';
import { ClientConnection, type Turn } from './client-connection.ts';
import { takeOver } from './custom-method.ts';
import { ordinaryHead, UPGRADES_WITHOUT_BODY, wantedUpgrade } from './protocol-upgrade.ts';
import { ReplayedConnection } from './replayed-connection.ts';

export interface PublicServerSettings {
  /** Bytes of a request's head. */
  readonly maxHeader: number;
  /** ms that a client may take for the head of a request. */
  readonly headerTimeout: number;
  /** ms that a kept client connection may stay idle. */
  readonly keepAliveTimeout: number;
}

/**
 * ms for which kept client connections stay open when the door closes: a request that is on its way
 * at this moment is still answered, with `Connection: close`, instead of meeting a closed socket.
 */
const LAST_REQUESTS = 500;

const PARSE_ERRORS: Readonly<Record<string, FailureCode>> = {
  HPE_HEADER_OVERFLOW: 'FCGI_LB_REQUEST_HEADERS_TOO_LARGE',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 'FCGI_LB_REQUEST_BODY_TOO_LARGE',
  ERR_HTTP_REQUEST_TIMEOUT: 'FCGI_LB_REQUEST_TIMEOUT',
};

export class PublicServer {
  #settings: PublicServerSettings;
  readonly #clock: Clock;
  readonly #context: TransactionContext;
  readonly #router: () => Router<AnyRoute>;
  readonly #servers: Server[] = [];
  readonly #listeners: Listener[] = [];
  readonly #clients = new DenseSet<ClientConnection>();
  /** The client at the other end of each connection that is open. */
  readonly #clientOf = new WeakMap<Duplex, ClientConnection>();
  /** The real method of the first request on a connection that was taken over. */
  readonly #methods = new WeakMap<Duplex, string>();
  /** What the first request on a connection that was taken over asks to change to. */
  readonly #upgrades = new WeakMap<Duplex, string>();
  #active = 0;
  #closing = false;
  #onQuiet: (() => void) | undefined;

  /** @param router the routes of the generation that is current when a request arrives */
  constructor(
    settings: PublicServerSettings,
    deps: {
      readonly clock: Clock;
      readonly log: Log;
      readonly accessLog: () => AccessLog | undefined;
      readonly savedLog: SavedLog;
      readonly requestIds: () => RequestIds;
      readonly proxies: () => TrustedProxies;
    },
    router: () => Router<AnyRoute>,
  ) {
    this.#settings = settings;
    this.#clock = deps.clock;
    this.#router = router;
    const { accessLog, requestIds, proxies } = deps;
    this.#context = {
      clock: deps.clock,
      log: deps.log,
      savedLog: deps.savedLog,
      headerReader: new HeaderReader(),
      get accessLog() {
        return accessLog();
      },
      get requestIds() {
        return requestIds();
      },
      get proxies() {
        return proxies();
      },
    };
  }

  /** Requests that are not finished. */
  get active(): number {
    return this.#active;
  }

  get listeners(): readonly Listener[] {
    return this.#listeners;
  }

  /**
   * Starts to accept on one more address.
   * @throws ListenError
   */
  async listen(place: Address | Inherited): Promise<Listener> {
    const server = this.#createServer();
    const listener = await listenOn(server, place);
    this.#servers.push(server);
    this.#listeners.push(listener);
    return listener;
  }

  /** Other limits hold for connections that are accepted from now on. */
  reconfigure(settings: PublicServerSettings): void {
    this.#settings = settings;
    for (const server of this.#servers) limit(server, settings);
  }

  /**
   * Stops accepting and resolves when every request has been answered and every client connection
   * is closed. Kept connections learn of it from `Connection: close` on their next answer, or are
   * closed a moment later.
   */
  async close(): Promise<void> {
    this.#closing = true;
    const closed = this.#listeners.map((listener) => listener.close());
    await this.#quiet();
    if (this.#clients.size > 0) {
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
      for (const { socket, turns } of this.#clients.all()) if (turns.length === 0) socket.destroy();
      if (this.#active === 0) break;
      await this.#quiet();
    }
    await Promise.all(closed);
  }

  /** Stops accepting and cuts every client connection. */
  destroy(): void {
    for (const listener of this.#listeners) void listener.close();
    for (const { socket } of this.#clients.all()) socket.destroy();
  }

  #createServer(): Server {
    const server = createServer({
      ...UPGRADES_WITHOUT_BODY,
      // The body has an idle limit of its own; a total one would cut honest slow uploads.
      requestTimeout: 0,
      connectionsCheckingInterval: 5000,
    });
    limit(server, this.#settings);
    // The size of the head is bounded; a bound on the count would drop headers silently.
    server.maxHeadersCount = 0;
    server.on('connection', (socket) => this.#accepted(socket));
    server.on('request', (request, response) => this.#handle(request, response, undefined));
    server.on('checkContinue', (request, response) => this.#handle(request, response, () => response.writeContinue()));
    server.on('upgrade', (request, socket, rest) => this.#asksToUpgrade(server, request, socket, rest));
    server.on('connect', (_request, socket) => this.#refuse(socket, 'FCGI_LB_REQUEST_METHOD_REFUSED', 'CONNECT'));
    server.on('clientError', (error, socket) => this.#badRequest(server, error, socket));
    return server;
  }

  #accepted(socket: Duplex): void {
    const client = new ClientConnection(socket, this.#clock);
    this.#clients.add(client);
    this.#clientOf.set(socket, client);
    socket.on('close', () => {
      const open = this.#turnsOf(socket);
      this.#forget(socket);
      // node:http tells only the response in turn that its connection has gone, not those pipelined
      // behind it.
      for (const { transaction } of [...(open ?? [])]) transaction.close();
    });
  }

  /** Undefined once it is closed, or no longer ours. */
  #turnsOf(socket: Duplex): readonly Turn[] | undefined {
    return this.#clientOf.get(socket)?.turns;
  }

  #forget(socket: Duplex): void {
    const client = this.#clientOf.get(socket);
    if (client === undefined) return;
    client.release();
    this.#clientOf.delete(socket);
    this.#clients.delete(client);
  }

  #handle(request: IncomingMessage, response: ServerResponse, sendContinue: (() => void) | undefined): void {
    const custom = this.#methods.get(request.socket);
    const method = custom ?? request.method ?? '';
    const routed = routeRequest(this.#router(), this.#context.headerReader, request, method);
    const upgradable = routed.kind === 'pool' && routed.route.protocol.kind === 'http';
    const upgrade = upgradable ? this.#upgrades.get(request.socket) : undefined;
    this.#upgrades.delete(request.socket);
    if (this.#closing || custom !== undefined || upgrade !== undefined) response.shouldKeepAlive = false;
    const transaction = openRequest(this.#context, routed, request, response, method, upgrade, this.#closed);
    this.#active += 1;
    const client = this.#clientOf.get(request.socket);
    const begin = (): void => transaction.run(sendContinue);
    if (client === undefined) begin();
    else client.add({ transaction, begin });
  }

  /**
   * node:http lets go of a connection whose request asks for another protocol. The request is made
   * an ordinary one again: whether the protocol changes is for an upstream to say, and FastCGI
   * knows of no other.
   */
  #asksToUpgrade(server: Server, request: IncomingMessage, socket: Duplex, rest: Buffer): void {
    const open = this.#turnsOf(socket);
    socket.on('error', () => undefined);
    // Behind other requests: their answers must come first, and nobody sends it before them for a
    // good reason.
    const known = socket instanceof Socket || socket instanceof ReplayedConnection;
    if (!known || open === undefined || open.length > 0) {
      socket.destroy();
      return;
    }
    const connection = new ReplayedConnection(socket, Buffer.concat([ordinaryHead(request), rest]));
    const upgrade = wantedUpgrade(request);
    if (upgrade !== undefined) this.#upgrades.set(connection, upgrade);
    const custom = this.#methods.get(socket);
    if (custom !== undefined) this.#methods.set(connection, custom);
    this.#forget(socket);
    server.emit('connection', connection);
  }

  readonly #closed = (transaction: OpenRequest): void => {
    this.#active -= 1;
    if (this.#active === 0) this.#onQuiet?.();
    this.#clientOf.get(transaction.socket)?.remove(transaction, this.#settings);
  };

  /** Resolves when no request is open. */
  async #quiet(): Promise<void> {
    if (this.#active === 0) return;
    await new Promise<void>((resolve) => {
      this.#onQuiet = resolve;
    });
  }

  /**
   * What came is no HTTP request, or not in time, or has a method that the parser does not know.
   */
  #badRequest(server: Server, error: Error & { readonly rawPacket?: Buffer }, socket: Duplex): void {
    const open = this.#turnsOf(socket);
    const code = systemCode(error) ?? '';
    if (code === 'ERR_HTTP_REQUEST_TIMEOUT' && this.#clientOf.get(socket)?.excusesLateHead() === true) return;
    // Taken over: what its first parser still complains of is nobody's business.
    if (open === undefined && !socket.destroyed) return;
    if (!socket.writable || open === undefined || code === 'ECONNRESET' || code === 'EPIPE') {
      socket.destroy();
      return;
    }
    if (open.length > 0) {
      const [running] = open;
      // A client that ended in the middle of its body has left. A page in the middle of another
      // answer would be taken for part of it.
      const told = code !== 'HPE_INVALID_EOF_STATE' && open.length === 1 && running?.transaction.unreadable(error.message);
      if (told && socket instanceof Socket) socket.destroySoon();
      else socket.destroy();
      return;
    }
    if (code === 'HPE_INVALID_METHOD' && error.rawPacket !== undefined && socket instanceof Socket) {
      const custom = takeOver(socket, error.rawPacket);
      if (custom !== undefined) {
        this.#forget(socket);
        this.#methods.set(custom.connection, custom.method);
        server.emit('connection', custom.connection);
        return;
      }
    }
    this.#refuse(socket, PARSE_ERRORS[code] ?? 'FCGI_LB_REQUEST_BAD_SYNTAX', error.message);
  }

  /** Answers where there is no request to make a transaction of. */
  #refuse(socket: Duplex, code: FailureCode, reason: string): void {
    const { status } = FAILURES[code];
    const client = socket instanceof Socket ? remoteAddress(socket) : '-';
    this.#context.log.debug({ code, client, status, reason }, 'refused a request that could not be read');
    const bytes = sendLastPage(socket, status, this.#clock);
    const nothing = { upstream: undefined, attempts: 0, queue: undefined, connect: undefined, head: undefined, total: 0 };
    this.#context.accessLog?.({ ...nothing, client, method: '-', path: '-', status, bytes, error: code });
  }
}

/**
 * node:http reads these for each connection that it accepts. `maxHeaderSize` is an option of
 * createServer that it keeps in a property.
 */
function limit(server: Server & { maxHeaderSize?: number }, settings: PublicServerSettings): void {
  server.maxHeaderSize = settings.maxHeader;
  server.headersTimeout = settings.headerTimeout;
  server.keepAliveTimeout = settings.keepAliveTimeout;
}
