// The FastCGI request that the probe `request` sends: one set of parameters that applications at
// `/` and php-fpm's ping both understand.

import type { ProbeQuestion } from '../config/health.ts';
import { ConfigError } from '../core/errors.ts';
import { ParamsTooLargeError, RequestEncoder } from '../fcgi/encode.ts';
import type { FcgiRequest } from '../upstream/transport/request.ts';

type RequestQuestion = Extract<ProbeQuestion, { readonly kind: 'request' }>;

/** @throws ConfigError when the parameters are larger than a worker takes */
export function probeRequest(question: RequestQuestion): FcgiRequest {
  const encoder = new RequestEncoder();
  try {
    encoder.begin();
    for (const [name, value] of probeParams(question)) encoder.add(byteString(name), byteString(value));
  } catch (error) {
    if (!(error instanceof ParamsTooLargeError)) throw error;
    throw new ConfigError(`the probe's parameters are larger than a worker takes: ${error.message}`);
  }
  // GET or HEAD, on behalf of no client: a kept connection that was closed meanwhile is replaced.
  return { head: encoder.finish(true), body: { kind: 'none' }, repeatable: true };
}

/** All parameters, as text in UTF-8. What the operator set is as the operator set it. */
export function probeParams({ method, uri, params }: RequestQuestion): ReadonlyMap<string, string> {
  const at = uri.indexOf('?');
  const path = decoded(at === -1 ? uri : uri.slice(0, at));
  return new Map([
    ['GATEWAY_INTERFACE', 'CGI/1.1'],
    ['SERVER_SOFTWARE', 'fcgi-lb'],
    ['SERVER_PROTOCOL', 'HTTP/1.1'],
    ['SERVER_NAME', 'localhost'],
    ['SERVER_ADDR', '127.0.0.1'],
    ['SERVER_PORT', '80'],
    ['REMOTE_ADDR', '127.0.0.1'],
    ['REMOTE_PORT', '0'],
    ['REQUEST_SCHEME', 'http'],
    ['REDIRECT_STATUS', '200'],
    ['REQUEST_METHOD', method],
    ['REQUEST_URI', uri],
    ['DOCUMENT_URI', path],
    ['QUERY_STRING', at === -1 ? '' : uri.slice(at + 1)],
    ['HTTP_HOST', 'localhost'],
    ['HTTP_USER_AGENT', 'fcgi-lb probe'],
    ...scriptParams(path, params.has('SCRIPT_FILENAME')),
    ...params,
  ]);
}

/**
 * An application at `/` wants SCRIPT_NAME empty: Request Tracker and other Plack applications take
 * REQUEST_URI without SCRIPT_NAME for their path. php-fpm looks for its ping.path in SCRIPT_NAME,
 * and only when SCRIPT_FILENAME is there; but a REDIRECT_URL beside a PATH_TRANSLATED that is not
 * SCRIPT_FILENAME replaces SCRIPT_NAME there (with cgi.fix_pathinfo, the default), and PATH_INFO
 * does without it (measured on PHP 8.2). That would lead astray from a script that the operator
 * names in SCRIPT_FILENAME, so with SCRIPT_FILENAME the parameters are those that PHP calls usual.
 */
function scriptParams(path: string, file: boolean): ReadonlyArray<readonly [string, string]> {
  if (file) return [['SCRIPT_NAME', path]];
  return [
    ['SCRIPT_NAME', ''],
    ['PATH_INFO', path],
    ['SCRIPT_FILENAME', ''],
    ['PATH_TRANSLATED', path],
    ['REDIRECT_URL', path],
  ];
}

/** `%20` and the like as the text they stand for; what is no UTF-8 or no escape stays as it is. */
function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

/** UTF-8 text as a byte string. */
function byteString(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}
