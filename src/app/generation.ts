// What the public door acts by in one generation: the routes of its settings, leading to the pools as they are in it.

import type { IncomingMessage } from 'node:http';
import type { PoolRoute } from '../config/route.ts';
import type { Settings } from '../config/settings.ts';
import { ConfigError } from '../core/address.ts';
import type { KeyRule } from '../http/balance-key.ts';
import { CgiParams } from '../http/cgi-params.ts';
import type { Forwarder } from '../http/forwarder.ts';
import type { Route, Speech } from '../http/route.ts';
import type { PoolView } from './living-pool.ts';

/** Bytes of an answer kept in memory for a slow client, and then in its temporary file. */
const SPOOL = { memory: 256 * 1024, file: 1024 ** 3, unbuffered: 64 * 1024 } as const;

export type Routing = (request: IncomingMessage) => Route;

interface Parts {
  /** For SERVER_SOFTWARE. */
  readonly version: string;
  readonly forwarder: Forwarder;
}

/** @throws ConfigError, ParamsTooLargeError */
export function buildRouting(settings: Settings, pools: ReadonlyMap<string, PoolView>, parts: Parts): Routing {
  const [only] = settings.routes;
  if (only === undefined) throw new ConfigError('no route: nothing says where requests go');
  if (only.kind !== 'pool') throw new ConfigError(`a ${only.kind} route is not supported yet`);
  const route = poolRoute(only, settings, pools, parts);
  return () => route;
}

function poolRoute(route: PoolRoute, settings: Settings, pools: ReadonlyMap<string, PoolView>, parts: Parts): Route {
  const { client, tempDir } = settings;
  const view = pools.get(route.pool);
  if (view === undefined) throw new ConfigError(`a route leads to pool ${route.pool}, which does not exist`);
  const memory = route.responseBuffering ? SPOOL.memory : SPOOL.unbuffered;
  return {
    pool: view.pool,
    retry: view.settings.retry,
    retryBudget: view.retryBudget,
    balanceKey: keyRule(view, route),
    speaks: speech(route, view.speaks, parts),
    limits: {
      maxBody: route.maxBody,
      bodyTimeout: client.bodyTimeout,
      maxResponseHead: route.maxResponseHead,
      requestBuffering: route.requestBuffering,
      tempDir,
      spool: { memory, file: route.responseBuffering ? SPOOL.file : 0, tempDir, stallTimeout: client.sendTimeout },
    },
  };
}

function speech(route: PoolRoute, kind: Speech['kind'], { version, forwarder }: Parts): Speech {
  if (kind === 'http') {
    if (!route.php && route.params.size === 0) return { kind, forwarder };
    throw new ConfigError(`pool ${route.pool} has HTTP upstreams: PHP and parameters are for FastCGI workers`);
  }
  const mode =
    route.php && route.root !== undefined
      ? ({ kind: 'php', root: route.root, index: route.index } as const)
      : ({ kind: 'application', root: route.root } as const);
  return { kind, params: new CgiParams({ mode, params: route.params, software: `fcgi-lb/${version}` }) };
}

function keyRule({ settings: { balance }, sticky }: PoolView, { params }: PoolRoute): KeyRule | undefined {
  // The operator who says that TLS ends in front of us says so with this parameter.
  if (sticky !== undefined) return { kind: 'sticky', cookie: sticky, https: /^(?:on|1)$/i.test(params.get('HTTPS') ?? '') };
  return balance.name === 'hash' ? balance.key : undefined;
}
