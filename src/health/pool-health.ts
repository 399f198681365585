// The health of a pool's upstreams: a monitor for each, a prober where the pool has probes, and the
// ejections that they share.

import { isDeepStrictEqual } from 'node:util';
import type { ProbeQuestion } from '../config/health.ts';
import type { PoolSettings } from '../config/settings.ts';
import type { Clock } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import type { ExchangeOutcome } from '../upstream/transport/request.ts';
import type { Upstream } from '../upstream/upstream.ts';
import type { UpstreamHealth } from '../upstream/upstream-deps.ts';
import { Ejections } from './ejections.ts';
import { HealthMonitor } from './monitor.ts';
import type { Probe } from './probe.ts';
import { type LatestProbe, Prober } from './prober.ts';

export type HealthSettings = Pick<PoolSettings, 'passive' | 'probe'>;

export interface PoolHealthDeps {
  readonly clock: Clock;
  readonly log: Log;
  /** A number of at least 0 and below 1. */
  readonly random: () => number;
  /** Makes the probe that puts the question to one upstream. @throws ConfigError */
  readonly probe: (question: ProbeQuestion, upstream: Upstream) => Probe;
}

interface Watched {
  readonly monitor: HealthMonitor;
  prober: Prober | undefined;
}

/**
 * Invariant: while an upstream is ejected another one serves, or the one ejected first is let back
 * in: `changed` sees to that, which each upstream calls whenever it may have ceased to serve.
 */
export class PoolHealth implements UpstreamHealth<Upstream> {
  readonly #deps: PoolHealthDeps;
  readonly #watched = new Map<Upstream, Watched>();
  readonly #ejections: Ejections<HealthMonitor>;
  #settings: HealthSettings;

  constructor(settings: HealthSettings, deps: PoolHealthDeps) {
    this.#settings = settings;
    this.#deps = deps;
    this.#ejections = new Ejections(settings.passive?.maxEjected ?? 0, (monitor) => monitor.serves);
  }

  changed(upstream: Upstream): void {
    if (!upstream.well) this.#ejections.needed()?.needed();
  }

  observed(upstream: Upstream, outcome: ExchangeOutcome): void {
    this.#watched.get(upstream)?.monitor.observed(outcome);
  }

  /** Watches an upstream that has joined; `left` must follow. */
  watch(upstream: Upstream): HealthMonitor {
    const { clock, random } = this.#deps;
    const monitor = new HealthMonitor(upstream, this.#settings.passive, { clock, random, ejections: this.#ejections });
    const watched: Watched = { monitor, prober: undefined };
    this.#watched.set(upstream, watched);
    this.#probe(upstream, watched);
    return monitor;
  }

  /** The upstream's address has appeared anew. */
  appeared(upstream: Upstream): void {
    const watched = this.#watched.get(upstream);
    watched?.monitor.appeared();
    watched?.prober?.appeared();
  }

  left(upstream: Upstream): void {
    const watched = this.#watched.get(upstream);
    watched?.prober?.stop();
    watched?.monitor.stop();
    this.#watched.delete(upstream);
  }

  /** Undefined when the upstream is not probed, or was not yet. */
  latestProbe(upstream: Upstream): LatestProbe | undefined {
    return this.#watched.get(upstream)?.prober?.latest;
  }

  /** Other settings hold from now on. */
  reconfigure(settings: HealthSettings): void {
    const before = this.#settings;
    this.#settings = settings;
    this.#ejections.reconfigure(settings.passive?.maxEjected ?? 0);
    for (const [upstream, watched] of this.#watched) {
      if (!isDeepStrictEqual(settings.passive, before.passive)) watched.monitor.reconfigure(settings.passive);
      if (isDeepStrictEqual(settings.probe, before.probe)) continue;
      watched.prober?.stop();
      watched.prober = undefined;
      watched.monitor.unprobed();
      this.#probe(upstream, watched);
    }
  }

  /** The pool ends: no upstream is watched any more, and none is let back in. */
  end(): void {
    this.#ejections.close();
    for (const upstream of [...this.#watched.keys()]) this.left(upstream);
  }

  #probe(upstream: Upstream, watched: Watched): void {
    const { probe } = this.#settings;
    if (probe === undefined) return;
    const { question } = probe;
    const proves = question.kind === 'request' || question.kind === 'exec';
    watched.prober = new Prober(upstream, this.#deps.probe(question, upstream), probe, this.#deps, (verdict, reason) => {
      watched.monitor.probed(verdict, reason, proves);
    });
    watched.prober.start();
  }
}
