// Upstreams with their monitors, wired as in a living pool, at a clock the test moves; outcomes are
// said, not lived.

import { PASSIVE_DEFAULTS } from '../../../src/config/defaults.ts';
import type { PassiveSettings } from '../../../src/config/settings.ts';
import { unixAddress } from '../../../src/core/address.ts';
import { type FailureCode, ProxyError } from '../../../src/core/errors.ts';
import { ConnectProbe } from '../../../src/health/connect-probe.ts';
import type { HealthMonitor } from '../../../src/health/monitor.ts';
import { PoolHealth } from '../../../src/health/pool-health.ts';
import type { ExchangeOutcome } from '../../../src/upstream/transport/request.ts';
import { Upstream } from '../../../src/upstream/upstream.ts';
import { FakeClock } from '../fake-clock.ts';
import { type Line, recordingLog } from './recording-log.ts';

export const PASSIVE: PassiveSettings = { ...PASSIVE_DEFAULTS, maxFails: 3, failTimeout: 10_000, maxEjection: 60_000 };

export const good = (status = 200): ExchangeOutcome => ({ kind: 'complete', status });
export const ABANDONED: ExchangeOutcome = { kind: 'abandoned' };
export const failed = (code: FailureCode): ExchangeOutcome => ({ kind: 'failed', error: new ProxyError(code, 'test') });
export const REFUSED = failed('FCGI_LB_CONNECT_REFUSED');
export const CLOSED = failed('FCGI_LB_UPSTREAM_CLOSED');

export interface Watched {
  readonly upstream: Upstream;
  readonly monitor: HealthMonitor;
  /** Tells the monitor of requests that ended so. */
  observe(outcome: ExchangeOutcome, times?: number): void;
}

export interface HealthParts {
  readonly clock: FakeClock;
  readonly lines: readonly Line[];
  /** States as logged, in order: `name state: reason`. */
  changes(): readonly string[];
  join(name: string): Watched;
}

/** @param random makes every random number: 0 leaves ejections as long as they can be */
export function healthParts(settings: PassiveSettings | undefined, random: () => number = () => 0): HealthParts {
  const clock = new FakeClock();
  const { log, lines } = recordingLog();
  const probe = (): ConnectProbe => new ConnectProbe();
  const health = new PoolHealth({ passive: settings, probe: undefined }, { clock, log, random, probe });
  let order = 0;
  return {
    clock,
    lines,
    changes: () =>
      lines.flatMap(({ fields }) => {
        const { upstream, state, reason } = fields;
        return state === undefined
          ? []
          : [`${String(upstream).replace('/nonexistent/', '')} ${String(state)}: ${String(reason)}`];
      }),
    join: (name) => {
      order += 1;
      const own = { weight: 1, order, maxConns: 4, timeouts: { connect: 1e9, send: 1e9, read: 1e9, linger: 1e9 } };
      const upstream = new Upstream(
        unixAddress(`/nonexistent/${name}`),
        { ...own, keepAlive: undefined, handOver: true, disabled: false },
        {
          clock,
          log,
          pool: { changed: () => undefined },
          health,
          alone: () => false,
          stateChanged: () => undefined,
        },
      );
      const monitor = health.watch(upstream);
      const observe = (outcome: ExchangeOutcome, times = 1): void => {
        for (let i = 0; i < times; i += 1) monitor.observed(outcome);
      };
      return { upstream, monitor, observe };
    },
  };
}
