// What the configuration names by kind: balancers, sources, probes and alert targets.

import { CommandSender } from '../alerts/command-sender.ts';
import type { AlertSender } from '../alerts/sender.ts';
import { TelegramSender } from '../alerts/telegram-sender.ts';
import { WebhookSender } from '../alerts/webhook-sender.ts';
import type { Balancer, BalancerDeps, Candidate } from '../balance/balancer.ts';
import { first } from '../balance/first.ts';
import { hash } from '../balance/hash.ts';
import { leastConn } from '../balance/least-conn.ts';
import { leastTime } from '../balance/least-time.ts';
import { randomTwo } from '../balance/random-two.ts';
import { roundRobin } from '../balance/round-robin.ts';
import { sticky } from '../balance/sticky.ts';
import type { AlertTarget } from '../config/alerts.ts';
import type { BalanceName } from '../config/balance.ts';
import type { ProbeQuestion } from '../config/health.ts';
import type { UpstreamSpec } from '../config/settings.ts';
import { httpUnixAddress, socketOf, unixAddress } from '../core/address.ts';
import type { Clock } from '../core/clock.ts';
import { parseGlob, pathLevels } from '../core/glob-pattern.ts';
import type { Log } from '../core/log.ts';
import { FixedSource } from '../discovery/fixed.ts';
import { GlobSource } from '../discovery/glob.ts';
import type { Source } from '../discovery/source.ts';
import { ConnectProbe } from '../health/connect-probe.ts';
import { ExecProbe } from '../health/exec-probe.ts';
import { HttpRequestProbe } from '../health/http-request-probe.ts';
import type { Probe } from '../health/probe.ts';
import { RequestProbe } from '../health/request-probe.ts';
import { ValuesProbe } from '../health/values-probe.ts';
import type { ProbeDeps, Registry } from '../roster/roster-deps.ts';

export const BALANCERS: Readonly<Record<BalanceName, <C extends Candidate>(deps: BalancerDeps) => Balancer<C>>> = {
  'round-robin': roundRobin,
  'least-conn': leastConn,
  first,
  'random-two': randomTwo,
  'least-time': leastTime,
  hash,
  sticky,
};

/** ms. A path is one of perhaps many, and its upstream is tried again anyway. */
const RESCAN = { glob: 2000, path: 30_000 } as const;

/** @throws ConfigError for a glob that cannot be one */
export function createSource(spec: UpstreamSpec, clock: Clock, log: Log): Source {
  switch (spec.kind) {
    case 'glob': {
      const { pattern } = spec;
      const settings = { pattern, levels: parseGlob(pattern), rescan: RESCAN.glob };
      return new GlobSource(settings, clock, log, spec.speaks === 'http' ? httpUnixAddress : unixAddress);
    }
    case 'address': {
      const { address } = spec;
      const socket = socketOf(address);
      if (socket.kind !== 'unix') return new FixedSource(address, undefined);
      const settings = { pattern: socket.path, levels: pathLevels(socket.path), rescan: RESCAN.path };
      return new FixedSource(address, new GlobSource(settings, clock, log, () => address));
    }
  }
}

type Questions = { readonly [Q in ProbeQuestion as Q['kind']]: Q };

export const PROBES: { readonly [K in keyof Questions]: (question: Questions[K], deps: ProbeDeps) => Probe } = {
  connect: () => new ConnectProbe(),
  values: () => new ValuesProbe(),
  request: (question, { speaks }) => (speaks === 'http' ? new HttpRequestProbe(question) : new RequestProbe(question)),
  exec: ({ command }, { upstream, clock }) => new ExecProbe(command, upstream, clock),
};

/**
 * The probe that puts this question to one upstream.
 * @throws ConfigError for parameters of a request that no worker takes
 */
export function createProbe<K extends keyof Questions>(question: Questions[K] & { readonly kind: K }, deps: ProbeDeps): Probe {
  return PROBES[question.kind](question, deps);
}

/** What the pools are made of. */
export const registry: Registry = {
  balancer: (name, deps) => BALANCERS[name](deps),
  source: createSource,
  probe: createProbe,
};

/** @param agent for the `User-Agent` of requests to the target */
export function createAlertTarget(target: AlertTarget, agent: string, clock: Clock): AlertSender {
  switch (target.kind) {
    case 'webhook':
      return new WebhookSender(target, agent, clock);
    case 'telegram':
      return new TelegramSender(target, agent, clock);
    case 'command':
      return new CommandSender(target, clock);
  }
}
