// The schema of one pool: its upstreams, who is picked, who waits, what is asked again.

import { PLAIN_BALANCES } from '../balance.ts';
import { PASSIVE_CLASSES, RETRY_CLASSES, RETRY_STATUSES } from '../settings.ts';
import { either, keys, list, named, value } from './build.ts';
import { PARAM_KEY } from './http-kinds.ts';
import {
  BALANCE,
  BOOLEAN,
  count,
  DURATION,
  KEEPALIVE,
  LIMIT,
  MAX_CONNS,
  OFF,
  SECRET_FILE,
  SHARE,
  TEMPLATE,
  UPSTREAM,
  word,
} from './kinds.ts';
import { PROBE } from './probe.ts';

const BALANCES = PLAIN_BALANCES.map((name) => `\`${name}\``).join(', ');

const UPSTREAM_FORMS =
  'a quoted glob of socket paths (`/run/rt*.sock`, watched: sockets that come and go join and leave), a path, `unix:/path` or `HOST:PORT`; `http://HOST:PORT`, `https://HOST:PORT` or `http+unix:/path` for an HTTP server';

export const UPSTREAM_MAP = keys(
  {
    address: value(UPSTREAM, { description: UPSTREAM_FORMS }),
    weight: value(count(1), { description: 'share of the requests, beside those of the other upstreams', default: 1 }),
    max_conns: value(MAX_CONNS, { description: 'requests in flight here', otherwise: "the pool's `max_conns`" }),
    backup: value(BOOLEAN, { description: 'used only while no other upstream of the pool is available', default: false }),
    down: value(BOOLEAN, { description: 'disabled from the start', default: false }),
    slow_start: value(DURATION, {
      description: 'time over which it is given its full share when it comes (back)',
      default: '0s',
    }),
  },
  { description: 'one upstream, or all that a glob finds, with what is said of each' },
  ['address'],
);

export const QUEUE = keys(
  {
    size: value(count(0), { description: 'requests that may wait for an upstream; more are refused with 503', default: 1024 }),
    timeout: value(DURATION, { description: 'how long a request may wait for an upstream, then 503', default: '30s' }),
  },
  { description: 'the one waiting room of the pool' },
);

export const TIMEOUTS = keys(
  {
    connect: value(LIMIT, { description: 'for a connection to an upstream', default: '5s' }),
    send: value(LIMIT, { description: 'for an upstream to take some of a request', default: '60s' }),
    read: value(LIMIT, { description: 'for an upstream to send some of its answer', default: '60s' }),
    linger: value(DURATION, {
      description: 'how long a worker whose client left counts as busy while it is silent',
      default: '5m',
    }),
  },
  { description: 'how long an upstream may take' },
);

export const RETRY = keys(
  {
    on: list(
      value(word([...RETRY_CLASSES, ...RETRY_STATUSES.map((status) => `http_${status}` as const)]), {
        description: 'one failure',
      }),
      {
        description: 'what makes a request be sent again: failures by class, or statuses of an answer',
        default: [...RETRY_CLASSES],
      },
    ),
    attempts: value(count(1), { description: 'times a request may be sent to workers that may have begun it', default: 3 }),
    non_idempotent: value(BOOLEAN, {
      description: 'whether POST and other methods that are not idempotent may be sent again too; they may then run twice',
      default: false,
    }),
    budget: value(SHARE, { description: 'second attempts, as a share of the requests', default: '20%' }),
  },
  { description: 'when a request may be sent again' },
);

export const PASSIVE = keys(
  {
    max_fails: value(count(1), { description: 'failures of one class within `fail_timeout` that eject an upstream', default: 3 }),
    fail_share: value(SHARE, {
      description:
        "share of an upstream's requests that must have failed in that window, so that a busy one is not ejected for a few",
      default: '50%',
    }),
    fail_timeout: value(LIMIT, { description: 'that window, and how long the first ejection lasts', default: '10s' }),
    max_ejection: value(LIMIT, {
      description: 'how long an ejection lasts at most; each one in a row lasts longer',
      default: '5m',
    }),
    on: list(value(word(PASSIVE_CLASSES), { description: 'one class of failures' }), {
      description: 'the classes that count',
      default: ['refused', 'closed', 'timeout', 'invalid_header'],
    }),
    max_ejected: value(SHARE, { description: 'share of the pool that may be ejected at a time', default: '50%' }),
  },
  { description: 'what failed requests say of an upstream' },
);

export const POOL = keys(
  {
    upstreams: list(
      either([value(UPSTREAM, { description: UPSTREAM_FORMS }), UPSTREAM_MAP], { description: 'an upstream' }),
      { description: `the upstreams: each ${UPSTREAM_FORMS}`, inFile: '; or a map that says more of it' },
      1,
    ),
    balance: value(BALANCE, {
      description: `which of the upstreams with a free slot gets a request: ${BALANCES}, \`hash:KEY\` with \`$remote_addr\`, \`$request_uri\`, \`$http_NAME\` or \`$cookie_NAME\`, or \`sticky:COOKIE\` (docs/balancing.md)`,
      default: 'least-conn',
    }),
    sticky_secret_file: value(SECRET_FILE, {
      description: 'holds what cookies of `sticky:COOKIE` are signed with, so that they outlast a restart',
      otherwise: 'a secret of this process',
    }),
    max_conns: value(MAX_CONNS, {
      description: 'requests in flight on one upstream: `auto` asks it, `unlimited`, or a number',
      default: 'auto',
    }),
    queue: QUEUE,
    timeouts: TIMEOUTS,
    keepalive: value(KEEPALIVE, {
      description: 'keep connections to upstreams open, at most this long idle; an idle one occupies its worker',
      default: 'off',
    }),
    hand_over: value(BOOLEAN, {
      description: 'let a request that waited for an upstream use the connection of the one before it',
      default: true,
    }),
    retry: RETRY,
    passive: either([value(OFF, { description: 'failures never eject an upstream' }), PASSIVE], {
      description: 'what failed requests say of an upstream; `off`: nothing',
    }),
    health: either([value(OFF, { description: 'upstreams are not probed' }), PROBE], {
      description: 'active probes; `off`: none',
      default: 'off',
    }),
    fail_fast_after: value(DURATION, {
      description: 'time since the last sign of life of any upstream after which requests are refused at once',
      default: '10s',
    }),
    params: named(PARAM_KEY, value(TEMPLATE, { description: "its value; nginx's variables (`$uri`) are filled in" }), {
      description: "FastCGI parameters for the requests of every route to this pool; a route's own win",
    }),
  },
  { description: 'the upstreams that a route sends to' },
  ['upstreams'],
);
