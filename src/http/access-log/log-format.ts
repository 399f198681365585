// Compiles a format of the access log into the writers of its parts: once, when the configuration
// is loaded.

import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { type LogPart, type LogVariable, parseLogFormat } from '../../config/log-format.ts';
import { byteString } from '../../core/byte-string.ts';
import { compileTemplate, filledIn, type RequestFacts, type VariableScope } from '../request/variables.ts';
import type { AccessRecord, Attempt } from './record.ts';

type Reader = (entry: AccessRecord, now: Date) => string;

/** Undefined: there is none. */
type Value = string | undefined;

/** The variables of a request that the log may have do not depend on the route. */
const NO_ROUTE: VariableScope = {
  root: undefined,
  rules: { mode: { kind: 'application', root: undefined }, prefix: '' },
  regex: undefined,
};
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
/** What nginx writes for a value that is not there. */
const NOTHING = '-';
/** Empty is what they say, not that nothing is known. */
const MAY_BE_EMPTY = ['is_args', 'https'];

export interface AccessLogFormat {
  /** The line of an entry, with its end. */
  readonly line: (entry: AccessRecord, now: Date) => string;
  /**
   * Whether the ends of the client's connection are wanted, which must be asked for while it is
   * open.
   */
  readonly wantsAddresses: boolean;
}

/** @throws ConfigError for a variable that does not exist */
export function compileLogFormat(text: string): AccessLogFormat {
  const parsed = parseLogFormat(text);
  const parts = parsed.map((part) => (part.kind === 'text' ? part.text : readerOf(part)));
  return {
    wantsAddresses: parsed.some((part) => part.kind === 'variable' && OF_THE_CONNECTION[part.name] !== undefined),
    line: (entry, now) => {
      let line = '';
      for (const part of parts) line += typeof part === 'string' ? part : part(entry, now);
      return `${line}\n`;
    },
  };
}

function readerOf(part: Exclude<LogPart, { kind: 'text' }>): Reader {
  if (part.kind === 'end') return endReader(part.name);
  if (part.kind === 'sent') {
    const name = part.name.replaceAll('_', '-');
    return escaped(({ response }) => sentHeader(response, name));
  }
  if (part.kind === 'family' && part.family === 'http') {
    const name = part.name.toLowerCase().replaceAll('_', '-');
    return escaped(({ followed }) => headerOf(followed?.request.rawHeaders, name));
  }
  if (part.kind === 'variable') {
    const own = OF_THE_CONNECTION[part.name] ?? OF_ANY_REQUEST[part.name];
    if (own !== undefined) return escaped(own);
  }
  const name = part.kind === 'variable' ? part.name : `${part.family}_${part.name}`;
  const template = compileTemplate(`\${${name}}`, NO_ROUTE);
  return escaped((entry) => {
    const facts = factsOf(entry);
    if (facts === undefined) return undefined;
    const value = filledIn(template, facts);
    return value === '' && !MAY_BE_EMPTY.includes(name) ? undefined : value;
  });
}

/** Known of every request, even one that could not be understood. */
const OF_ANY_REQUEST: Readonly<Record<string, (entry: AccessRecord) => Value>> = {
  remote_addr: ({ client }) => client,
  request_method: ({ method }) => method,
  request_uri: ({ path }) => path,
  request_id: ({ requestId }) => requestId,
  server_protocol: protocolOf,
};

/** Noted when the request came: a connection that has gone does not tell them. */
const OF_THE_CONNECTION: Readonly<Record<string, (entry: AccessRecord) => Value>> = {
  remote_port: ({ followed }) => followed?.addresses?.remotePort,
  server_addr: ({ followed }) => followed?.addresses?.serverAddr,
  server_port: ({ followed }) => followed?.addresses?.serverPort,
};

function endReader(name: LogVariable): Reader {
  switch (name) {
    case 'time_local':
      return eachSecond(localTime);
    case 'time_iso8601':
      return eachSecond(isoTime);
    case 'msec':
      return (_, now) => seconds(now.getTime());
    case 'request':
      return escaped((entry) =>
        entry.followed === undefined ? undefined : `${entry.method} ${entry.path} ${protocolOf(entry)}`,
      );
    case 'request_time':
      return ({ total }) => seconds(total);
    case 'status':
      return ({ status }) => String(status);
    case 'body_bytes_sent':
      return ({ bytes }) => String(bytes);
    case 'bytes_sent':
      return bytesSent();
    case 'remote_user':
      return escaped(({ followed }) => userOf(headerOf(followed?.request.rawHeaders, 'authorization')));
    case 'upstream_addr':
      return escaped((entry) => ofEach(entry, ({ upstream }) => byteString(upstream)));
    case 'upstream_status':
      return (entry) => ofEach(entry, ({ status }) => (status === undefined ? NOTHING : String(status)));
    case 'upstream_response_time':
      return (entry) => ofEach(entry, ({ response }) => time(response));
    case 'upstream_header_time':
      return (entry) => ofEach(entry, ({ connect, head }) => time(head === undefined ? undefined : (connect ?? 0) + head));
    case 'upstream_connect_time':
      return (entry) => ofEach(entry, ({ connect }) => time(connect));
    case 'queue_time':
      return ({ queue }) => time(queue);
    case 'upstream_attempts':
      return ({ attempts }) => String(attempts);
    case 'pool':
      return ({ pool }) => pool ?? NOTHING;
    case 'error_code':
      return ({ error }) => error ?? NOTHING;
  }
}

/** What is said of each upstream that was tried, in order. */
function ofEach({ followed }: AccessRecord, say: (attempt: Attempt) => string): string {
  const tried = followed?.tried() ?? [];
  return tried.length === 0 ? NOTHING : tried.map(say).join(', ');
}

function protocolOf({ followed }: AccessRecord): Value {
  return followed && `HTTP/${followed.request.httpVersion}`;
}

function factsOf(entry: AccessRecord): RequestFacts | undefined {
  const { followed, read, method, requestId } = entry;
  if (followed === undefined || read === undefined) return undefined;
  const { headers } = followed.request;
  const length = headers['content-length'];
  const bodyLength = length === undefined ? undefined : Number(length);
  return { ...read, method, protocol: `HTTP/${followed.request.httpVersion}`, bodyLength, socket: followed.peer, requestId };
}

/**
 * What went out on a connection since its request before: answers on one connection take turns.
 * Only for formats that ask, so a connection that is older than the format has its earlier answers
 * counted with the first one.
 */
function bytesSent(): Reader {
  const before = new WeakMap<Socket, number>();
  return ({ followed }) => {
    const socket = followed?.request.socket;
    if (socket === undefined || typeof socket.bytesWritten !== 'number') return NOTHING;
    const sent = socket.bytesWritten - (before.get(socket) ?? 0);
    before.set(socket, socket.bytesWritten);
    return String(sent);
  };
}

/** @param name in lower case. All fields of that name, as one */
function headerOf(rawHeaders: readonly string[] | undefined, name: string): Value {
  let value: Value;
  if (rawHeaders === undefined) return undefined;
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const key = rawHeaders[at] ?? '';
    if (key.length !== name.length || key.toLowerCase() !== name) continue;
    value = value === undefined ? rawHeaders[at + 1] : `${value}, ${rawHeaders[at + 1]}`;
  }
  return value;
}

/**
 * A field of the head that was sent, with those that node:http adds. It keeps the text only in a
 * property that is no documented part of its interface; if that were to go, these variables would
 * be dashes.
 */
function sentHeader(response: (ServerResponse & { readonly _header?: unknown }) | undefined, name: string): Value {
  const head = response?._header;
  if (typeof head !== 'string') return undefined;
  const fields = head.split('\r\n').filter((line) => line.charAt(name.length) === ':' && line.toLowerCase().startsWith(name));
  return fields.length === 0 ? undefined : fields.map((line) => line.slice(name.length + 1).trim()).join(', ');
}

/**
 * The name in an Authorization field of the Basic scheme (RFC 7617), which nobody here has
 * verified.
 */
function userOf(authorization: Value): Value {
  const match = /^basic\s+([A-Za-z0-9+/=]+)\s*$/i.exec(authorization ?? '');
  const text = Buffer.from(match?.[1] ?? '', 'base64').toString('latin1');
  return text.slice(0, Math.max(0, text.indexOf(':'))) || undefined;
}

/**
 * As nginx escapes: what would end a quoted value, or is not plain ASCII, as `\xHH` for each byte.
 * A value that is not there is a dash.
 */
function escaped(read: (entry: AccessRecord) => Value): Reader {
  return (entry) => {
    const value = read(entry);
    if (value === undefined) return NOTHING;
    return /[^ !#-[\]-~]/.test(value) ? value.replace(/[^ !#-[\]-~]/g, escapeCharacter) : value;
  };
}

function escapeCharacter(character: string): string {
  const code = character.charCodeAt(0);
  const bytes = code <= 0xff ? [code] : [...Buffer.from(character)];
  return bytes.map((byte) => `\\x${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('');
}

/** nginx's times are seconds with milliseconds. */
function seconds(ms: number): string {
  return (ms / 1000).toFixed(3);
}

function time(ms: number | undefined): string {
  return ms === undefined ? NOTHING : seconds(ms);
}

/** Many lines are of one second, and a date takes long to write. */
function eachSecond(write: (now: Date) => string): Reader {
  let second = Number.NaN;
  let text = '';
  return (_, now) => {
    const current = Math.floor(now.getTime() / 1000);
    if (current !== second) {
      second = current;
      text = write(now);
    }
    return text;
  };
}

/** `21/Nov/2026:17:20:27 +0100` */
function localTime(now: Date): string {
  const date = `${two(now.getDate())}/${MONTHS[now.getMonth()]}/${now.getFullYear()}`;
  return `${date}:${clockTime(now)} ${zone(now, '')}`;
}

/** `2026-11-21T17:20:27+01:00` */
function isoTime(now: Date): string {
  return `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}T${clockTime(now)}${zone(now, ':')}`;
}

function clockTime(now: Date): string {
  return `${two(now.getHours())}:${two(now.getMinutes())}:${two(now.getSeconds())}`;
}

function zone(now: Date, colon: string): string {
  const minutes = -now.getTimezoneOffset();
  const size = Math.abs(minutes);
  return `${minutes < 0 ? '-' : '+'}${two(Math.floor(size / 60))}${colon}${two(size % 60)}`;
}

function two(number: number): string {
  return String(number).padStart(2, '0');
}
