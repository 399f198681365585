// Makes a pool's settings of what its part of the file says.

import type { Balance } from '../balance.ts';
import { PASSIVE_DEFAULTS, POOL_DEFAULTS, RETRY_DEFAULTS, UPSTREAM_DEFAULTS } from '../defaults.ts';
import { placeText } from '../problem.ts';
import type { Report } from '../report.ts';
import type { RawPool, RawUpstream } from '../schema/file.ts';
import {
  type PassiveSettings,
  type PoolSettings,
  RETRY_CLASSES,
  RETRY_STATUSES,
  type RetrySettings,
  type UpstreamSpec,
} from '../settings.ts';
import { probeSettings } from './probe.ts';

export function poolSettings(name: string, raw: RawPool, report: Report): PoolSettings {
  const { queue, timeouts, keepalive } = raw;
  if (protocolOf(raw) === 'HTTP') refuseOnHttp(raw, report);
  const preset = POOL_DEFAULTS;
  return {
    name,
    upstreams: upstreamSpecs(raw, report),
    balance: balanceOf(raw, report),
    maxConns: raw.max_conns ?? preset.maxConns,
    queue: { size: queue?.size ?? preset.queue.size, timeout: queue?.timeout ?? preset.queue.timeout },
    timeouts: {
      connect: timeouts?.connect ?? preset.timeouts.connect,
      send: timeouts?.send ?? preset.timeouts.send,
      read: timeouts?.read ?? preset.timeouts.read,
      linger: timeouts?.linger ?? preset.timeouts.linger,
    },
    keepAlive: keepalive === undefined ? preset.keepAlive : keepalive.idle,
    handOver: raw.hand_over ?? preset.handOver,
    retry: retrySettings(raw.retry),
    passive: raw.passive === 'off' ? undefined : passiveSettings(raw.passive),
    probe: raw.health === 'off' || raw.health === undefined ? preset.probe : probeSettings(raw.health, report),
    failFastAfter: raw.fail_fast_after ?? preset.failFastAfter,
  };
}

function balanceOf(raw: RawPool, report: Report): Balance {
  const { balance = POOL_DEFAULTS.balance, sticky_secret_file: secret } = raw;
  if (balance.name === 'sticky') return secret === undefined ? balance : { ...balance, secret };
  // A balancer that could not be read may have been the right one.
  if (report.has(raw, 'sticky_secret_file') && (raw.balance !== undefined || !report.has(raw, 'balance'))) {
    report.at(raw, 'sticky_secret_file', "it is for 'balance: sticky:COOKIE'");
  }
  return balance;
}

/** What is spoken with the upstreams of a pool; undefined when that cannot be said. */
export function protocolOf(raw: RawPool): 'FastCGI' | 'HTTP' | undefined {
  const kinds = new Set(
    raw.upstreams?.flatMap((item) => {
      const spec = 'kind' in item ? item : item.address;
      return spec === undefined ? [] : [speech(spec)];
    }),
  );
  const [only] = kinds;
  return kinds.size === 1 ? only : undefined;
}

function speech(spec: UpstreamSpec): 'FastCGI' | 'HTTP' {
  return (spec.kind === 'glob' ? spec.speaks === 'http' : spec.address.kind === 'http') ? 'HTTP' : 'FastCGI';
}

/** Complains of what is only for FastCGI workers. */
function refuseOnHttp(raw: RawPool, report: Report): void {
  const { health } = raw;
  if (report.has(raw, 'params')) report.at(raw, 'params', 'they are for FastCGI workers; these are HTTP upstreams');
  if (health === undefined || health === 'off') return;
  if (health.probe === 'values') report.at(health, 'probe', "'values' is for FastCGI workers; these are HTTP upstreams");
  if (report.has(health, 'params')) report.at(health, 'params', 'they are for FastCGI workers; these are HTTP upstreams');
}

function upstreamSpecs(raw: RawPool, report: Report): readonly UpstreamSpec[] {
  const upstreams = raw.upstreams ?? [];
  const places = new Map<string, string>();
  let first: 'FastCGI' | 'HTTP' | undefined;
  return upstreams.flatMap((item, index) => {
    const spec = 'kind' in item ? item : upstreamSpec(item);
    if (spec === undefined) return [];
    first ??= speech(spec);
    if (speech(spec) !== first)
      report.at(upstreams, index, `it speaks ${speech(spec)}, those before it ${first}; a pool has one kind`);
    const text = spec.kind === 'glob' ? spec.pattern : spec.address.text;
    const before = places.get(text);
    if (before === undefined) places.set(text, placeText(report.placeOf(upstreams, index)));
    else report.at(upstreams, index, `${text} is in this pool already, at ${before}`);
    return [spec];
  });
}

function upstreamSpec(raw: RawUpstream): UpstreamSpec | undefined {
  const { address } = raw;
  if (address === undefined) return undefined;
  const preset = UPSTREAM_DEFAULTS;
  return {
    ...address,
    weight: raw.weight ?? preset.weight,
    maxConns: raw.max_conns ?? preset.maxConns,
    backup: raw.backup ?? preset.backup,
    down: raw.down ?? preset.down,
    slowStart: raw.slow_start ?? preset.slowStart,
  };
}

function retrySettings(raw: RawPool['retry'] = {}): RetrySettings {
  const preset = RETRY_DEFAULTS;
  const on = raw.on === undefined ? undefined : new Set<string>(raw.on);
  return {
    on: on === undefined ? preset.on : new Set(RETRY_CLASSES.filter((name) => on.has(name))),
    statuses: on === undefined ? preset.statuses : new Set(RETRY_STATUSES.filter((status) => on.has(`http_${status}`))),
    attempts: raw.attempts ?? preset.attempts,
    nonIdempotent: raw.non_idempotent ?? preset.nonIdempotent,
    budget: raw.budget ?? preset.budget,
  };
}

function passiveSettings(raw: Exclude<RawPool['passive'], 'off'> = {}): PassiveSettings {
  const preset = PASSIVE_DEFAULTS;
  return {
    maxFails: raw.max_fails ?? preset.maxFails,
    failShare: raw.fail_share ?? preset.failShare,
    failTimeout: raw.fail_timeout ?? preset.failTimeout,
    maxEjection: raw.max_ejection ?? preset.maxEjection,
    on: raw.on === undefined ? preset.on : new Set(raw.on),
    maxEjected: raw.max_ejected ?? preset.maxEjected,
  };
}
