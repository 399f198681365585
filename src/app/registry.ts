// The names by which configuration speaks of balancers and sources, and what they stand for.

import type { Balancer, Candidate } from '../balance/balancer.ts';
import { leastConn } from '../balance/least-conn.ts';
import { roundRobin } from '../balance/round-robin.ts';
import type { BalanceName, UpstreamSpec } from '../config/settings.ts';
import type { Clock } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import { FixedSource } from '../discovery/fixed.ts';
import { GlobSource } from '../discovery/glob.ts';
import type { Source } from '../discovery/source.ts';

export const BALANCERS: Readonly<Record<BalanceName, <C extends Candidate>() => Balancer<C>>> = {
  'round-robin': roundRobin,
  'least-conn': leastConn,
};

/** @throws ConfigError for a glob that cannot be one */
export function createSource(spec: UpstreamSpec, clock: Clock, log: Log): Source {
  switch (spec.kind) {
    case 'glob':
      return new GlobSource(spec.pattern, clock, log);
    case 'address':
      return new FixedSource(spec.address);
  }
}
