// How a line of the access log is written: one of a few names, or text with nginx's variables in
// it.

import { ConfigError } from '../core/errors.ts';
import { suggestion } from './nearest.ts';
import { requestVariable, splitTemplate, type TemplatePart, VARIABLES, type VariableName } from './template.ts';

export const NAMED_FORMATS = ['json', 'pretty', 'combined'] as const;
export type NamedFormat = (typeof NAMED_FORMATS)[number];

/** As nginx's `combined`, which is Apache's. */
export const COMBINED =
  '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"';

/** What is known when a request is over. nginx's, and below them those of our own. */
export const LOG_VARIABLES = [
  ...['time_local', 'time_iso8601', 'msec', 'request', 'request_time', 'status', 'body_bytes_sent', 'bytes_sent', 'remote_user'],
  ...['upstream_addr', 'upstream_status', 'upstream_response_time', 'upstream_header_time', 'upstream_connect_time'],
  ...['queue_time', 'upstream_attempts', 'pool', 'error_code'],
] as const;
export type LogVariable = (typeof LOG_VARIABLES)[number];

/** Those of a request that depend on its route; the log is written for all routes in one way. */
const OF_A_ROUTE: readonly string[] = ['document_root', 'request_filename', 'fastcgi_script_name', 'fastcgi_path_info'];
const SENT = 'sent_http_';

export type LogPart =
  | { readonly kind: 'end'; readonly name: LogVariable }
  /** A header of the answer, in lower case with `_` for `-`. */
  | { readonly kind: 'sent'; readonly name: string }
  | Exclude<TemplatePart, { readonly kind: 'group' }>;

/**
 * Checks a format as it is written in the configuration.
 * @throws ConfigError for a name or a variable that does not exist
 */
export function checkLogFormat(text: string): string {
  if (NAMED_FORMATS.some((name) => name === text)) return text;
  if (!text.includes('$')) {
    const help =
      suggestion(text, NAMED_FORMATS) ||
      `; expected ${NAMED_FORMATS.join(', ')}, or text with variables such as '$remote_addr $status'`;
    throw new ConfigError(`'${text}' is not a format of the access log${help}`);
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be found
  if (/[\x00-\x08\x0a-\x1f\x7f]/.test(text)) throw new ConfigError('a format is one line without control characters');
  parseLogFormat(text);
  return text;
}

/**
 * Text with variables.
 * @throws ConfigError for a variable that does not exist
 */
export function parseLogFormat(text: string): readonly LogPart[] {
  return splitTemplate(text, partOf);
}

function partOf(name: string): LogPart {
  const end = LOG_VARIABLES.find((one) => one === name);
  if (end !== undefined) return { kind: 'end', name: end };
  if (name.startsWith(SENT) && name.length > SENT.length) return { kind: 'sent', name: name.slice(SENT.length) };
  if (OF_A_ROUTE.includes(name)) throw new ConfigError(`$${name} depends on the route, and the access log is one for all`);
  const found = requestVariable(name);
  if (found !== undefined) return found;
  const all = [...logVariables(), 'http_NAME', 'cookie_NAME', 'arg_NAME', `${SENT}NAME`];
  const help =
    suggestion(name, all).replace("mean '", "mean '$") || `; expected one of ${all.map((one) => `$${one}`).join(', ')}`;
  throw new ConfigError(`there is no variable $${name} in the access log${help}`);
}

/** All variables that a format may have, but for those with a name behind them. */
export function logVariables(): readonly (LogVariable | VariableName)[] {
  return [...LOG_VARIABLES, ...VARIABLES.filter((name) => !OF_A_ROUTE.includes(name))];
}
