// A pool brought to life: its upstreams found by its sources, their health watched, and what the operator is told about it.

import type { Balancer } from '../balance/balancer.ts';
import { Tiers } from '../balance/tiers.ts';
import { balanceText } from '../config/balance.ts';
import type { PoolSettings, UpstreamOptions } from '../config/settings.ts';
import { ConfigError, type UpstreamAddress } from '../core/address.ts';
import type { Clock } from '../core/clock.ts';
import type { Log, LogFields } from '../core/log.ts';
import type { Source } from '../discovery/source.ts';
import { Ejections } from '../health/ejections.ts';
import { HealthMonitor } from '../health/monitor.ts';
import { Prober } from '../health/prober.ts';
import { StickyCookie } from '../http/sticky-cookie.ts';
import { Pool } from '../pool/pool.ts';
import { RetryBudget } from '../pool/retry-budget.ts';
import { Upstream, type UpstreamParts } from '../upstream/upstream.ts';
import { type MemberCare, Members } from './members.ts';
import { BALANCERS, createProbe, createSource } from './registry.ts';

/** Names of upstreams that the start-up line shows. */
const NAMES_SHOWN = 8;

/** Who looks after one upstream's health. */
interface Health {
  readonly monitor: HealthMonitor;
  readonly prober: Prober | undefined;
}

export class LivingPool implements MemberCare {
  readonly pool: Pool;
  /** What all its upstreams speak. */
  readonly speaks: 'fastcgi' | 'http';
  readonly settings: PoolSettings;
  readonly retryBudget: RetryBudget;
  readonly #clock: Clock;
  /** What brings clients back to their upstream, with a balancer that does so. */
  readonly sticky: StickyCookie | undefined;
  readonly #log: Log;
  readonly #members: Members;
  readonly #sources: ReadonlyArray<{ readonly spec: PoolSettings['upstreams'][number]; readonly source: Source }>;
  readonly #health = new Map<Upstream, Health>();
  readonly #ejections: Ejections<HealthMonitor>;
  readonly #upstreamParts: UpstreamParts;
  #order = 0;

  /**
   * @param secret signs sticky cookies where the settings give none: the same for the whole life of the process
   * @throws ConfigError
   */
  constructor(settings: PoolSettings, clock: Clock, log: Log, secret: string) {
    this.settings = settings;
    this.speaks = speechOf(settings);
    this.#clock = clock;
    this.#log = log;
    this.sticky = stickyCookie(settings, secret);
    const { queue, failFastAfter } = settings;
    const pool = new Pool(settings.name, { ...queue, failFastAfter }, balancerFor(settings, this.sticky), clock);
    this.pool = pool;
    this.retryBudget = new RetryBudget(settings.retry.budget);
    this.#ejections = new Ejections(settings.passive?.maxEjected ?? 0, (monitor) => monitor.serves);
    this.#upstreamParts = {
      clock,
      log,
      alone: () => pool.upstreams.size <= 1,
      changed: (upstream) => {
        pool.changed(upstream);
        if (!upstream.well) this.#ejections.needed()?.needed();
      },
      observed: (upstream, outcome) => this.#health.get(upstream)?.monitor.observed(outcome),
    };
    this.#members = new Members(pool, this, log);
    this.#sources = settings.upstreams.map((spec) => ({ spec, source: createSource(spec, clock, log) }));
  }

  /** Finds the upstreams that exist now; from then on they come and go. */
  async start(): Promise<void> {
    await Promise.all(this.#sources.map(({ spec, source }) => source.start(this.#members.listener(source, spec))));
    this.#members.started();
    if (this.pool.upstreams.size > 0) return;
    const wanted = this.#sources.map(({ spec }) => (spec.kind === 'glob' ? spec.pattern : spec.address.text));
    this.#log.warn({ pool: this.pool.name, upstreams: wanted }, 'no upstream yet: requests will wait for one');
  }

  create(address: UpstreamAddress, options: UpstreamOptions): Upstream {
    const { settings } = this;
    this.#order += 1;
    const { weight, backup, slowStart, down: disabled, maxConns = settings.maxConns } = options;
    const own = { weight, backup, slowStart, disabled, maxConns, order: this.#order };
    const upstream = new Upstream(address, { ...settings, ...own }, this.#upstreamParts);
    this.#health.set(upstream, this.#watch(upstream));
    return upstream;
  }

  appeared(upstream: Upstream): void {
    const health = this.#health.get(upstream);
    health?.monitor.appeared();
    health?.prober?.appeared();
  }

  left(upstream: Upstream): void {
    const health = this.#health.get(upstream);
    health?.prober?.stop();
    health?.monitor.stop();
    this.#health.delete(upstream);
  }

  #watch(upstream: Upstream): Health {
    const { passive, probe } = this.settings;
    const clock = this.#clock;
    const monitor = new HealthMonitor(upstream, passive, { clock, random: Math.random, ejections: this.#ejections });
    if (probe === undefined) return { monitor, prober: undefined };
    const question = createProbe(probe.question, { upstream: upstream.name, clock });
    const parts = { clock, random: Math.random, log: this.#log };
    const prober = new Prober(upstream, question, probe, parts, (verdict, reason) => monitor.probed(verdict, reason));
    prober.start();
    return { monitor, prober };
  }

  /** What the start-up line says. */
  facts(): LogFields {
    const { balance, maxConns, queue } = this.settings;
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
    if (upstreams.some((upstream) => !upstream.lifeless)) return undefined;
    const what = upstreams.length === 0 ? 'has no upstream' : `has no upstream that answers (${upstreams.length} failing)`;
    return `pool ${this.pool.name} ${what}`;
  }

  /** Ends everything now. */
  destroy(): void {
    for (const { source } of this.#sources) source.stop();
    this.#ejections.close();
    for (const upstream of [...this.#health.keys()]) this.left(upstream);
    this.pool.destroy();
  }
}

function stickyCookie({ name: pool, balance }: PoolSettings, secret: string): StickyCookie | undefined {
  if (balance.name !== 'sticky') return undefined;
  return new StickyCookie({ cookie: balance.cookie, pool, secret: balance.secret ?? secret });
}

function balancerFor({ balance, upstreams }: PoolSettings, cookie: StickyCookie | undefined): Balancer<Upstream> {
  const token = (name: string): string => cookie?.tokenOf(name) ?? name;
  const make = (): Balancer<Upstream> => BALANCERS[balance.name]<Upstream>({ random: Math.random, token });
  return upstreams.some(({ backup }) => backup) ? new Tiers(make(), make()) : make();
}

/** @throws ConfigError when a pool has upstreams of both kinds */
function speechOf({ name, upstreams }: PoolSettings): 'fastcgi' | 'http' {
  const http = upstreams.filter((spec) => (spec.kind === 'glob' ? spec.speaks === 'http' : spec.address.kind === 'http'));
  if (http.length === 0) return 'fastcgi';
  if (http.length === upstreams.length) return 'http';
  throw new ConfigError(`pool ${name} has FastCGI and HTTP upstreams; expected one kind in a pool`);
}
