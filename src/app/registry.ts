// The names by which configuration speaks of balancers and sources, and what they stand for.

import type { Balancer, BalancerParts, Candidate } from '../balance/balancer.ts';
import { first } from '../balance/first.ts';
import { hash } from '../balance/hash.ts';
import { leastConn } from '../balance/least-conn.ts';
import { leastTime } from '../balance/least-time.ts';
import { randomTwo } from '../balance/random-two.ts';
import { roundRobin } from '../balance/round-robin.ts';
import { sticky } from '../balance/sticky.ts';
import type { BalanceName } from '../config/balance.ts';
import type { UpstreamSpec } from '../config/settings.ts';
import type { Clock } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import { FixedSource } from '../discovery/fixed.ts';
import { GlobSource } from '../discovery/glob.ts';
import type { Source } from '../discovery/source.ts';

export const BALANCERS: Readonly<Record<BalanceName, <C extends Candidate>(parts: BalancerParts) => Balancer<C>>> = {
  'round-robin': roundRobin,
  'least-conn': leastConn,
  first,
  'random-two': randomTwo,
  'least-time': leastTime,
  hash,
  sticky,
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
