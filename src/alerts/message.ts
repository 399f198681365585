// One message to a target: the changes that came together, as JSON for programs and as text for
// people.

import { escapeControls } from '../core/escape.ts';
import { type Alert, keyOf } from './alert.ts';
import { headline, sentence } from './sentence.ts';

/** Alerts that a message lists, and lines of its text; of more it has only the number. */
const LISTED = 100;
const LINES = 20;
/** Characters; Telegram takes 4,096. */
const MAX_TEXT = 3500;

export interface Message {
  /** The same for every attempt and every target. */
  readonly id: string;
  /** Wall-clock time. */
  readonly at: Date;
  /** The sender's name. */
  readonly from: string;
  /** Undefined: a test, which shows only that messages arrive. */
  readonly alerts: readonly Alert[] | undefined;
  /** Subjects whose last alert was bad, these included. */
  readonly open: number;
}

/** The message without what is not in `wanted`; undefined when nothing is left. */
export function narrowed(message: Message, wanted: (alert: Alert) => boolean): Message | undefined {
  const alerts = message.alerts?.filter(wanted);
  return alerts?.length === 0 ? undefined : { ...message, alerts };
}

/** @param dropped messages before this one that the target has not had and will not have */
export function textOf({ alerts, from }: Message, dropped = 0): string {
  if (alerts === undefined) return `${from}: this is a test; alerts arrive here`;
  const lines = alerts.length > 1 ? alerts.map(sentence) : [];
  const more = lines.length - LINES;
  const all = [
    `${from}: ${headline(alerts)}`,
    ...lines.slice(0, LINES).map((line) => `- ${line}`),
    ...(more > 0 ? [`- and ${more} more`] : []),
    ...(dropped > 0 ? [`(${dropped} earlier messages could not be sent)`] : []),
  ];
  const text = all.map(escapeControls).join('\n');
  if (text.length <= MAX_TEXT) return text;
  // Half a character at the end would make the whole text invalid.
  return `${text.slice(0, MAX_TEXT - 3).replace(/[\ud800-\udbff]$/, '')}...`;
}

/**
 * The document that webhooks get and commands read; docs/alerts.md describes it. Fields may be
 * added; with any other change `format` becomes another number.
 */
export function documentOf(message: Message, dropped = 0): string {
  const { id, at, from, alerts = [], open } = message;
  return JSON.stringify({
    format: 1,
    id,
    at: at.toISOString(),
    from,
    is: outcomeOf(message),
    text: textOf(message, dropped),
    alerts: alerts.slice(0, LISTED).map(({ kind, is, state, pool, upstream, since, reason, untold }) => ({
      kind,
      is,
      state,
      ...(pool === undefined ? {} : { pool }),
      ...(upstream === undefined ? {} : { upstream }),
      since: since.toISOString(),
      reason,
      untold,
    })),
    more: Math.max(0, alerts.length - LISTED),
    open,
    dropped,
  });
}

/** For the whole message: bad when any of its alerts is. */
export function outcomeOf({ alerts }: Message): 'bad' | 'good' | 'test' {
  if (alerts === undefined) return 'test';
  const latest = new Map(alerts.map((alert) => [keyOf(alert), alert.is]));
  return [...latest.values()].includes('bad') ? 'bad' : 'good';
}
