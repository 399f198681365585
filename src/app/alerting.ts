// Builds the alerts of a program: what they read of its pools, and their targets.

import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { AlertFacts, DownUpstream, PoolSample } from '../alerts/alert-monitor.ts';
import { Alerts } from '../alerts/alerts.ts';
import type { AlertSettings } from '../config/alerts.ts';
import type { Roster } from '../roster/roster.ts';
import type { RosterDeps } from '../roster/roster-deps.ts';
import { createAlertTarget } from './registry.ts';

/** @param version of the program, for the `User-Agent` that targets see */
export function createAlerts(settings: AlertSettings, version: string, roster: Roster, deps: RosterDeps): Alerts {
  const { clock, log, events } = deps;
  return new Alerts(settings, {
    clock,
    log,
    events,
    facts: factsOf(roster),
    target: (target) => createAlertTarget(target, `fcgi-lb/${version}`, clock),
    newId: randomUUID,
    random: Math.random,
    host: hostname(),
  });
}

function factsOf(roster: Roster): AlertFacts {
  return {
    *pools(): Iterable<PoolSample> {
      for (const living of roster.pools.values()) {
        const { pool, settings } = living;
        const { name, waiting, counts } = pool;
        const { requests } = counts;
        const { size } = settings.queue;
        yield { pool: name, waiting, size, unready: living.unready(), requests, errors: counts.statuses('5xx') };
      }
    },
    *down(): Iterable<DownUpstream> {
      for (const { pool } of roster.pools.values()) {
        for (const { name, state } of pool.upstreams) {
          if (state.is === 'down') yield { pool: pool.name, upstream: name, since: state.since, reason: state.reason };
        }
      }
    },
  };
}
