// Creates a pool's upstreams and connects each to the pool and to its health checks.

import type { PoolSettings, UpstreamOptions } from '../config/settings.ts';
import type { UpstreamAddress } from '../core/address.ts';
import { PoolHealth } from '../health/pool-health.ts';
import type { LatestProbe } from '../health/prober.ts';
import type { Pool } from '../pool/pool.ts';
import type { Occupancies } from '../upstream/slots/occupancy.ts';
import { Upstream } from '../upstream/upstream.ts';
import type { UpstreamDeps } from '../upstream/upstream-deps.ts';
import type { UpstreamSettings } from '../upstream/upstream-settings.ts';
import type { UpstreamLifecycle } from './members.ts';
import type { Overrides } from './overrides.ts';
import type { RosterDeps } from './roster-deps.ts';

export class UpstreamFactory implements UpstreamLifecycle {
  readonly #occupancies: Occupancies;
  readonly #health: PoolHealth;
  readonly #upstreamDeps: UpstreamDeps<Upstream>;
  readonly #overrides: Overrides;
  #settings: PoolSettings;

  constructor(settings: PoolSettings, pool: Pool, overrides: Overrides, deps: RosterDeps) {
    const { clock, log, events, registry } = deps;
    this.#settings = settings;
    this.#overrides = overrides;
    this.#occupancies = deps.occupancies;
    this.#health = new PoolHealth(settings, {
      clock,
      log,
      random: Math.random,
      probe: (question, { name, protocol }) => registry.probe(question, { upstream: name, clock, speaks: protocol }),
    });
    this.#upstreamDeps = {
      clock,
      log,
      pool,
      health: this.#health,
      alone: () => pool.upstreams.size <= 1,
      stateChanged: ({ name }, { is, was, since, reason }) =>
        events.record({ kind: 'state', at: since, pool: pool.name, upstream: name, is, was, reason }),
    };
  }

  create(address: UpstreamAddress, options: UpstreamOptions, order: number, mayBeSame: boolean): Upstream {
    const occupancy = this.#occupancies.at(address.text, mayBeSame);
    const upstream = new Upstream(address, this.#upstreamSettings(address.text, options, order), this.#upstreamDeps, occupancy);
    this.#health.watch(upstream);
    return upstream;
  }

  /** Its verdict begins anew, and a drain is over; its slots in use stay. */
  takeBack(upstream: Upstream, options: UpstreamOptions, order: number): void {
    // First: with the limit that it had before, other pools that share the address would take more
    // slots than there are now.
    this.reconfigure(upstream, options, order);
    upstream.takesPart(true);
    this.#occupancies.back(upstream.name, upstream.occupancy);
    this.#health.watch(upstream).appeared();
    const { down, downReason } = this.#overrides.over(upstream.name, options);
    const why = downReason ?? (down ? 'down in the configuration' : 'back in the pool');
    upstream.want(down ? 'disable' : 'serve', why);
  }

  appeared(upstream: Upstream): void {
    this.#health.appeared(upstream);
  }

  left(upstream: Upstream, vanished: boolean): void {
    this.#health.left(upstream);
    upstream.takesPart(false);
    if (vanished) this.#occupancies.vanished(upstream.name, upstream.occupancy);
  }

  /** Undefined when it is not probed, or was not yet. */
  latestProbe(upstream: Upstream): LatestProbe | undefined {
    return this.#health.latestProbe(upstream);
  }

  /** Other settings hold from now on, once `reconfigure` has been called for each upstream. */
  use(settings: PoolSettings): void {
    this.#settings = settings;
    this.#health.reconfigure(settings);
  }

  reconfigure(upstream: Upstream, options: UpstreamOptions, order: number): void {
    upstream.reconfigure(this.#upstreamSettings(upstream.name, options, order));
  }

  /** The pool ends, with these as its members. */
  end(upstreams: Iterable<Upstream>): void {
    this.#health.end();
    for (const upstream of upstreams) upstream.takesPart(false);
  }

  #upstreamSettings(address: string, options: UpstreamOptions, order: number): UpstreamSettings {
    const settings = this.#settings;
    const { weight, down: disabled, downReason: disabledReason } = this.#overrides.over(address, options);
    const { backup, slowStart, maxConns = settings.maxConns } = options;
    return { ...settings, weight, backup, slowStart, disabled, disabledReason, maxConns, order };
  }
}
