// The schema of the alerts: what is watched, how long a change must hold, where messages go.

import { ALERT_KINDS } from '../alerts.ts';
import {
  AUTHORIZATION_FILE,
  BASE_URL,
  CHAT,
  QUEUE_LIMIT,
  SENDER_NAME,
  TOKEN_FILE,
  URL_FILE,
  WEBHOOK_URL,
} from './alert-kinds.ts';
import { either, keys, list, named, value } from './build.ts';
import { TARGET_KEY } from './http-kinds.ts';
import { BOOLEAN, count, DURATION, LIMIT, OFF, SHARE, TEXT, word } from './kinds.ts';

export const TARGET_KINDS = ['webhook', 'telegram', 'command'] as const;

export const ALERT_QUEUE = keys(
  {
    over: value(QUEUE_LIMIT, {
      description: "requests that wait, or a share of the pool's `queue.size`; below half of it all is well again",
      default: '50%',
    }),
  },
  { description: "how long a pool's queue may be" },
);

export const ALERT_ERRORS = keys(
  {
    share: value(SHARE, {
      description: 'requests that end with a 5xx, of all that end; below half of it all is well again',
      default: '10%',
    }),
    window: value(LIMIT, { description: 'the time over which they are counted', default: '1m' }),
    min_requests: value(count(1), { description: 'requests in that time; of fewer nothing is said', default: 20 }),
  },
  { description: 'how many requests to a pool may fail' },
);

export const ALERT_TARGET = keys(
  {
    to: value(word(TARGET_KINDS), {
      description: '`webhook` (a POST of JSON), `telegram` (a message of a bot) or `command` (a program of yours)',
    }),
    url: value(WEBHOOK_URL, { description: 'of a webhook. One with a secret in it belongs into `url_file`' }),
    url_file: value(URL_FILE, { description: 'holds the URL of a webhook' }),
    authorization_file: value(AUTHORIZATION_FILE, {
      description: 'holds the value of the header `Authorization` for a webhook, such as `Bearer ...`',
    }),
    token_file: value(TOKEN_FILE, { description: "holds the token of Telegram's bot" }),
    chat: value(CHAT, { description: 'where the bot speaks: the number of a chat, or `@CHANNEL`' }),
    api: value(BASE_URL, { description: 'of a bot API', default: 'https://api.telegram.org' }),
    command: list(value(TEXT, { description: 'a word' }), { description: 'a program and its arguments; no shell reads them' }, 1),
    timeout: value(LIMIT, { description: 'for one attempt', default: '10s' }),
    only: list(
      value(word(ALERT_KINDS), { description: 'one kind' }),
      { description: 'the kinds of alerts that go there', otherwise: 'all' },
      1,
    ),
  },
  { description: 'where messages go' },
  ['to'],
);

export const ALERTS = keys(
  {
    name: value(SENDER_NAME, { description: "the sender's name in messages", otherwise: 'the name of the host' }),
    after: value(DURATION, { description: 'how long a change must hold before it is reported', default: '10s' }),
    quiet: value(LIMIT, {
      description: 'time without trouble after which it is forgotten that something has flapped',
      default: '5m',
    }),
    group: value(DURATION, { description: 'changes that come within this time make one message', default: '2s' }),
    upstream: value(BOOLEAN, { description: 'tell when an upstream is down', default: true }),
    pool: value(BOOLEAN, { description: 'tell when a pool can serve nobody', default: true }),
    reload: value(BOOLEAN, { description: 'tell when a reload failed', default: true }),
    queue: either([value(OFF, { description: 'queues are not watched' }), ALERT_QUEUE], {
      description: 'tell when a queue is long; `off`: never',
    }),
    errors: either([value(OFF, { description: 'failures are not watched' }), ALERT_ERRORS], {
      description: 'tell when too many requests fail; `off`: never',
    }),
    targets: named(TARGET_KEY, ALERT_TARGET, { description: 'where messages go, by name' }),
  },
  { description: 'which failures are reported, and where messages go (docs/alerts.md)' },
  ['targets'],
);
