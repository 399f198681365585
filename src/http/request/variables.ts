// Fills nginx's variables into text: compiled once for a route, asked for each request.

import { type Groups, groupsOf, parseTemplate, type TemplatePart, type VariableName } from '../../config/template.ts';
import { byteString } from '../../core/byte-string.ts';
import { cookieOf } from './cookie.ts';
import type { RequestHeaders } from './headers.ts';
import { localAddress, localPort, type Peer, remoteAddress, schemeOf, serverName } from './peer.ts';
import { hostName } from './router.ts';
import { type ScriptRules, splitScript, unmount } from './script.ts';
import type { RequestTarget } from './target.ts';

/** What is known of a request. */
export interface RequestFacts {
  readonly method: string;
  /** `HTTP/1.1` */
  readonly protocol: string;
  readonly target: RequestTarget;
  readonly headers: RequestHeaders;
  /** Bytes of the request body; undefined when there is none. */
  readonly bodyLength: number | undefined;
  readonly socket: Peer;
  /** What the request is called in logs; undefined where nobody has named it. */
  readonly requestId?: string | undefined;
}

/** What variables take from the route. */
export interface VariableScope {
  readonly root: string | undefined;
  readonly rules: ScriptRules;
  /** The route's `path_regex`, whose groups are variables. */
  readonly regex: RegExp | undefined;
}

interface Variable {
  readonly read: (facts: RequestFacts) => string;
  /** Made from the decoded path: in a URL its bytes are to be escaped again. */
  readonly decoded: boolean;
}

/** Byte strings, and what is to be filled in between them. */
export type Template = readonly (string | Variable)[];

/**
 * Values hold no control characters but tabs: neither the request target (target.ts) nor the fields
 * that node:http lets in do.
 * @throws ConfigError for a variable that does not exist
 */
export function compileTemplate(text: string, scope: VariableScope): Template {
  const groups: Groups | undefined = scope.regex === undefined ? undefined : groupsOf(scope.regex);
  return parseTemplate(text, groups).map((part) => (part.kind === 'text' ? byteString(part.text) : variableOf(part, scope)));
}

/** The text of a template without variables; undefined when it has some. */
export function constantOf(template: Template): string | undefined {
  return template.every((part) => typeof part === 'string') ? template.join('') : undefined;
}

/** A byte string. */
export function filledIn(template: Template, facts: RequestFacts): string {
  let value = '';
  for (const part of template) value += typeof part === 'string' ? part : part.read(facts);
  return value;
}

/**
 * A template as a URL: what came from the decoded path is escaped as a path is, what a URL cannot
 * hold is escaped wherever it is from, and a path stays a path (`//` would begin another host).
 */
export function urlOf(template: Template, facts: RequestFacts): string {
  const parts = template
    .map((part) => {
      if (typeof part === 'string') return part;
      const value = part.read(facts);
      return part.decoded ? value.replace(/[%?#]/g, escapeByte) : value;
    })
    .join('');
  const url = escapeUnsafe(parts);
  const meant = typeof template[0] === 'string' && /^\/[/\\]/.test(template[0]);
  return meant ? url : url.replace(/^\/{2,}/, '/');
}

/** Part of a URL as it came, with what a URL cannot hold escaped. */
export function escapeUnsafe(text: string): string {
  return text.replace(/[^!#$%&'()*+,./0-9:;=?@A-Z_a-z~[\]-]/g, escapeByte);
}

/** A decoded path as it is written in a URL. */
export function escapePath(path: string): string {
  return path.replace(/[^!$&'()*+,./0-9:;=@A-Z_a-z~-]/g, escapeByte);
}

function escapeByte(byte: string): string {
  return `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
}

function variableOf(part: Exclude<TemplatePart, { kind: 'text' }>, scope: VariableScope): Variable {
  switch (part.kind) {
    case 'variable':
      return knownVariable(part.name, scope);
    case 'family': {
      const { name } = part;
      const header = `HTTP_${name.toUpperCase()}`;
      if (part.family === 'http') return raw((facts) => headerOf(facts, header));
      if (part.family === 'cookie') return raw((facts) => cookieOf(headerOf(facts, 'HTTP_COOKIE'), name));
      return raw((facts) => argumentOf(facts.target.query, name));
    }
    case 'group': {
      const { group } = part;
      const { regex } = scope;
      return decoded(({ target }) => {
        const match = regex?.exec(target.path);
        return (typeof group === 'number' ? match?.[group] : match?.groups?.[group]) ?? '';
      });
    }
  }
}

function raw(read: Variable['read']): Variable {
  return { read, decoded: false };
}

function decoded(read: Variable['read']): Variable {
  return { read, decoded: true };
}

function knownVariable(name: VariableName, { root: given, rules }: VariableScope): Variable {
  const root = given === undefined ? '' : byteString(given.replace(/\/+$/, ''));
  const split = ({ target }: RequestFacts) => splitScript(unmount(target.path, rules.prefix).rest, rules.mode);
  switch (name) {
    case 'uri':
    case 'document_uri':
      return decoded(({ target }) => target.path);
    case 'request_uri':
      return raw(({ target }) => target.raw);
    case 'args':
    case 'query_string':
      return raw(({ target }) => target.query);
    case 'is_args':
      return raw(({ target }) => (target.query === '' ? '' : '?'));
    case 'request_method':
      return raw(({ method }) => method);
    case 'server_protocol':
      return raw(({ protocol }) => protocol);
    case 'scheme':
      return raw(({ socket }) => schemeOf(socket));
    case 'https':
      return raw(({ socket }) => (socket.https === true ? 'on' : ''));
    case 'host':
      return raw(({ target, headers, socket }) => hostName(target.authority ?? headers.host) || localAddress(socket));
    case 'server_name':
      return raw(({ target, headers, socket }) => serverName(target.authority ?? headers.host, socket));
    case 'server_addr':
      return raw(({ socket }) => localAddress(socket));
    case 'server_port':
      return raw(({ socket }) => localPort(socket));
    case 'remote_addr':
      return raw(({ socket }) => remoteAddress(socket));
    case 'remote_port':
      return raw(({ socket }) => String(socket.remotePort ?? ''));
    case 'request_id':
      return raw(({ requestId }) => requestId ?? '');
    case 'content_type':
      return raw(({ headers }) => headers.contentType ?? '');
    case 'content_length':
      return raw(({ bodyLength }) => (bodyLength === undefined ? '' : String(bodyLength)));
    case 'document_root':
      return decoded(() => root);
    case 'request_filename':
      return decoded(({ target }) => root + target.path);
    case 'fastcgi_script_name':
      return decoded((facts) => split(facts).script);
    case 'fastcgi_path_info':
      return decoded((facts) => split(facts).pathInfo);
  }
}

/** A header as a worker would get it, by the name of its parameter; empty when it is not there. */
export function headerOf({ headers, target }: RequestFacts, name: string): string {
  if (name === 'HTTP_HOST' && target.authority !== undefined) return target.authority;
  const at = headers.names.indexOf(name);
  return at === -1 ? '' : (headers.values[at] ?? '');
}

/** As it stands in the query: undecoded, the first of its name, case ignored as nginx does. */
function argumentOf(query: string, name: string): string {
  const wanted = name.toLowerCase();
  for (const pair of query.split('&')) {
    const equals = pair.indexOf('=');
    const key = equals === -1 ? pair : pair.slice(0, equals);
    if (key.toLowerCase() === wanted) return equals === -1 ? '' : pair.slice(equals + 1);
  }
  return '';
}
