// Targets of alerts for tests: one message at a time, to real servers and real commands.

import type { Message } from '../../../src/alerts/message.ts';
import type { Delivery } from '../../../src/alerts/sender.ts';
import { createAlertTarget } from '../../../src/app/registry.ts';
import { ALERT_KINDS, type AlertTarget } from '../../../src/config/alerts.ts';
import { systemClock } from '../../../src/core/clock.ts';

export const TOKEN = '123456:a-token-that-nobody-may-see';

export const MESSAGE: Message = {
  id: 'an-id',
  at: new Date('2026-01-02T03:04:05.678Z'),
  from: 'web1',
  alerts: [
    {
      kind: 'upstream',
      pool: 'rt',
      upstream: '/run/rt1.sock',
      is: 'bad',
      state: 'down',
      reason: 'it closed the connection',
      since: new Date('2026-01-02T03:04:05Z'),
      untold: 0,
    },
  ],
  open: 1,
};

type Kind<K> = Omit<Extract<AlertTarget, { kind: K }>, 'name' | 'timeout' | 'only' | 'kind'>;

const COMMON = { name: 'ops', only: new Set(ALERT_KINDS) };
const never = new AbortController().signal;

/** One attempt at a target. */
export function deliver(
  settings: AlertTarget,
  { dropped = 0, signal = never, message = MESSAGE }: { dropped?: number; signal?: AbortSignal; message?: Message } = {},
): Promise<Delivery> {
  return createAlertTarget(settings, 'fcgi-lb/test', systemClock).deliver(message, dropped, signal);
}

export function webhook(url: string, authorization?: string, timeout = 10_000): AlertTarget {
  return { ...COMMON, kind: 'webhook', url, authorization, timeout };
}

export function telegram(api: string, timeout = 10_000): AlertTarget {
  const what: Kind<'telegram'> = { token: TOKEN, chat: '-1001', api };
  return { ...COMMON, kind: 'telegram', timeout, ...what };
}

export function command(words: readonly [string, ...string[]], timeout = 10_000): AlertTarget {
  return { ...COMMON, kind: 'command', command: words, timeout };
}
