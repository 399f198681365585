// Alerts in words, for people who were asleep a moment ago.

import type { Alert } from './alert.ts';

/** What happened, to which subject and why, in one line. */
export function sentence(alert: Alert): string {
  const since = alert.since.toISOString().replace(/\.\d+Z$/, 'Z');
  const untold = alert.untold === 0 ? '' : ` (changed ${alert.untold} times before that)`;
  return `${claim(alert)} since ${since}${untold}: ${alert.reason}`;
}

/** The same of several, in as few words as they have kinds. */
export function headline(alerts: readonly Alert[]): string {
  const [only, ...others] = alerts;
  if (only !== undefined && others.length === 0) return sentence(only);
  const groups = new Map<string, Alert[]>();
  for (const alert of alerts) {
    const group =
      alert.kind === 'upstream' ? `upstream ${alert.pool} ${alert.state}` : JSON.stringify([alert.kind, alert.pool, alert.is]);
    groups.set(group, [...(groups.get(group) ?? []), alert]);
  }
  return [...groups.values()].map(together).join('; ');
}

function together(alerts: readonly Alert[]): string {
  const [first] = alerts;
  if (first === undefined) return '';
  return alerts.length === 1 ? claim(first) : `${alerts.length} upstreams of pool ${first.pool} ${stateOf(first, 'are')}`;
}

function claim(alert: Alert): string {
  const bad = alert.is === 'bad';
  if (alert.state === 'left' && alert.kind !== 'upstream') return `pool ${alert.pool} has left the configuration`;
  switch (alert.kind) {
    case 'upstream':
      return `upstream ${alert.upstream} of pool ${alert.pool} ${stateOf(alert, 'is')}`;
    case 'pool':
      return bad ? `pool ${alert.pool} serves nobody` : `pool ${alert.pool} serves again`;
    case 'queue':
      return bad ? `the queue of pool ${alert.pool} is long` : `the queue of pool ${alert.pool} is short again`;
    case 'errors':
      return bad ? `too many requests to pool ${alert.pool} fail` : `requests to pool ${alert.pool} succeed again`;
    case 'reload':
      return bad ? 'a reload failed' : 'a reload succeeded again';
  }
}

function stateOf({ state }: Alert, verb: 'is' | 'are'): string {
  switch (state) {
    case 'up':
      return `${verb} up again`;
    case 'left':
      return verb === 'is' ? 'has left' : 'have left';
    case 'unknown':
      return `${verb} no longer known to be down`;
    default:
      return `${verb} ${state}`;
  }
}
