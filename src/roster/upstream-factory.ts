// Makes the upstreams of one pool and looks after them: their settings, and who watches their
// health.

import { isDeepStrictEqual } from 'node:util';
import type { PoolSettings, UpstreamOptions } from '../config/settings.ts';
import type { UpstreamAddress } from '../core/address.ts';
import type { Clock } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import { Ejections } from '../health/ejections.ts';
import { HealthMonitor } from '../health/monitor.ts';
import { type LatestProbe, Prober } from '../health/prober.ts';
import type { Pool } from '../pool/pool.ts';
import type { Occupancies } from '../upstream/slots/occupancy.ts';
import { Upstream } from '../upstream/upstream.ts';
import type { UpstreamDeps } from '../upstream/upstream-deps.ts';
import type { UpstreamSettings } from '../upstream/upstream-settings.ts';
import type { UpstreamLifecycle } from './members.ts';
import type { Overrides } from './overrides.ts';
import type { Registry, RosterDeps } from './roster-deps.ts';

/** Who watches one upstream's health. */
interface Health {
  readonly monitor: HealthMonitor;
  prober: Prober | undefined;
}

export class UpstreamFactory implements UpstreamLifecycle {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #registry: Registry;
  readonly #occupancies: Occupancies;
  readonly #health = new Map<Upstream, Health>();
  readonly #ejections: Ejections<HealthMonitor>;
  readonly #upstreamDeps: UpstreamDeps<Upstream>;
  readonly #overrides: Overrides;
  #settings: PoolSettings;

  constructor(settings: PoolSettings, pool: Pool, wishes: Overrides, { clock, log, events, registry, occupancies }: RosterDeps) {
    this.#settings = settings;
    this.#overrides = wishes;
    this.#occupancies = occupancies;
    this.#clock = clock;
    this.#log = log;
    this.#registry = registry;
    this.#ejections = new Ejections(settings.passive?.maxEjected ?? 0, (monitor) => monitor.serves);
    this.#upstreamDeps = {
      clock,
      log,
      alone: () => pool.upstreams.size <= 1,
      changed: (upstream) => {
        pool.changed(upstream);
        if (!upstream.well) this.#ejections.needed()?.needed();
      },
      stateChanged: ({ name }, { is, was, since, reason }) =>
        events.record({ kind: 'state', at: since, pool: pool.name, upstream: name, is, was, reason }),
      observed: (upstream, outcome) => this.#health.get(upstream)?.monitor.observed(outcome),
    };
  }

  create(address: UpstreamAddress, options: UpstreamOptions, order: number, mayBeSame: boolean): Upstream {
    const occupancy = this.#occupancies.at(address.text, mayBeSame);
    const upstream = new Upstream(address, this.#upstreamSettings(address.text, options, order), this.#upstreamDeps, occupancy);
    this.#watch(upstream);
    return upstream;
  }

  /** Its verdict begins anew, and a drain is over; its slots in use stay. */
  takeBack(upstream: Upstream, options: UpstreamOptions, order: number): void {
    // First: with the limit that it had before, others who share the address would take more than
    // all have now.
    this.reconfigure(upstream, options, order);
    upstream.takesPart(true);
    this.#occupancies.back(upstream.name, upstream.occupancy);
    this.#watch(upstream).monitor.appeared();
    const { down, downReason } = this.#overrides.over(upstream.name, options);
    const why = downReason ?? (down ? 'down in the configuration' : 'back in the pool');
    upstream.want(down ? 'disable' : 'serve', why);
  }

  #watch(upstream: Upstream): Health {
    const { passive } = this.#settings;
    const parts = { clock: this.#clock, random: Math.random, ejections: this.#ejections };
    const health: Health = { monitor: new HealthMonitor(upstream, passive, parts), prober: undefined };
    this.#health.set(upstream, health);
    this.#probe(upstream, health);
    return health;
  }

  appeared(upstream: Upstream): void {
    const health = this.#health.get(upstream);
    health?.monitor.appeared();
    health?.prober?.appeared();
  }

  left(upstream: Upstream, vanished = false): void {
    const health = this.#health.get(upstream);
    health?.prober?.stop();
    health?.monitor.stop();
    this.#health.delete(upstream);
    upstream.takesPart(false);
    if (vanished) this.#occupancies.vanished(upstream.name, upstream.occupancy);
  }

  /** Undefined when it is not probed, or was not yet. */
  latestProbe(upstream: Upstream): LatestProbe | undefined {
    return this.#health.get(upstream)?.prober?.latest;
  }

  /** Other settings hold from now on, once `reconfigure` has told each upstream. */
  use(settings: PoolSettings): void {
    const before = this.#settings;
    this.#settings = settings;
    this.#ejections.reconfigure(settings.passive?.maxEjected ?? 0);
    for (const [upstream, health] of this.#health) {
      if (!isDeepStrictEqual(settings.passive, before.passive)) health.monitor.reconfigure(settings.passive);
      if (isDeepStrictEqual(settings.probe, before.probe)) continue;
      health.prober?.stop();
      health.prober = undefined;
      health.monitor.unprobed();
      this.#probe(upstream, health);
    }
  }

  reconfigure(upstream: Upstream, options: UpstreamOptions, order: number): void {
    upstream.reconfigure(this.#upstreamSettings(upstream.name, options, order));
  }

  /** Nobody is looked after any more. */
  end(): void {
    this.#ejections.close();
    for (const upstream of [...this.#health.keys()]) this.left(upstream);
  }

  #upstreamSettings(address: string, options: UpstreamOptions, order: number): UpstreamSettings {
    const settings = this.#settings;
    const { weight, down: disabled, downReason: disabledReason } = this.#overrides.over(address, options);
    const { backup, slowStart, maxConns = settings.maxConns } = options;
    return { ...settings, weight, backup, slowStart, disabled, disabledReason, maxConns, order };
  }

  #probe(upstream: Upstream, health: Health): void {
    const { probe } = this.#settings;
    if (probe === undefined) return;
    const clock = this.#clock;
    const question = this.#registry.probe(probe.question, { upstream: upstream.name, clock, speaks: upstream.protocol });
    const parts = { clock, random: Math.random, log: this.#log };
    const proves = probe.question.kind === 'request' || probe.question.kind === 'exec';
    health.prober = new Prober(upstream, question, probe, parts, (verdict, reason) => {
      health.monitor.probed(verdict, reason, proves);
    });
    health.prober.start();
  }
}
