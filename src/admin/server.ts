// One admin listener: what is open on it, which requests are refused, and how it ends.

import type { ServerResponse } from 'node:http';
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify';
import type { Address } from '../core/address.ts';
import type { LogFields } from '../core/log.ts';
import type { Secret } from '../core/secret.ts';
import type { Listener } from '../listen/bind.ts';
import { type Inherited, listenOn } from '../listen/listen.ts';
import { type Access, isReading, refusal } from './guard.ts';
import type { LivePage } from './live-page.ts';
import { onFinished } from './on-finished.ts';
import { type AdminFacts, addRoutes } from './routes.ts';
import type { Who } from './status.ts';

export type { AdminFacts, MetricsAnswer, Readiness } from './routes.ts';

/** What all admin listeners of a program share. */
export interface AdminServerDeps {
  /** The token that a change over TCP needs, as the configuration has it now. */
  readonly token: () => Secret | undefined;
  /** Called for each request that was refused. */
  readonly refused: (fields: LogFields) => void;
  readonly livePage: LivePage;
}

/** Bytes: no request needs more than a few words. */
const LONGEST_BODY = 4096;

/** Encoded, the longest path of a unix socket has three times its 107 bytes. */
const LONGEST_NAME = 400;

export class AdminServer {
  readonly #app: FastifyInstance;
  readonly #deps: AdminServerDeps;
  /** Responses to requests that are not answered yet. */
  readonly #open = new Set<ServerResponse>();
  /** The open requests that change something. */
  readonly #changes = new Set<ServerResponse>();
  #listener: Listener | undefined;
  #access: Access = { kind: 'foreign' };
  #onQuiet: (() => void) | undefined;
  readonly #endStreams: () => void;

  constructor(facts: AdminFacts, deps: AdminServerDeps) {
    this.#deps = deps;
    const app = fastify({
      forceCloseConnections: false,
      bodyLimit: LONGEST_BODY,
      routerOptions: { maxParamLength: LONGEST_NAME },
    });
    this.#app = app;
    app.addHook('onRequest', (request, reply, done) => {
      this.#began(reply.raw);
      if (this.#refuses(request, reply)) return;
      if (!isReading(request.method)) this.#changes.add(reply.raw);
      done();
    });
    addRoutes(app, facts, (request) => this.#who(request));
    this.#endStreams = deps.livePage.attach(app);
  }

  get listeners(): readonly Listener[] {
    return this.#listener === undefined ? [] : [this.#listener];
  }

  /** @throws ListenError */
  async listen(place: Address | Inherited): Promise<Listener> {
    await this.#app.ready();
    // Every request over the unix socket is taken, so it must be its owner's alone.
    this.#listener = await listenOn(this.#app.server, place, { mode: 0o600 });
    const { asked, file } = this.#listener.handover();
    if (this.#listener.bound !== undefined)
      this.#access = { kind: 'tcp', host: asked.replace(/:\d+$/, '').replace(/^\[|\]$/g, '') };
    else this.#access = { kind: file === undefined ? 'foreign' : 'own' };
    return this.#listener;
  }

  /** Stops accepting, and resolves when every request has been answered. */
  async close(): Promise<void> {
    const closed = this.#listener?.close();
    this.#endStreams();
    if (this.#open.size > 0) {
      await new Promise<void>((resolve) => {
        this.#onQuiet = resolve;
      });
    }
    // Kept connections, and those without any request, would hold up the end.
    this.#app.server.closeAllConnections();
    await Promise.all([this.#app.close(), closed]);
  }

  /** Resolves when every request for a change so far has its answer. */
  async told(): Promise<void> {
    await Promise.all([...this.#changes].map((response) => new Promise<void>((resolve) => onFinished(response, resolve))));
  }

  /** Stops accepting and closes every connection. */
  async destroy(): Promise<void> {
    const closed = this.#listener?.close();
    this.#endStreams();
    this.#app.server.closeAllConnections();
    await Promise.all([this.#app.close(), closed]);
  }

  #began(response: ServerResponse): void {
    this.#open.add(response);
    onFinished(response, () => {
      this.#open.delete(response);
      this.#changes.delete(response);
      if (this.#open.size === 0) this.#onQuiet?.();
    });
  }

  /** True when the request has been refused, and answered with the reason. */
  #refuses(request: FastifyRequest, reply: FastifyReply): boolean {
    const { method, url } = request;
    const { host, origin, authorization } = request.headers;
    const refused = refusal(this.#access, { method, host, origin, authorization }, this.#deps.token());
    if (refused === undefined) return false;
    const { status, error, reason } = refused;
    // Without the query: a client that does not know where the token goes may put it there.
    this.#deps.refused({ ...this.#who(request), method, path: url.replace(/[?#].*$/s, '').slice(0, 200), reason });
    if (status === 401) void reply.header('WWW-Authenticate', 'Bearer');
    void reply.code(status).send({ error });
    return true;
  }

  #who(request: FastifyRequest): Who {
    const by = `admin ${this.#listener?.text ?? ''}`;
    const agent = request.headers['user-agent']?.slice(0, 100);
    const { remoteAddress, remotePort } = request.raw.socket;
    const client = remoteAddress === undefined ? {} : { client: `${remoteAddress} port ${remotePort}` };
    return { by, ...client, ...(agent === undefined ? {} : { agent }) };
  }
}
