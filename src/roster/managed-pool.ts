// A pool with what manages it: sources that find its upstreams, settings that change while it
// serves, and the operator's overrides.

import { isDeepStrictEqual } from 'node:util';
import type { Balancer } from '../balance/balancer.ts';
import { StickyTokens } from '../balance/sticky-token.ts';
import { Tiers } from '../balance/tiers.ts';
import { balanceText } from '../config/balance.ts';
import type { PoolSettings, UpstreamSpec } from '../config/settings.ts';
import type { Clock } from '../core/clock.ts';
import { ConfigError } from '../core/errors.ts';
import type { Log, LogFields } from '../core/log.ts';
import type { LatestProbe } from '../health/prober.ts';
import { Pool } from '../pool/pool.ts';
import { RetryBudget } from '../pool/retry-budget.ts';
import type { Upstream } from '../upstream/upstream.ts';
import type { PoolHandoverState } from './handover-state.ts';
import { type FoundBy, Members } from './members.ts';
import type { OperatorAction } from './operator-action.ts';
import { Overrides } from './overrides.ts';
import type { Registry, RosterDeps } from './roster-deps.ts';
import { UpstreamFactory } from './upstream-factory.ts';

/** Names of upstreams that the start-up line shows. */
const NAMES_SHOWN = 8;

/** What routes need to know of a pool under certain settings. */
export interface PoolView {
  readonly pool: Pool;
  readonly settings: PoolSettings;
  /** What all its upstreams speak. */
  readonly speaks: 'fastcgi' | 'http';
  /** The tokens of sticky cookies, where the balancer goes by them. */
  readonly sticky: StickyTokens | undefined;
  readonly retryBudget: RetryBudget;
}

/**
 * Settings that are ready to take the place of the present ones. Exactly one of `commit` and
 * `rollback` must be called.
 */
export interface PoolChange {
  /** The pool as it will be. */
  readonly view: PoolView;
  commit(): void;
  rollback(): void;
}

export class ManagedPool implements PoolView {
  readonly pool: Pool;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #registry: Registry;
  readonly #secret: string;
  readonly #overrides: Overrides;
  readonly #handedOver: PoolHandoverState | undefined;
  readonly #factory: UpstreamFactory;
  readonly #members: Members;
  #settings: PoolSettings;
  #sticky: StickyTokens | undefined;
  #retryBudget: RetryBudget;
  #sources: readonly FoundBy[];

  /**
   * @param secret signs sticky cookies where the settings give none: the same for the whole life of
   *   the process
   * @param handedOver the state of the pool in the old process of an upgrade
   * @throws ConfigError
   */
  constructor(settings: PoolSettings, deps: RosterDeps, secret: string, handedOver?: PoolHandoverState) {
    const { clock, log, registry } = deps;
    this.#settings = settings;
    this.#clock = clock;
    this.#log = log;
    this.#registry = registry;
    this.#secret = secret;
    this.#overrides = new Overrides(handedOver?.overrides);
    this.#handedOver = handedOver;
    speechOf(settings);
    this.#sticky = stickyTokens(settings, secret);
    this.pool = new Pool(settings.name, queueSettings(settings), this.#balancer(settings), clock);
    this.#retryBudget = new RetryBudget(settings.retry.budget);
    this.#factory = new UpstreamFactory(settings, this.pool, this.#overrides, deps);
    this.#members = new Members(this.pool, this.#factory, log, (is, upstream) =>
      deps.events.record({ kind: 'member', at: clock.date(), pool: settings.name, upstream, is }),
    );
    this.#sources = settings.upstreams.map((spec) => ({ spec, source: registry.source(spec, clock, log) }));
  }

  get settings(): PoolSettings {
    return this.#settings;
  }

  get speaks(): 'fastcgi' | 'http' {
    return speechOf(this.#settings);
  }

  get sticky(): StickyTokens | undefined {
    return this.#sticky;
  }

  get retryBudget(): RetryBudget {
    return this.#retryBudget;
  }

  /** What the new process of an upgrade gets of this pool. */
  get handoverState(): PoolHandoverState {
    const drained = [...this.pool.upstreams].filter(({ state }) => state.is === 'draining').map(({ name }) => name);
    return { overrides: this.#overrides.state, drained };
  }

  latestProbe(upstream: Upstream): LatestProbe | undefined {
    return this.#factory.latestProbe(upstream);
  }

  /** Finds the upstreams that exist now; from then on they come and go. */
  async start(): Promise<void> {
    this.#members.use(this.#sources);
    await Promise.all(this.#sources.map((found) => this.#find(found)));
    this.#members.started();
    for (const upstream of this.pool.upstreams) {
      if (this.#handedOver?.drained.includes(upstream.name)) upstream.want('drain', 'drained before the upgrade');
    }
    if (this.pool.upstreams.size > 0) return;
    const wanted = this.#sources.map(({ spec }) => textOf(spec));
    this.#log.warn({ pool: this.pool.name, upstreams: wanted }, 'no upstream yet: requests will wait for one');
  }

  /**
   * Gets ready for other settings of the pool of this name: what new sources find is known before
   * the commit, and joins with it. The queue, and the slots, verdicts and drains of upstreams that
   * stay, are not touched.
   * @throws ConfigError, and then nothing has changed
   */
  async prepare(settings: PoolSettings): Promise<PoolChange> {
    const speaks = speechOf(settings);
    // Requests that wait have been made ready for the one and cannot be given to the other.
    if (speaks !== this.speaks) {
      throw new ConfigError(`pool ${settings.name} changes between FastCGI and HTTP upstreams; give the new one another name`);
    }
    const sticky = stickyTokens(settings, this.#secret);
    const sameBudget = settings.retry.budget === this.#settings.retry.budget;
    const retryBudget = sameBudget ? this.#retryBudget : new RetryBudget(settings.retry.budget);
    const view: PoolView = { pool: this.pool, settings, speaks, sticky, retryBudget };
    const present = new Map(this.#sources.map((found) => [keyOf(found.spec), found.source]));
    const next: readonly FoundBy[] = settings.upstreams.map((spec) => ({
      spec,
      source: present.get(keyOf(spec)) ?? this.#registry.source(spec, this.#clock, this.#log),
    }));
    const old = new Set(this.#sources.map(({ source }) => source));
    const added = next.filter(({ source }) => !old.has(source));
    const rollback = (): void => {
      for (const { source } of added) source.stop();
    };
    try {
      for (const { source } of added) this.#members.hold(source);
      await Promise.all(added.map(({ source }) => source.start(this.#members.listener(source))));
    } catch (error) {
      rollback();
      throw error;
    }
    return { view, commit: () => this.#use(view, next), rollback };
  }

  /**
   * Does what the operator asks to an upstream. A drain holds for the worker that is there now; the
   * other actions hold for its address.
   */
  want(upstream: Upstream, action: OperatorAction, reason: string): void {
    const down = action === 'disable';
    const configured = this.#members.optionsOf(upstream);
    if (action !== 'drain' && configured !== undefined) {
      this.#overrides.down(upstream.name, down, reason, configured);
      this.#factory.reconfigure(upstream, configured, upstream.order);
    }
    upstream.want(action === 'drain' ? 'drain' : down ? 'disable' : 'serve', reason);
  }

  /** Another weight for an upstream's address. */
  weigh(upstream: Upstream, weight: number): void {
    const configured = this.#members.optionsOf(upstream);
    if (configured === undefined) return;
    this.#overrides.weight(upstream.name, weight, configured);
    this.#factory.reconfigure(upstream, configured, upstream.order);
    // What balancers have computed from weights is theirs: a new one has no past to undo.
    this.pool.reconfigure(queueSettings(this.#settings), this.#balancer(this.#settings));
  }

  /** What the start-up line says of the pool. */
  logFields(): LogFields {
    const { balance, maxConns, queue } = this.#settings;
    const upstreams = [...this.pool.upstreams].map((upstream) => upstream.name);
    const more = upstreams.length - NAMES_SHOWN;
    return {
      pool: this.pool.name,
      upstreams: more > 0 ? [...upstreams.slice(0, NAMES_SHOWN), `and ${more} more`] : upstreams,
      balance: balanceText(balance),
      max_conns: maxConns === Number.POSITIVE_INFINITY ? 'unlimited' : maxConns,
      queue: queue.size,
    };
  }

  /** Why the pool cannot serve now; undefined when it can. */
  unready(): string | undefined {
    const upstreams = [...this.pool.upstreams];
    // A full upstream serves; only one that cannot be reached, or is being drained, does not.
    if (upstreams.some((upstream) => !upstream.unreachable)) return undefined;
    const what = upstreams.length === 0 ? 'has no upstream' : `has no upstream that answers (${upstreams.length} failing)`;
    return `pool ${this.pool.name} ${what}`;
  }

  /** Ends everything now. */
  destroy(): void {
    for (const { source } of this.#sources) source.stop();
    this.#factory.end(this.pool.upstreams);
    this.pool.destroy();
  }

  /** One that goes by the present sticky tokens. */
  #balancer({ balance, upstreams }: PoolSettings): Balancer<Upstream> {
    const tokens = this.#sticky;
    const token = (name: string): string => tokens?.tokenOf(name) ?? name;
    const make = (): Balancer<Upstream> => this.#registry.balancer(balance.name, { random: Math.random, token });
    return upstreams.some(({ backup }) => backup) ? new Tiers(make(), make()) : make();
  }

  async #find({ source }: FoundBy): Promise<void> {
    await source.start(this.#members.listener(source));
    this.#members.introduced(source);
  }

  #use({ settings, sticky, retryBudget }: PoolView, sources: readonly FoundBy[]): void {
    const before = this.#settings;
    const kept = new Set(sources.map(({ source }) => source));
    for (const { source } of this.#sources) if (!kept.has(source)) source.stop();
    this.#settings = settings;
    this.#sources = sources;
    this.#sticky = sticky;
    this.#retryBudget = retryBudget;
    this.#factory.use(settings);
    this.#members.use(sources);
    // Last, so that it meets upstreams that have their new settings.
    // A balancer that is to go on as before keeps whose turn it is.
    const same = isDeepStrictEqual([before.balance, before.upstreams], [settings.balance, settings.upstreams]);
    this.pool.reconfigure(queueSettings(settings), same ? undefined : this.#balancer(settings));
  }
}

function queueSettings({ queue, failFastAfter }: PoolSettings) {
  return { ...queue, failFastAfter };
}

function textOf(spec: UpstreamSpec): string {
  return spec.kind === 'glob' ? spec.pattern : spec.address.text;
}

function keyOf(spec: UpstreamSpec): string {
  return `${spec.kind} ${spec.kind === 'glob' ? spec.speaks : spec.address.kind} ${textOf(spec)}`;
}

function stickyTokens({ name: pool, balance }: PoolSettings, secret: string): StickyTokens | undefined {
  if (balance.name !== 'sticky') return undefined;
  return new StickyTokens({ cookie: balance.cookie, pool, secret: balance.secret ?? secret });
}

/** @throws ConfigError when a pool has upstreams of both kinds */
function speechOf({ name, upstreams }: PoolSettings): 'fastcgi' | 'http' {
  const http = upstreams.filter((spec) => (spec.kind === 'glob' ? spec.speaks === 'http' : spec.address.kind === 'http'));
  if (http.length === 0) return 'fastcgi';
  if (http.length === upstreams.length) return 'http';
  throw new ConfigError(`pool ${name} has FastCGI and HTTP upstreams; expected one kind in a pool`);
}
