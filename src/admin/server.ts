// The operator's door: health, status and what may be changed, over HTTP, on its own addresses.

import type { ServerResponse } from 'node:http';
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify';
import { parseCount } from '../config/quantity.ts';
import type { Address } from '../core/address.ts';
import { ConfigError } from '../core/errors.ts';
import type { LogFields } from '../core/log.ts';
import type { Secret } from '../core/secret.ts';
import { type Inherited, type Listener, listenOn } from '../listen/listen.ts';
import { type Access, isReading, refusal } from './guard.ts';
import type { LivePage } from './live-page.ts';
import { onFinished } from './on-finished.ts';
import {
  type ActionResult,
  type AlertTestStatus,
  OPERATOR_ACTIONS,
  type OperatorAction,
  type ReloadStatus,
  type Status,
  type UpgradeStatus,
  type Who,
} from './status.ts';
import { findUpstream, type UpstreamRef } from './upstream-name.ts';

export interface Readiness {
  readonly ready: boolean;
  /** Why not, one sentence each. */
  readonly reasons: readonly string[];
}

export interface MetricsAnswer {
  readonly contentType: string;
  readonly text: string;
}

/** What the operator's door needs to know of the program, and may have it do. */
export interface AdminFacts {
  readiness(): Readiness;
  status(): Status;
  /** In the text form of Prometheus. */
  metrics(): Promise<MetricsAnswer>;
  /** @param upstream its address, or the last part of its path where only one has it */
  wish(wish: OperatorAction, pool: string, upstream: string, who: Who): ActionResult;
  weigh(weight: number, pool: string, upstream: string, who: Who): ActionResult;
  reload(who: Who): Promise<ReloadStatus>;
  /** Tells every target of alerts that this is a test. */
  testAlerts(who: Who): Promise<AlertTestStatus>;
  upgrade(who: Who): Promise<UpgradeStatus>;
}

/** What all admin listeners of a program have in common. */
export interface AdminServerDeps {
  /** What lets somebody change things over TCP, as the configuration has it now. */
  readonly token: () => Secret | undefined;
  /** Is told of each request that was refused. */
  readonly refused: (fields: LogFields) => void;
  readonly livePage: LivePage;
}

/** Bytes: no request says more than a few words. */
const LONGEST_BODY = 4096;

const UPGRADE_CODES = { good: 200, bad: 422, refused: 409 } as const;

/** Encoded, the longest path of a unix socket has three times its 107 bytes. */
const LONGEST_NAME = 400;

/** Either the path names the pool, or the query may. */
type UpstreamRequest = FastifyRequest<{ Params: { readonly pool?: string; readonly upstream: string } }>;

export class AdminServer {
  readonly #app: FastifyInstance;
  readonly #facts: AdminFacts;
  readonly #deps: AdminServerDeps;
  /** Requests that are not answered yet. */
  readonly #open = new Set<ServerResponse>();
  /** Those of them that change something. */
  readonly #changes = new Set<ServerResponse>();
  #listener: Listener | undefined;
  #access: Access = { kind: 'foreign' };
  #onQuiet: (() => void) | undefined;
  readonly #endStreams: () => void;

  constructor(facts: AdminFacts, deps: AdminServerDeps) {
    this.#facts = facts;
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
    // It answers at all: the process serves.
    app.get('/healthz', async () => ({ status: 'ok' }));
    app.get('/readyz', async (_request, reply) => {
      const { ready, reasons } = facts.readiness();
      return reply.code(ready ? 200 : 503).send({ status: ready ? 'ready' : 'not ready', reasons });
    });
    app.get('/status', async (_request, reply) => reply.header('Cache-Control', 'no-store').send(facts.status()));
    app.get('/metrics', async (_request, reply) => {
      const { contentType, text } = await facts.metrics();
      return reply.header('Cache-Control', 'no-store').type(contentType).send(text);
    });
    for (const path of ['/pools/:pool/upstreams/:upstream', '/upstreams/:upstream']) {
      for (const action of OPERATOR_ACTIONS) {
        app.post(`${path}/${action}`, async (request: UpstreamRequest, reply) =>
          this.#change(request, reply, ({ pool, upstream }, who) => facts.wish(action, pool, upstream, who)),
        );
      }
      app.post(`${path}/weight`, async (request: UpstreamRequest, reply) => this.#weigh(request, reply));
    }
    app.post('/reload', async (request, reply) => {
      const result = await this.#facts.reload(this.#who(request));
      return reply.code(result.result === 'good' ? 200 : 422).send(result);
    });
    app.post('/alerts/test', async (request, reply) => {
      const { targets } = await this.#facts.testAlerts(this.#who(request));
      const good = targets.length > 0 && targets.every(({ delivered }) => delivered);
      return reply.code(good ? 200 : 422).send({ targets });
    });
    app.post('/upgrade', async (request, reply) => {
      const result = await this.#facts.upgrade(this.#who(request));
      return reply.code(UPGRADE_CODES[result.result]).send(result);
    });
    this.#endStreams = deps.livePage.attach(app);
  }

  get listeners(): readonly Listener[] {
    return this.#listener === undefined ? [] : [this.#listener];
  }

  /** @throws ListenError */
  async listen(place: Address | Inherited): Promise<Listener> {
    await this.#app.ready();
    // What is asked over the unix socket is done: it is the owner's alone.
    this.#listener = await listenOn(this.#app.server, place, { mode: 0o600 });
    const { asked, file } = this.#listener.handover();
    if (this.#listener.bound !== undefined)
      this.#access = { kind: 'tcp', host: asked.replace(/:\d+$/, '').replace(/^\[|\]$/g, '') };
    else this.#access = { kind: file === undefined ? 'foreign' : 'own' };
    return this.#listener;
  }

  /** Stops accepting, and resolves when what was asked has been answered. */
  async close(): Promise<void> {
    const closed = this.#listener?.close();
    this.#endStreams();
    if (this.#open.size > 0) {
      await new Promise<void>((resolve) => {
        this.#onQuiet = resolve;
      });
    }
    // Kept connections, and those on which nothing was ever asked, would hold up the end.
    this.#app.server.closeAllConnections();
    await Promise.all([this.#app.close(), closed]);
  }

  /** Resolves when whoever has had something changed so far has been told how that went. */
  async told(): Promise<void> {
    await Promise.all([...this.#changes].map((response) => new Promise<void>((resolve) => onFinished(response, resolve))));
  }

  /** Stops accepting and cuts off whoever is connected. */
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

  /** True when the request has been answered with why it may not be. */
  #refuses(request: FastifyRequest, reply: FastifyReply): boolean {
    const { method, url } = request;
    const { host, origin, authorization } = request.headers;
    const refused = refusal(this.#access, { method, host, origin, authorization }, this.#deps.token());
    if (refused === undefined) return false;
    const { status, error, reason } = refused;
    // Without the query: who does not know where a token goes may put it there.
    this.#deps.refused({ ...this.#who(request), method, path: url.replace(/[?#].*$/s, '').slice(0, 200), reason });
    if (status === 401) void reply.header('WWW-Authenticate', 'Bearer');
    void reply.code(status).send({ error });
    return true;
  }

  #weigh(request: UpstreamRequest, reply: FastifyReply): FastifyReply {
    let weight: number;
    try {
      weight = weightIn(request.body);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      return reply.code(400).send({ error: error.message });
    }
    return this.#change(request, reply, ({ pool, upstream }, who) => this.#facts.weigh(weight, pool, upstream, who));
  }

  #change(request: UpstreamRequest, reply: FastifyReply, act: (ref: UpstreamRef, who: Who) => ActionResult): FastifyReply {
    const { pool, upstream } = request.params;
    const lookup =
      pool === undefined
        ? findUpstream(this.#facts.status().pools, upstream, poolIn(request.query))
        : ({ kind: 'found', ref: { pool, upstream } } as const);
    const result = lookup.kind === 'found' ? act(lookup.ref, this.#who(request)) : lookup;
    if (result.kind === 'unknown') return reply.code(404).send({ error: result.reason });
    return reply.send({ pool: result.pool, upstream: result.upstream });
  }

  #who(request: FastifyRequest): Who {
    const by = `admin ${this.#listener?.text ?? ''}`;
    const agent = request.headers['user-agent']?.slice(0, 100);
    const { remoteAddress, remotePort } = request.raw.socket;
    const client = remoteAddress === undefined ? {} : { client: `${remoteAddress} port ${remotePort}` };
    return { by, ...client, ...(agent === undefined ? {} : { agent }) };
  }
}

/** @throws ConfigError */
function weightIn(body: unknown): number {
  const { weight } = (typeof body === 'object' && body !== null ? body : {}) as { readonly weight?: unknown };
  if (typeof weight !== 'number') throw new ConfigError('expected a body such as {"weight": 2}, as application/json');
  return parseCount(String(weight), 1);
}

/** The first `pool` of a query. */
function poolIn(query: unknown): string | undefined {
  const { pool } = query as { readonly pool?: string | readonly string[] };
  return typeof pool === 'string' ? pool : pool?.[0];
}
