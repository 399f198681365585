// The routes of the admin listener: what a request reads or changes, and the codes it is answered
// with. docs/admin-api.md describes each of them.

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { parseCount } from '../config/quantity.ts';
import { ConfigError } from '../core/errors.ts';
import { OPERATOR_ACTIONS, type OperatorAction } from '../roster/operator-action.ts';
import type { ActionStatus, AlertTestStatus, ReloadStatus, Status, UpgradeStatus, Who } from './status.ts';
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

/** What the admin listener reads of the program, and can make it do. */
export interface AdminFacts {
  readiness(): Readiness;
  status(): Status;
  /** In the text form of Prometheus. */
  metrics(): Promise<MetricsAnswer>;
  /** @param upstream its address, or the last part of its path where only one has it */
  wish(wish: OperatorAction, pool: string, upstream: string, who: Who): ActionStatus;
  weigh(weight: number, pool: string, upstream: string, who: Who): ActionStatus;
  reload(who: Who): Promise<ReloadStatus>;
  /** Sends a test message to every target of alerts. */
  testAlerts(who: Who): Promise<AlertTestStatus>;
  upgrade(who: Who): Promise<UpgradeStatus>;
}

/** Either the path names the pool, or the query may. */
type UpstreamRequest = FastifyRequest<{ Params: { readonly pool?: string; readonly upstream: string } }>;

const UPGRADE_CODES = { good: 200, bad: 422, refused: 409 } as const;

/** @param whoOf who asks, for the log */
export function addRoutes(app: FastifyInstance, facts: AdminFacts, whoOf: (request: FastifyRequest) => Who): void {
  // An answer at all says that the process serves.
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
  for (const path of ['/pools/:pool/upstreams/:upstream', '/upstreams/:upstream']) addUpstreamRoutes(app, path, facts, whoOf);
  app.post('/reload', async (request, reply) => {
    const result = await facts.reload(whoOf(request));
    return reply.code(result.result === 'good' ? 200 : 422).send(result);
  });
  app.post('/alerts/test', async (request, reply) => {
    const { targets } = await facts.testAlerts(whoOf(request));
    const good = targets.length > 0 && targets.every(({ delivered }) => delivered);
    return reply.code(good ? 200 : 422).send({ targets });
  });
  app.post('/upgrade', async (request, reply) => {
    const result = await facts.upgrade(whoOf(request));
    return reply.code(UPGRADE_CODES[result.result]).send(result);
  });
}

function addUpstreamRoutes(app: FastifyInstance, path: string, facts: AdminFacts, whoOf: (request: FastifyRequest) => Who): void {
  const change = (request: UpstreamRequest, reply: FastifyReply, act: (ref: UpstreamRef) => ActionStatus): FastifyReply => {
    const { pool, upstream } = request.params;
    const lookup =
      pool === undefined
        ? findUpstream(facts.status().pools, upstream, poolIn(request.query))
        : ({ kind: 'found', ref: { pool, upstream } } as const);
    const result = lookup.kind === 'found' ? act(lookup.ref) : lookup;
    if (result.kind === 'unknown') return reply.code(404).send({ error: result.reason });
    return reply.send({ pool: result.pool, upstream: result.upstream });
  };
  for (const action of OPERATOR_ACTIONS) {
    app.post(`${path}/${action}`, async (request: UpstreamRequest, reply) =>
      change(request, reply, ({ pool, upstream }) => facts.wish(action, pool, upstream, whoOf(request))),
    );
  }
  app.post(`${path}/weight`, async (request: UpstreamRequest, reply) => {
    let weight: number;
    try {
      weight = weightIn(request.body);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      return reply.code(400).send({ error: error.message });
    }
    return change(request, reply, ({ pool, upstream }) => facts.weigh(weight, pool, upstream, whoOf(request)));
  });
}

/**
 * Checked by hand: a schema would have Fastify load a compiler of schemas at every start (some 40
 * ms and 5 MB) for this one number.
 * @throws ConfigError
 */
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
