// The schema of one route: which requests it takes, and what becomes of them.

import { either, keys, list, named, value } from './build.ts';
import {
  FINAL_STATUS,
  HEADER_KEY,
  HEADER_NAME,
  HEADER_TEMPLATE,
  HEADER_VALUE,
  HOST,
  LOCATION,
  METHOD,
  PARAM_KEY,
  PATH_REGEX,
  REDIRECT_STATUS,
  ROUTE_PATH,
  SPLIT_REGEX,
  STATUS_KEY,
  URL_PATH,
} from './http-kinds.ts';
import { BOOLEAN, HEAD_SIZE, INDEX, PAGE, PATH, ROOT, SIZE, TEMPLATE, TEXT } from './kinds.ts';

const HOST_INFO = { description: 'a host name without a port, or `*.example.org` for every name below it' };
/** The default of `index` for a route with `static`. */
export const STATIC_INDEX = 'index.html';

const METHOD_INFO = { description: 'a method, such as `GET`, which includes HEAD' };

function headerChanges(description: string) {
  return keys(
    {
      set: named(HEADER_KEY, value(HEADER_TEMPLATE, { description: "its value; nginx's variables are filled in" }), {
        description: 'put in place of those of the same name',
      }),
      hide: list(value(HEADER_NAME, { description: 'a name' }), { description: 'taken out' }),
    },
    { description },
  );
}

export const REDIRECT = keys(
  {
    to: value(LOCATION, { description: "a URL or a path; nginx's variables (`$uri`) are filled in" }),
    status: value(REDIRECT_STATUS, { description: '301, 302, 303, 307 or 308', default: 302 }),
  },
  { description: 'where to, and how' },
  ['to'],
);

export const RESPOND = keys(
  {
    status: value(FINAL_STATUS, { description: 'its status', default: 200 }),
    headers: named(HEADER_KEY, value(HEADER_VALUE, { description: 'its value' }), { description: 'its headers' }),
    body: value(TEXT, { description: 'its body', default: '' }),
  },
  { description: 'the answer' },
);

export const ROUTE = keys(
  {
    host: either([value(HOST, HOST_INFO), list(value(HOST, HOST_INFO), { description: 'several of them' }, 1)], {
      description: `${HOST_INFO.description}; or a list of them`,
      otherwise: 'any',
    }),
    path: value(ROUTE_PATH, {
      description: 'the beginning of the path; `= /path` is that path alone',
      default: '/',
    }),
    path_regex: value(PATH_REGEX, { description: 'the path matches this regular expression; in the place of `path`' }),
    final: value(BOOLEAN, {
      description: 'when this `path` is the longest that matches, no `path_regex` is asked',
      default: false,
    }),
    method: either([value(METHOD, METHOD_INFO), list(value(METHOD, METHOD_INFO), { description: 'several of them' }, 1)], {
      description: `${METHOD_INFO.description}; or a list of them`,
      otherwise: 'any',
    }),
    pool: value(TEXT, { description: 'requests go to this pool' }),
    static: value(PATH, { description: 'files of this directory are sent' }),
    redirect: either([value(LOCATION, { description: 'where to' }), REDIRECT], {
      description: "the client is sent to this URL or path; nginx's variables are filled in",
    }),
    respond: either([value(FINAL_STATUS, { description: 'its status' }), RESPOND], {
      description: 'every request gets this answer: a status, or a map that says more',
    }),
    root: value(ROOT, {
      description: "directory of the application's files, as the workers see it; for `php` and DOCUMENT_ROOT",
    }),
    php: value(BOOLEAN, { description: 'PHP parameters: SCRIPT_FILENAME below `root`, split at `.php`', default: false }),
    index: value(INDEX, {
      description: 'file for a directory, with `php`',
      inFile: `; with \`static\` it is \`${STATIC_INDEX}\` unless this says another`,
      default: 'index.php',
    }),
    split_path: value(SPLIT_REGEX, {
      description: 'a regular expression with two groups, the script and PATH_INFO',
      otherwise: 'the first `.php` that ends a segment',
    }),
    params: named(PARAM_KEY, value(TEMPLATE, { description: 'its value' }), {
      description: "FastCGI parameters to add or to replace; nginx's variables (`$uri`) are filled in",
    }),
    strip_prefix: value(URL_PATH, { description: 'taken off the front of the path before anything is made of it' }),
    request_headers: headerChanges('changes to the headers that the worker gets'),
    response_headers: headerChanges('changes to the headers that the client gets'),
    error_pages: named(STATUS_KEY, value(PAGE, { description: 'a file' }), {
      description: 'files sent in place of answers with these statuses (`404`, `500-599`, `5xx`)',
    }),
    max_body: value(SIZE, { description: 'largest request body, else 413', default: '100m' }),
    max_response_head: value(HEAD_SIZE, { description: "largest head of an upstream's answer, else 502", default: '64k' }),
    request_buffering: value(BOOLEAN, { description: 'take a whole request body in before a worker is taken', default: true }),
    response_buffering: value(BOOLEAN, {
      description: 'free the worker before a slow client has taken its answer',
      default: true,
    }),
  },
  { description: 'which requests, and what becomes of them: one of `pool`, `static`, `redirect` and `respond`' },
);
