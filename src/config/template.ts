// Text with nginx's variables in it: what may be written, and its parts.

import { ConfigError } from '../core/errors.ts';
import { suggestion } from './nearest.ts';

/**
 * Variables that every request has; those that are not nginx's own keep their names of nginx's
 * modules.
 */
export const VARIABLES = [
  ...['uri', 'document_uri', 'request_uri', 'args', 'query_string', 'is_args', 'request_method', 'server_protocol', 'scheme'],
  ...['https', 'host', 'server_name', 'server_addr', 'server_port', 'remote_addr', 'remote_port', 'content_type'],
  ...['content_length', 'document_root', 'request_filename', 'fastcgi_script_name', 'fastcgi_path_info', 'request_id'],
] as const;
export type VariableName = (typeof VARIABLES)[number];

/**
 * With a name behind them: of a header in lower case and with `_` for `-`, a cookie, a part of the
 * query.
 */
export const VARIABLE_FAMILIES = ['http', 'cookie', 'arg'] as const;
export type VariableFamily = (typeof VARIABLE_FAMILIES)[number];

export type TemplatePart =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'variable'; readonly name: VariableName }
  | { readonly kind: 'family'; readonly family: VariableFamily; readonly name: string }
  /** What a group of the route's `path_regex` matched. */
  | { readonly kind: 'group'; readonly group: number | string };

/** The groups of the regex that chose the route. */
export interface Groups {
  readonly count: number;
  readonly names: readonly string[];
}

export const NO_GROUPS: Groups = { count: 0, names: [] };

/** The groups of a regex. */
export function groupsOf(regex: RegExp): Groups {
  // An alternative that always matches tells what groups there are.
  const match = new RegExp(`${regex.source}|`).exec('');
  return { count: (match?.length ?? 1) - 1, names: Object.keys(match?.groups ?? {}) };
}

/**
 * `$name`, `${name}` where a letter follows, `$$` for a dollar sign.
 * @throws ConfigError for a variable that does not exist
 */
export function parseTemplate(text: string, groups: Groups = NO_GROUPS): readonly TemplatePart[] {
  return splitTemplate(text, (name) => variable(name, groups));
}

/**
 * Text and the variables in it, whichever there are. No text at all is one empty part.
 * @param partOf what a variable is
 * @throws ConfigError for a `$` without a variable, and what `partOf` throws
 */
export function splitTemplate<P>(
  text: string,
  partOf: (name: string) => P,
): readonly (P | { readonly kind: 'text'; readonly text: string })[] {
  const parts: (P | { readonly kind: 'text'; readonly text: string })[] = [];
  let plain = '';
  let at = 0;
  for (const match of text.matchAll(/\$(?:\$|(\d|[A-Za-z_]\w*)|\{(\d+|[A-Za-z_]\w*)\}|)/g)) {
    plain += text.slice(at, match.index);
    at = match.index + match[0].length;
    const name = match[1] ?? match[2];
    if (match[0] === '$$') plain += '$';
    else if (name === undefined) {
      throw new ConfigError(`'${text}': no variable follows the '$'; write '$$' for a dollar sign`);
    } else {
      if (plain !== '') parts.push({ kind: 'text', text: plain });
      plain = '';
      parts.push(partOf(name));
    }
  }
  plain += text.slice(at);
  if (plain !== '' || parts.length === 0) parts.push({ kind: 'text', text: plain });
  return parts;
}

/** Text in which nothing is a variable. */
export function quoteTemplate(text: string): string {
  return text.replaceAll('$', '$$$$');
}

function variable(name: string, groups: Groups): TemplatePart {
  if (/^\d/.test(name)) {
    const group = Number(name);
    if (group > 0 && group <= groups.count) return { kind: 'group', group };
    const have = groups.count === 0 ? "it has no 'path_regex' with groups" : `its 'path_regex' has ${groups.count}`;
    throw new ConfigError(`there is no group $${name} in this route: ${have}`);
  }
  if (groups.names.includes(name)) return { kind: 'group', group: name };
  const found = requestVariable(name);
  if (found !== undefined) return found;
  const all = [...VARIABLES, ...groups.names, ...VARIABLE_FAMILIES.map((one) => `${one}_NAME`)];
  const help =
    suggestion(name, all).replace("mean '", "mean '$") || `; expected one of ${all.map((one) => `$${one}`).join(', ')}`;
  throw new ConfigError(`there is no variable $${name}${help}`);
}

/** A variable that every request has; undefined when there is none of this name. */
export function requestVariable(name: string): Extract<TemplatePart, { kind: 'variable' | 'family' }> | undefined {
  const known = VARIABLES.find((one) => one === name);
  if (known !== undefined) return { kind: 'variable', name: known };
  const family = VARIABLE_FAMILIES.find((one) => name.startsWith(`${one}_`) && name.length > one.length + 1);
  // Names of cookies, unlike those of headers, differ by case.
  return family && { kind: 'family', family, name: name.slice(family.length + 1) };
}
