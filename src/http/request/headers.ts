// Turns a client's header fields into CGI parameters (RFC 3875 section 4.1.18) and keeps out what
// must not get in.

import { ProxyError } from '../../core/errors.ts';

type Use = 'drop' | 'join' | 'join-cookie' | 'content-type' | 'host';

interface Field {
  readonly param: string;
  readonly use: Use;
  /**
   * Number of the request in which the field was seen last, and where its value is in that
   * request's list.
   */
  seenIn: number;
  at: number;
}

export interface RequestHeaders {
  /** HTTP_* parameters in order of arrival; `names[i]` belongs to `values[i]`. Byte strings. */
  readonly names: readonly string[];
  readonly values: readonly string[];
  readonly contentType: string | undefined;
  readonly host: string | undefined;
}

/**
 * Headers that are not the application's. The first row concerns only the connection to us (RFC
 * 3875 4.1.18); body length and coding are known from the body itself and never taken on trust.
 * `Proxy` would become HTTP_PROXY, which HTTP clients inside the application obey (httpoxy,
 * CVE-2016-5385).
 */
const DROPPED = new Set([
  ...['connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'upgrade', 'expect'],
  ...['transfer-encoding', 'content-length', 'proxy'],
]);

/**
 * Only these characters: `_` and `.` would fold to the same CGI name as `-` does, and a client
 * could then add a header that another proxy believes it has removed (CVE-2026-52845).
 */
const PLAIN_NAME = /^[A-Za-z0-9-]+$/;
/** uri-host with an optional port (RFC 9110 7.2). */
const HOST = /^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9\-._~%!$&'()*+,;=]*)(?::\d{0,5})?$/;
/** Field names remembered; strangers choose them, so there is an end to it. */
const MAX_KNOWN = 1000;

export class HeaderReader {
  #known = new Map<string, Field>();
  #request = 0;

  /**
   * @param rawHeaders names and values in turn, as node:http gives them
   * @throws ProxyError (400) for two Host or Content-Type fields, or a Host that is none
   */
  read(rawHeaders: readonly string[]): RequestHeaders {
    if (this.#known.size > MAX_KNOWN) this.#known = new Map();
    this.#request += 1;
    const names: string[] = [];
    const values: string[] = [];
    let contentType: string | undefined;
    let host: string | undefined;
    for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
      const field = this.#field(rawHeaders[i] ?? '');
      if (field.use === 'drop') continue;
      const value = rawHeaders[i + 1] ?? '';
      if (field.use === 'content-type') {
        if (contentType !== undefined) throw bad('two Content-Type header fields');
        contentType = value;
      } else if (field.seenIn === this.#request) {
        // Two Host fields are an attack on whatever decides by host (RFC 9112 3.2).
        if (field.use === 'host') throw bad('two Host header fields');
        // RFC 9110 5.3; for cookies RFC 6265 5.4 and RFC 9113 8.2.3.
        values[field.at] += (field.use === 'join-cookie' ? '; ' : ', ') + value;
      } else {
        if (field.use === 'host') {
          if (!isHost(value)) throw bad('the Host header field is not a host');
          host = value;
        }
        field.seenIn = this.#request;
        field.at = names.push(field.param) - 1;
        values.push(value);
      }
    }
    return { names, values, contentType, host };
  }

  #field(name: string): Field {
    let field = this.#known.get(name);
    if (field === undefined) {
      const key = name.toLowerCase();
      // Spellings of one name share one entry, or duplicates in different case would pass as two
      // parameters.
      field = name === key ? undefined : this.#known.get(key);
      field ??= { param: `HTTP_${name.toUpperCase().replaceAll('-', '_')}`, use: useOf(key), seenIn: 0, at: 0 };
      this.#known.set(name, field);
      this.#known.set(key, field);
    }
    return field;
  }
}

/** Whether the text may be a Host, which may be empty (RFC 9112 3.2). */
export function isHost(text: string): boolean {
  return HOST.test(text);
}

/** Whether a field of that name, in lower case, reaches applications at all. */
export function isPassedOn(key: string): boolean {
  return PLAIN_NAME.test(key) && !DROPPED.has(key);
}

function useOf(key: string): Use {
  if (!isPassedOn(key)) return 'drop';
  if (key === 'host' || key === 'content-type') return key;
  return key === 'cookie' ? 'join-cookie' : 'join';
}

function bad(message: string): ProxyError {
  return new ProxyError('FCGI_LB_REQUEST_BAD_HEADER', message);
}
