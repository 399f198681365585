// Builds the routes of one generation: from what the settings say to what the handlers act by.

import type { PoolRoute, RouteSettings } from '../config/route.ts';
import type { Settings } from '../config/settings.ts';
import { ConfigError } from '../core/errors.ts';
import type { AnyRoute, LocalRoute, Route } from '../http/handler/route.ts';
import { readPage } from '../http/local/content-types.ts';
import { redirector, responder } from '../http/local/fixed-answers.ts';
import { healthAnswerer } from '../http/local/health-answer.ts';
import { StaticFiles } from '../http/local/static-files.ts';
import type { KeyRule } from '../http/proxy/balance-key.ts';
import { CgiParams } from '../http/proxy/cgi-params.ts';
import { requestChanges } from '../http/proxy/forward-changes.ts';
import type { Forwarder } from '../http/proxy/forwarder.ts';
import type { UpstreamProtocol } from '../http/proxy/protocol.ts';
import { StickyCookie } from '../http/proxy/sticky-cookie.ts';
import { type Reserved, Router } from '../http/request/router.ts';
import type { ScriptMode } from '../http/request/script.ts';
import type { VariableScope } from '../http/request/variables.ts';
import { answerRules } from '../http/response/answer-rules.ts';
import type { PoolView } from '../roster/managed-pool.ts';

/** Bytes of an answer kept in memory for a slow client, and then in its temporary file. */
const SPOOL = { memory: 256 * 1024, file: 1024 ** 3, unbuffered: 64 * 1024 } as const;

/** Settings that all routes have in common. */
type CommonSettings = Pick<Settings, 'client' | 'tempDir' | 'healthPath' | 'requestId'>;

interface Deps {
  /** For SERVER_SOFTWARE. */
  readonly version: string;
  readonly forwarder: Forwarder;
  /** Whether the program finishes what runs, and is to be sent nothing more. */
  readonly stopping: () => boolean;
}

/**
 * Reads the files of error pages: they are as they were at this moment until the next reload.
 * @throws ConfigError, ParamsTooLargeError
 */
export function buildRouter(
  settings: CommonSettings & Pick<Settings, 'routes'>,
  pools: ReadonlyMap<string, PoolView>,
  deps: Deps,
): Router<AnyRoute> {
  if (settings.routes.length === 0) throw new ConfigError('no route: nothing says where requests go');
  const entries = settings.routes.map((route) => ({ match: route.match, route: build(route, settings, pools, deps) }));
  return new Router(entries, healthRoute(settings, deps));
}

function healthRoute({ healthPath: path, client }: CommonSettings, { stopping }: Deps): Reserved<AnyRoute> | undefined {
  if (path === undefined) return undefined;
  const answer = healthAnswerer(stopping);
  return { path, route: { kind: 'local', answer, answerRules: undefined, sendTimeout: client.sendTimeout } };
}

function build(route: RouteSettings, common: CommonSettings, pools: ReadonlyMap<string, PoolView>, deps: Deps): AnyRoute {
  switch (route.kind) {
    case 'pool':
      return poolRoute(route, common, pools, deps);
    case 'static':
      return localRoute(route, common, new StaticFiles(route).answer);
    case 'redirect':
      return localRoute(route, common, redirector(route, scopeOf(route)));
    case 'respond':
      return localRoute(route, common, responder(route));
  }
}

function localRoute(
  route: Exclude<RouteSettings, PoolRoute>,
  { client }: CommonSettings,
  answer: LocalRoute['answer'],
): LocalRoute {
  return { kind: 'local', answer, answerRules: rulesOf(route, scopeOf(route)), sendTimeout: client.sendTimeout };
}

/** @throws ConfigError, ParamsTooLargeError */
function poolRoute(route: PoolRoute, common: CommonSettings, pools: ReadonlyMap<string, PoolView>, deps: Deps): Route {
  const { client, tempDir, requestId } = common;
  const view = pools.get(route.pool);
  if (view === undefined) throw new ConfigError(`a route leads to pool ${route.pool}, which does not exist`);
  const memory = route.responseBuffering ? SPOOL.memory : SPOOL.unbuffered;
  const scope = { root: route.root, rules: { mode: modeOf(route), prefix: route.stripPrefix }, regex: regexOf(route) };
  return {
    kind: 'pool',
    pool: view.pool,
    retry: view.settings.retry,
    retryBudget: view.retryBudget,
    balanceKey: keyRule(view, route),
    protocol: speech(route, view.speaks, scope, requestId.header, deps),
    answerRules: rulesOf(route, scope),
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

function speech(
  route: PoolRoute,
  kind: UpstreamProtocol['kind'],
  scope: VariableScope,
  requestId: string | undefined,
  { version, forwarder }: Deps,
): UpstreamProtocol {
  const { params, stripPrefix, requestHeaders } = route;
  if (kind === 'http') {
    if (route.php || route.splitPath !== undefined || params.size > 0) {
      throw new ConfigError(`pool ${route.pool} has HTTP upstreams: PHP and parameters are for FastCGI workers`);
    }
    return { kind, forwarder, changes: requestChanges(requestHeaders, stripPrefix, scope), requestId };
  }
  const { mode } = scope.rules;
  const software = `fcgi-lb/${version}`;
  return { kind, params: new CgiParams({ mode, stripPrefix, params, requestHeaders, regex: scope.regex, software, requestId }) };
}

function keyRule({ settings: { balance }, sticky }: PoolView, { params }: PoolRoute): KeyRule | undefined {
  // The operator who says that TLS ends in front of us says so with this parameter.
  if (sticky !== undefined)
    return { kind: 'sticky', cookie: new StickyCookie(sticky), https: /^(?:on|1)$/i.test(params.get('HTTPS') ?? '') };
  return balance.name === 'hash' ? balance.key : undefined;
}

function modeOf({ php, root, index, splitPath }: PoolRoute): ScriptMode {
  const files = php || splitPath !== undefined;
  return files && root !== undefined ? { kind: 'php', root, index, splitPath } : { kind: 'application', root };
}

function regexOf({ match }: RouteSettings): RegExp | undefined {
  return match.path.kind === 'regex' ? match.path.regex : undefined;
}

/** Of a route without scripts. */
function scopeOf(route: RouteSettings): VariableScope {
  return { root: undefined, rules: { mode: { kind: 'application', root: undefined }, prefix: '' }, regex: regexOf(route) };
}

function rulesOf({ responseHeaders, errorPages }: RouteSettings, scope: VariableScope): Route['answerRules'] {
  return answerRules(responseHeaders, new Map([...errorPages].map(([status, file]) => [status, readPage(file)])), scope);
}
