// The schema of a whole configuration file: the one description that the checks, the editor's schema and the documentation come from.

import type { Static } from 'typebox';
import { LOG_FORMATS, LOG_LEVELS } from '../settings.ts';
import { type ALERT_TARGET, ALERTS } from './alerts.ts';
import { either, keys, list, named, value } from './build.ts';
import { HEALTH_PATH, POOL_KEY } from './http-kinds.ts';
import {
  ACCESS_LOG,
  ADDRESS,
  ADMIN_ADDRESS,
  DURATION,
  INCLUDE,
  LIMIT,
  MAX_HEADER,
  TOKEN_FILE,
  WRITABLE_DIRECTORY,
  word,
} from './kinds.ts';
import { POOL, type UPSTREAM_MAP } from './pool.ts';
import type { PROBE } from './probe.ts';
import { ROUTE } from './route.ts';

const ADDRESS_INFO = {
  description: '`HOST:PORT`, `[IPV6]:PORT`, `unix:/path`, or `systemd` and `systemd:NAME` for sockets that systemd passes',
};
const INCLUDE_INFO = { description: 'a path or a glob of files' };

const CLIENT = keys(
  {
    max_header: value(MAX_HEADER, { description: 'largest request head, else 431', default: '32k' }),
    header_timeout: value(LIMIT, { description: 'for a client to send the head of a request', default: '60s' }),
    body_timeout: value(LIMIT, { description: 'for a client to send some of its body', default: '60s' }),
    send_timeout: value(LIMIT, { description: 'for a client to take some of its answer', default: '60s' }),
    keepalive: value(DURATION, { description: 'how long a connection may be idle between two requests', default: '75s' }),
  },
  { description: 'how long clients may take' },
);

export const FILE = keys(
  {
    include: either([value(INCLUDE, INCLUDE_INFO), list(value(INCLUDE, INCLUDE_INFO), { description: 'several of them' })], {
      description: `more files, relative to this one: ${INCLUDE_INFO.description}, or a list of them. Their pools and routes are added`,
    }),
    listen: either([value(ADDRESS, ADDRESS_INFO), list(value(ADDRESS, ADDRESS_INFO), { description: 'several of them' }, 1)], {
      description: `where clients connect: ${ADDRESS_INFO.description}; or a list of them`,
      default: ['127.0.0.1:8080'],
    }),
    admin: either(
      [value(ADMIN_ADDRESS, ADDRESS_INFO), list(value(ADDRESS, ADDRESS_INFO), { description: 'several of them' }, 1)],
      {
        description: `where the admin listener is: ${ADDRESS_INFO.description}; a list of them; or \`off\``,
        otherwise: '`127.0.0.1:9180`, and a unix socket',
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
      otherwise: 'none: changes are taken on the unix socket only',
    }),
    access_log: value(ACCESS_LOG, { description: 'one line a request: a file, `-` for standard output, or `off`', default: '-' }),
    log_level: value(word(LOG_LEVELS), { description: "of the program's log, on standard error", default: 'info' }),
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
