// What the pools need of the program that they live in.

import type { Balancer, BalancerDeps, Candidate } from '../balance/balancer.ts';
import type { BalanceName } from '../config/balance.ts';
import type { ProbeQuestion } from '../config/health.ts';
import type { UpstreamSpec } from '../config/settings.ts';
import type { Clock } from '../core/clock.ts';
import type { Events } from '../core/events.ts';
import type { Log } from '../core/log.ts';
import type { Source } from '../discovery/source.ts';
import type { Probe } from '../health/probe.ts';
import type { Occupancies } from '../upstream/slots/occupancy.ts';

export interface ProbeDeps {
  /** The address of the upstream that is probed. */
  readonly upstream: string;
  readonly clock: Clock;
  /** What it speaks; FastCGI when nothing is said. */
  readonly speaks?: 'fastcgi' | 'http';
}

/** Makes what the configuration names. */
export interface Registry {
  balancer<C extends Candidate>(name: BalanceName, deps: BalancerDeps): Balancer<C>;
  /** @throws ConfigError for a glob that cannot be one */
  source(spec: UpstreamSpec, clock: Clock, log: Log): Source;
  /** @throws ConfigError for parameters of a request that no worker takes */
  probe(question: ProbeQuestion, deps: ProbeDeps): Probe;
}

export interface RosterDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly events: Events;
  readonly registry: Registry;
  /** What runs at each address, whichever pools it is in. */
  readonly occupancies: Occupancies;
}
