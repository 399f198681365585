// Takes a request target apart (RFC 9112 section 3.2) and brings its path to the one form that
// everything is decided on.

import { ProxyError } from '../../core/errors.ts';
import { isHost } from './headers.ts';

/** All strings are byte strings: each character is one byte. */
export interface RequestTarget {
  /** As the client sent it, from the path on: REQUEST_URI. */
  readonly raw: string;
  /** Decoded, dot segments resolved, slashes merged; begins with a slash. nginx's `$uri`. */
  readonly path: string;
  /** What follows the question mark, undecoded; empty without one. */
  readonly query: string;
  /** Host and port of an absolute-form target; they override the Host header (RFC 9112 3.2.2). */
  readonly authority: string | undefined;
}

const ABSOLUTE = /^https?:\/\/([^/?#]*)/i;
/** A decoded path with none of these is in normal form already. */
const UNUSUAL = /\/\/|\/\./;
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is refused
const CONTROL = /[\x00-\x1f\x7f]/;

/**
 * @throws ProxyError (400) for a target that is no path, has a bad escape, a control character, or
 *   climbs above the root
 */
export function parseTarget(target: string): RequestTarget {
  let raw = target;
  let authority: string | undefined;
  if (target.charCodeAt(0) !== 0x2f) {
    const match = ABSOLUTE.exec(target);
    if (match === null) throw bad('the request target is neither a path nor an http URL');
    authority = match[1] ?? '';
    // It takes the Host field's place, so it must be one; an http URL names a host and no user (RFC
    // 9110 4.2).
    if (/^(?::|$)/.test(authority) || !isHost(authority)) throw bad('the request target names no host');
    raw = target.slice(match[0].length);
    if (raw.charCodeAt(0) !== 0x2f) raw = `/${raw}`;
  }
  const question = raw.indexOf('?');
  const rawPath = question === -1 ? raw : raw.slice(0, question);
  const query = question === -1 ? '' : raw.slice(question + 1);
  if (rawPath.includes('#')) throw bad('the path holds a fragment');
  const decoded = decode(rawPath);
  // A newline in the path gave php-fpm an empty PATH_INFO and attackers its memory
  // (CVE-2019-11043); a NUL ends C strings early.
  if (CONTROL.test(decoded)) throw bad('the path holds a control character');
  // Dots and slashes are looked at after decoding, so that `%2e%2e` and `%2f` hide nothing.
  const path = UNUSUAL.test(decoded) ? resolve(decoded) : decoded;
  return { raw, path, query, authority };
}

/** Resolves dot segments (RFC 3986 5.2.4) and merges slashes. */
function resolve(path: string): string {
  const segments: string[] = [];
  const parts = path.split('/');
  // parts[0] is what stands before the first slash: nothing.
  for (const [index, part] of parts.entries()) {
    const last = index === parts.length - 1;
    if (part === '..') {
      if (segments.pop() === undefined) throw bad('the path climbs above the root');
    } else if (part !== '' && part !== '.') {
      segments.push(last ? part : `${part}/`);
    }
  }
  return `/${segments.join('')}`;
}

function decode(text: string): string {
  if (!text.includes('%')) return text;
  if (/%(?![0-9A-Fa-f]{2})/.test(text)) throw bad('the path holds a percent sign that is no escape');
  return text.replace(/%([0-9A-Fa-f]{2})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));
}

function bad(message: string): ProxyError {
  return new ProxyError('FCGI_LB_REQUEST_BAD_TARGET', message);
}
