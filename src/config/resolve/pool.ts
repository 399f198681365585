// Makes a pool's settings of what its part of the file says.

import { PASSIVE_DEFAULTS, POOL_DEFAULTS, RETRY_DEFAULTS, retryReasons, UPSTREAM_DEFAULTS } from '../defaults.ts';
import { placeText } from '../problem.ts';
import type { Report } from '../report.ts';
import type { RawPool, RawUpstream } from '../schema/file.ts';
import type {
  PassiveSettings,
  PoolSettings,
  RetrySettings,
  UpstreamLocation,
  UpstreamOptions,
  UpstreamSpec,
} from '../settings.ts';
import { checkProbe, probeSettings } from './probe.ts';

/** @param raw without what is wrong in it; `checkPool` says what does not go together */
export function poolSettings(name: string, raw: RawPool): PoolSettings {
  const { queue, timeouts, keepalive, sticky_secret_file: secret } = raw;
  const preset = POOL_DEFAULTS;
  const { balance = preset.balance } = raw;
  return {
    name,
    upstreams: upstreamSpecs(raw),
    balance: balance.name === 'sticky' && secret !== undefined ? { ...balance, secret } : balance,
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
    probe: raw.health === 'off' || raw.health === undefined ? preset.probe : probeSettings(raw.health),
    failFastAfter: raw.fail_fast_after ?? preset.failFastAfter,
  };
}

/** Says what does not go together in a pool. */
export function checkPool(raw: RawPool, report: Report): void {
  if (protocolOf(raw) === 'HTTP') refuseOnHttp(raw, report);
  checkUpstreams(raw, report);
  checkSecret(raw, report);
  if (raw.health !== undefined && raw.health !== 'off') checkProbe(raw.health, report);
}

function checkSecret(raw: RawPool, report: Report): void {
  const { balance = POOL_DEFAULTS.balance } = raw;
  // A balancer that could not be read may have been the right one.
  const known = raw.balance !== undefined || !report.has(raw, 'balance');
  if (balance.name !== 'sticky' && known && report.has(raw, 'sticky_secret_file')) {
    report.at(raw, 'sticky_secret_file', "it is for 'balance: sticky:COOKIE'");
  }
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

function speech(location: UpstreamLocation): 'FastCGI' | 'HTTP' {
  return (location.kind === 'glob' ? location.speaks === 'http' : location.address.kind === 'http') ? 'HTTP' : 'FastCGI';
}

/** Complains of what is only for FastCGI workers. */
function refuseOnHttp(raw: RawPool, report: Report): void {
  const { health } = raw;
  if (report.has(raw, 'params')) report.at(raw, 'params', 'they are for FastCGI workers; these are HTTP upstreams');
  if (health === undefined || health === 'off') return;
  if (health.probe === 'values') report.at(health, 'probe', "'values' is for FastCGI workers; these are HTTP upstreams");
  if (report.has(health, 'params')) report.at(health, 'params', 'they are for FastCGI workers; these are HTTP upstreams');
}

/** Where an item of the list of upstreams is; undefined when that could not be read. */
function locationOf(item: UpstreamLocation | RawUpstream): UpstreamLocation | undefined {
  return 'kind' in item ? item : item.address;
}

function checkUpstreams({ upstreams = [] }: RawPool, report: Report): void {
  const places = new Map<string, string>();
  let first: 'FastCGI' | 'HTTP' | undefined;
  for (const [index, item] of upstreams.entries()) {
    const location = locationOf(item);
    if (location === undefined) continue;
    first ??= speech(location);
    if (speech(location) !== first)
      report.at(upstreams, index, `it speaks ${speech(location)}, those before it ${first}; a pool has one kind`);
    const text = location.kind === 'glob' ? location.pattern : location.address.text;
    const before = places.get(text);
    if (before === undefined) places.set(text, placeText(report.placeOf(upstreams, index)));
    else report.at(upstreams, index, `${text} is in this pool already, at ${before}`);
  }
}

function upstreamSpecs({ upstreams = [] }: RawPool): readonly UpstreamSpec[] {
  return upstreams.flatMap((item) => {
    const location = locationOf(item);
    if (location === undefined) return [];
    return [{ ...location, ...('kind' in item ? UPSTREAM_DEFAULTS : upstreamOptions(item)) }];
  });
}

function upstreamOptions(raw: RawUpstream): UpstreamOptions {
  const preset = UPSTREAM_DEFAULTS;
  return {
    weight: raw.weight ?? preset.weight,
    maxConns: raw.max_conns ?? preset.maxConns,
    backup: raw.backup ?? preset.backup,
    down: raw.down ?? preset.down,
    slowStart: raw.slow_start ?? preset.slowStart,
  };
}

function retrySettings(raw: RawPool['retry'] = {}): RetrySettings {
  const preset = RETRY_DEFAULTS;
  const { on, statuses } = raw.on === undefined ? preset : retryReasons(raw.on);
  return {
    on,
    statuses,
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
