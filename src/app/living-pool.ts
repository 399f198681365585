// A pool brought to life: its upstreams found by its sources, their health watched, and what the operator is told about it.

import { balanceText } from '../config/balance.ts';
import type { PoolSettings, UpstreamOptions } from '../config/settings.ts';
import type { Address } from '../core/address.ts';
import type { Clock } from '../core/clock.ts';
import type { Log, LogFields } from '../core/log.ts';
import type { Source } from '../discovery/source.ts';
import { Ejections } from '../health/ejections.ts';
import { HealthMonitor } from '../health/monitor.ts';
import { Pool } from '../pool/pool.ts';
import { RetryBudget } from '../pool/retry-budget.ts';
import { Upstream, type UpstreamParts } from '../upstream/upstream.ts';
import { type MemberCare, Members } from './members.ts';
import { BALANCERS, createSource } from './registry.ts';

/** Names of upstreams that the start-up line shows. */
const NAMES_SHOWN = 8;

export class LivingPool implements MemberCare {
  readonly pool: Pool;
  readonly settings: PoolSettings;
  readonly retryBudget: RetryBudget;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #members: Members;
  readonly #sources: ReadonlyArray<{ readonly spec: PoolSettings['upstreams'][number]; readonly source: Source }>;
  readonly #monitors = new Map<Upstream, HealthMonitor>();
  readonly #ejections: Ejections<HealthMonitor>;
  readonly #upstreamParts: UpstreamParts;
  #order = 0;

  /** @throws ConfigError */
  constructor(settings: PoolSettings, clock: Clock, log: Log) {
    this.settings = settings;
    this.#clock = clock;
    this.#log = log;
    const balancer = BALANCERS[settings.balance.name]<Upstream>({ random: Math.random });
    const { queue, failFastAfter } = settings;
    const pool = new Pool(settings.name, { ...queue, failFastAfter }, balancer, clock);
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
      observed: (upstream, outcome) => this.#monitors.get(upstream)?.observed(outcome),
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

  create(address: Address, options: UpstreamOptions): Upstream {
    const { settings } = this;
    this.#order += 1;
    const maxConns = options.maxConns ?? settings.maxConns;
    const own = { weight: options.weight, disabled: options.down, maxConns, order: this.#order };
    const upstream = new Upstream(address, { ...settings, ...own }, this.#upstreamParts);
    const parts = { clock: this.#clock, random: Math.random, ejections: this.#ejections };
    this.#monitors.set(upstream, new HealthMonitor(upstream, settings.passive, parts));
    return upstream;
  }

  appeared(upstream: Upstream): void {
    this.#monitors.get(upstream)?.appeared();
  }

  left(upstream: Upstream): void {
    this.#monitors.get(upstream)?.stop();
    this.#monitors.delete(upstream);
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
    for (const monitor of this.#monitors.values()) monitor.stop();
    this.#monitors.clear();
    this.pool.destroy();
  }
}
