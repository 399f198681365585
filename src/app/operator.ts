// What the operator may ask of the running program and do to it: the answers of the admin server.

import { Metrics } from '../admin/metrics.ts';
import { poolStatus, upstreamStatus } from '../admin/pool-status.ts';
import { mostDescriptors, processStatus } from '../admin/process-status.ts';
import type { AdminFacts, MetricsAnswer, Readiness } from '../admin/server.ts';
import type {
  ActionStatus,
  AlertTestStatus,
  ListenerStatus,
  OperatorAction,
  ReloadStatus,
  Status,
  UpgradeStatus,
  Who,
} from '../admin/status.ts';
import type { Clock } from '../core/clock.ts';
import type { Events } from '../core/events.ts';
import type { Log } from '../core/log.ts';
import type { LoopDelay } from '../core/loop-delay.ts';
import type { Roster } from '../roster/roster.ts';
import type { Changes, ReloadResult } from './changes.ts';

interface Running {
  readonly generation: number;
  readonly stopping: boolean;
  /** Undefined before the first reload. */
  readonly latestReload: ReloadResult | undefined;
  /** Client requests that are not finished. */
  readonly active: number;
  readonly events: Events;
  readonly loopDelay: LoopDelay;
  /** Lines of the access log that were lost. */
  readonly accessLogDropped: number;
  addresses(): readonly ListenerStatus[];
  readonly alerts: { test(): Promise<AlertTestStatus['targets']> };
}

export interface OperatorDeps {
  readonly version: string;
  readonly roster: Roster;
  readonly program: Running;
  readonly changes: Pick<Changes, 'reload' | 'upgrade'>;
  readonly clock: Clock;
  readonly log: Log;
}

export class Operator implements AdminFacts {
  readonly #version: string;
  readonly #roster: Roster;
  readonly #program: Running;
  readonly #changes: OperatorDeps['changes'];
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #startedAt: number;
  /** The same as a date. */
  readonly #began: Date;
  readonly #metrics = new Metrics();
  readonly #maxFds = mostDescriptors();

  constructor({ version, roster, program, changes, clock, log }: OperatorDeps) {
    this.#version = version;
    this.#roster = roster;
    this.#program = program;
    this.#changes = changes;
    this.#clock = clock;
    this.#log = log;
    this.#startedAt = clock.now();
    this.#began = clock.date();
  }

  readiness(): Readiness {
    if (this.#program.stopping) return { ready: false, reasons: ['the program is stopping'] };
    const reasons = [...this.#roster.pools.values()].flatMap((pool) => pool.unready() ?? []);
    return { ready: reasons.length === 0, reasons };
  }

  status(): Status {
    const { generation, stopping, active, events, loopDelay, accessLogDropped, latestReload } = this.#program;
    const now = this.#clock.now();
    return {
      format: 1,
      version: this.#version,
      pid: process.pid,
      generation,
      uptime_seconds: Math.round(now - this.#startedAt) / 1000,
      stopping,
      ...this.readiness(),
      reload: latestReload === undefined ? null : reloadStatus(latestReload),
      listeners: this.#program.addresses(),
      active,
      access_log_dropped: accessLogDropped,
      process: processStatus(loopDelay.times.percentiles(now)),
      pools: [
        ...[...this.#roster.pools.values()].map((pool) => poolStatus(pool, false, now)),
        ...[...this.#roster.retiring].map((pool) => poolStatus(pool, true, now)),
      ],
      recent: events.recent.map((event) => ({ ...event, at: event.at.toISOString() })).reverse(),
    };
  }

  async metrics(): Promise<MetricsAnswer> {
    const { pools, retiring } = this.#roster;
    const histograms = [...pools.values(), ...retiring].map(({ pool: { name, counts } }) => {
      const { waits, connect, head, total } = counts;
      return [name, { waits: waits.all, connect: connect.all, head: head.all, total: total.all }] as const;
    });
    const text = await this.#metrics.text({
      status: this.status(),
      pools: new Map(histograms),
      loopDelay: this.#program.loopDelay.times.all,
      maxFds: this.#maxFds,
      startedAt: this.#began,
    });
    return { contentType: this.#metrics.contentType, text };
  }

  wish(action: OperatorAction, poolName: string, name: string, who: Who): ActionStatus {
    const found = this.#roster.find(poolName, name);
    if (found.kind === 'unknown') return found;
    const { upstream, pool } = found;
    this.#log.info({ ...who, pool: poolName, upstream: upstream.name }, action);
    pool.want(upstream, action, `${action} by ${who.by}`);
    return { kind: 'done', pool: poolName, upstream: upstreamStatus(upstream, pool, false, this.#clock.now()) };
  }

  weigh(weight: number, poolName: string, name: string, who: Who): ActionStatus {
    const found = this.#roster.find(poolName, name);
    if (found.kind === 'unknown') return found;
    const { upstream, pool } = found;
    this.#log.info({ ...who, pool: poolName, upstream: upstream.name, weight }, 'weight');
    pool.weigh(upstream, weight);
    return { kind: 'done', pool: poolName, upstream: upstreamStatus(upstream, pool, false, this.#clock.now()) };
  }

  async reload({ by, client, agent }: Who): Promise<ReloadStatus> {
    const who = [client, agent].flatMap((part) => part ?? []);
    return reloadStatus(await this.#changes.reload(who.length === 0 ? by : `${by} (${who.join(', ')})`));
  }

  async testAlerts(who: Who): Promise<AlertTestStatus> {
    this.#log.info({ ...who }, 'testing the alerts');
    return { targets: await this.#program.alerts.test() };
  }

  async upgrade({ by, agent }: Who): Promise<UpgradeStatus> {
    const { pid } = process;
    const result = await this.#changes.upgrade(agent === undefined ? by : `${by} (${agent})`);
    if (result.kind === 'ready') return { result: 'good', pid, successor: result.successor };
    return { result: result.kind === 'refused' ? 'refused' : 'bad', pid, reason: result.reason };
  }
}

function reloadStatus(result: ReloadResult): ReloadStatus {
  const at = result.at.toISOString();
  if (result.kind === 'good') return { result: 'good', at, generation: result.generation };
  return { result: 'bad', at, problems: result.problems };
}
