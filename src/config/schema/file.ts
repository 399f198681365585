// The schema of a whole configuration file: the one description that the checks, the editor's
// schema and the documentation come from.

import type { Static } from 'typebox';
import { NAMED_FORMATS } from '../log-format.ts';
import { LOG_FORMATS, LOG_LEVELS } from '../settings.ts';
import { type ALERT_TARGET, ALERTS } from './alerts.ts';
import { either, keys, list, named, value } from './build.ts';
import { HEADER_NAME, HEALTH_PATH, POOL_KEY } from './http-kinds.ts';
import {
  ACCESS_LOG,
  ACCESS_LOG_FORMAT,
  ADDRESS,
  ADMIN_ADDRESS,
  DURATION,
  INCLUDE,
  LIMIT,
  MAX_HEADER,
  OFF,
  TOKEN_FILE,
  TRUSTED_PEER,
  TRUSTED_PEERS,
  WRITABLE_DIRECTORY,
  word,
} from './kinds.ts';
import { POOL, type UPSTREAM_MAP } from './pool.ts';
import type { PROBE } from './probe.ts';
import { ROUTE } from './route.ts';

const ADDRESS_INFO = {
  description: '`HOST:PORT`, `[IPV6]:PORT`, `unix:/path`, or `systemd` and `systemd:NAME` for sockets that systemd passes',
};
const TRUSTED_INFO = {
  description: '`unix` for any client of a unix socket, an address, or a network such as `10.0.0.0/8`',
};
const INCLUDE_INFO = { description: 'a path or a glob of files' };

export const CLIENT = keys(
  {
    max_header: value(MAX_HEADER, { description: 'largest request head, else 431', default: '32k' }),
    header_timeout: value(LIMIT, { description: 'for a client to send the head of a request', default: '60s' }),
    body_timeout: value(LIMIT, { description: 'for a client to send some of its body', default: '60s' }),
    send_timeout: value(LIMIT, { description: 'for a client to take some of its answer', default: '60s' }),
    keepalive: value(DURATION, {
      description: "how long a client's connection may be idle between two requests",
      default: '75s',
    }),
  },
  { description: 'how long clients may take' },
);

const ACCESS_LOG_INFO = {
  description:
    'a file, `-` for standard output, `syslog:HOST:PORT` or `syslog:unix:/dev/log` with `,facility=local7,severity=info,tag=fcgi_lb`, or `off`',
};

export const ACCESS_LOG_MAP = keys(
  {
    to: value(ACCESS_LOG, { description: `one line a request: ${ACCESS_LOG_INFO.description}`, default: '-' }),
    format: value(ACCESS_LOG_FORMAT, {
      description: `${NAMED_FORMATS.map((name) => `\`${name}\``).join(', ')}, or text with nginx's variables (\`$remote_addr $status\`)`,
      otherwise: 'as `log_format`',
    }),
  },
  { description: 'where it goes, and how it is written' },
);

const TRUST_INFO = { description: '`unix` for whoever comes by a unix socket, an address, or a network' };

export const REQUEST_ID = keys(
  {
    header: value(HEADER_NAME, {
      description: 'carries the name to workers (`HTTP_X_REQUEST_ID`) and HTTP upstreams',
      default: 'X-Request-ID',
    }),
    trust: either([value(TRUSTED_PEERS, TRUST_INFO), list(value(TRUSTED_PEER, TRUST_INFO), { description: 'several of them' })], {
      description: `whose names in that header are taken over: ${TRUST_INFO.description}; a list of them; or \`off\``,
      default: 'off',
    }),
  },
  { description: 'by which header, and whom to believe' },
);

export const FILE = keys(
  {
    include: either([value(INCLUDE, INCLUDE_INFO), list(value(INCLUDE, INCLUDE_INFO), { description: 'several of them' })], {
      description: `more files, relative to this one: ${INCLUDE_INFO.description}, or a list of them. Their pools and routes are added`,
    }),
    listen: either([value(ADDRESS, ADDRESS_INFO), list(value(ADDRESS, ADDRESS_INFO), { description: 'several of them' }, 1)], {
      description: `where clients connect: ${ADDRESS_INFO.description}`,
      inFile: '; or a list of them',
      default: ['127.0.0.1:8080'],
    }),
    admin: either(
      [value(ADMIN_ADDRESS, ADDRESS_INFO), list(value(ADDRESS, ADDRESS_INFO), { description: 'several of them' }, 1)],
      {
        description: `where /healthz, /readyz, /status and /metrics are answered and commands are taken: ${ADDRESS_INFO.description}; or \`off\``,
        inFile: '; or a list of addresses',
        otherwise: '`127.0.0.1:9180`, and a unix socket',
      },
    ),
    trusted_proxies: either(
      [value(TRUSTED_PEER, TRUSTED_INFO), list(value(TRUSTED_PEER, TRUSTED_INFO), { description: 'several of them' })],
      {
        description: `proxies in front that are believed when they say in X-Forwarded-For and X-Forwarded-Proto who the client is: ${TRUSTED_INFO.description}`,
        inFile: '; or a list of them',
        otherwise: 'none',
      },
    ),
    health_path: value(HEALTH_PATH, {
      description:
        'a path that the public listeners answer with 200 while the process serves and with 503 while it stops, before all routes',
      default: 'off',
    }),
    admin_token_file: value(TOKEN_FILE, {
      description:
        'holds the token with which the admin listener can be used over TCP to change things; not to be readable by all users',
      otherwise: 'none; changes are then taken on the unix socket only',
    }),
    access_log: either([value(ACCESS_LOG, ACCESS_LOG_INFO), ACCESS_LOG_MAP], {
      description: `one line a request: ${ACCESS_LOG_INFO.description}; or a map that also says how it is written`,
      default: '-',
    }),
    request_id: either([value(OFF, { description: 'names are for the logs only' }), REQUEST_ID], {
      description: 'how requests are named in logs and for workers; `off` tells workers nothing',
    }),
    log_level: value(word(LOG_LEVELS, 'LEVEL'), {
      description: 'the least that the program logs, on standard error',
      default: 'info',
    }),
    log_format: value(word(LOG_FORMATS), { description: 'of both logs', otherwise: '`pretty` on a terminal, else `json`' }),
    temp_dir: value(WRITABLE_DIRECTORY, { description: 'for bodies that do not fit in memory', otherwise: "the system's" }),
    shutdown_timeout: value(DURATION, { description: 'for a graceful stop', default: '30s' }),
    upgrade_timeout: value(LIMIT, { description: 'for a successor to be ready (USR2)', default: '60s' }),
    client: CLIENT,
    pools: named(POOL_KEY, POOL, { description: 'the pools, by name' }),
    routes: list(ROUTE, { description: 'which requests go where', otherwise: 'everything to the only pool' }, 1),
    alerts: ALERTS,
  },
  { description: 'A configuration of fcgi-lb.' },
);

/** What is read from one file: what is wrong is left out. */
export type RawFile = Static<typeof FILE>;
export type RawPool = Static<typeof POOL>;
export type RawUpstream = Static<typeof UPSTREAM_MAP>;
export type RawProbe = Static<typeof PROBE>;
export type RawRoute = Static<typeof ROUTE>;
export type RawAlerts = Static<typeof ALERTS>;
export type RawAlertTarget = Static<typeof ALERT_TARGET>;
