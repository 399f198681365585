// The schema of a pool's active probes.

import { PROBE_TIMES } from '../health.ts';
import { either, keys, list, named, value } from './build.ts';
import { HEADER_KEY, PARAM_KEY, REQUEST_URI, STATUS_RANGE, TEXT_PATTERN } from './http-kinds.ts';
import { BOOLEAN, count, LIMIT, TEXT, word } from './kinds.ts';

export const PROBE_KINDS = ['connect', 'values', 'request', 'exec'] as const;

const STATUS_DESCRIPTION = 'a status, a range such as `200-299`, or `2xx`';

export const EXPECT = keys(
  {
    status: either(
      [
        value(STATUS_RANGE, { description: STATUS_DESCRIPTION }),
        list(value(STATUS_RANGE, { description: STATUS_DESCRIPTION }), { description: 'several of them' }, 1),
      ],
      { description: `good statuses: ${STATUS_DESCRIPTION}, or a list of them`, default: '200-399' },
    ),
    headers: named(HEADER_KEY, value(TEXT_PATTERN, { description: 'what it must contain: text, or `/REGEX/`' }), {
      description: 'headers that must be there',
    }),
    body: value(TEXT_PATTERN, { description: 'what the body must contain: text, or `/REGEX/`' }),
  },
  { description: 'what a good answer looks like: all that is given must hold. With `probe: request`' },
);

export const PROBE = keys(
  {
    probe: value(word(PROBE_KINDS), {
      description:
        'the question: `connect` (does a connection come about; proves little), `values` (FCGI_GET_VALUES), `request` (a request of its own) or `exec` (a program)',
    }),
    uri: value(REQUEST_URI, { description: 'path and query to ask for. Needed with `probe: request`' }),
    method: value(word(['GET', 'HEAD']), { description: 'with `probe: request`', default: 'GET' }),
    params: named(PARAM_KEY, value(TEXT, { description: 'its value' }), {
      description: 'FastCGI parameters besides those of every request; they win. With `probe: request`',
    }),
    expect: EXPECT,
    command: list(
      value(TEXT, { description: 'a word' }),
      {
        description:
          "a program and its arguments; exit code 0 is good. It finds the upstream's address in the environment, as `UPSTREAM`. Needed with `probe: exec`",
      },
      1,
    ),
    interval: value(LIMIT, {
      description: 'between two probes of one upstream, less a little at random; longer while it is down',
      default: '5s',
    }),
    timeout: value(LIMIT, { description: 'for the answer', default: '2s' }),
    rise: value(count(1), { description: 'good answers in a row that bring an upstream up', default: 2 }),
    fall: value(count(1), { description: 'bad answers in a row that take it down', default: 3 }),
    when: value(word(PROBE_TIMES), {
      description:
        '`idle`: only upstreams with nothing in flight; `always`: whenever a slot is free; `on-fail`: only to find one well again',
      default: 'idle',
    }),
    wake: value(BOOLEAN, {
      description: 'whether to probe a unix socket that no request has used yet, which may start a worker behind it',
      default: false,
    }),
  },
  { description: 'active probes: each takes a slot, so a busy upstream is left alone' },
  ['probe'],
);
