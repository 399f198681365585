// Says to a worker in CGI parameters (RFC 3875 section 4.1, and what nginx's fastcgi_params adds) what the client asked for.

import type { Socket } from 'node:net';
import { ProxyError } from '../core/errors.ts';
import { encodePairs, ParamsTooLargeError, RequestEncoder } from '../fcgi/encode.ts';
import type { RequestHeaders } from './request-headers.ts';
import type { Target } from './target.ts';

/**
 * How paths become scripts. `application`: one program mounted at `/`, which is what Request Tracker, PSGI and WSGI
 * want; SCRIPT_NAME is empty and PATH_INFO the path. `php`: scripts are files below `root`.
 */
export type ScriptMode =
  | { readonly kind: 'application'; readonly root: string | undefined }
  | { readonly kind: 'php'; readonly root: string; readonly index: string };

export interface CgiSettings {
  readonly mode: ScriptMode;
  /** Added to every request; they replace parameters of the same name, whether ours or from a client's header. */
  readonly params: ReadonlyMap<string, string>;
  readonly software: string;
}

export interface CgiRequest {
  readonly method: string;
  /** `HTTP/1.1` */
  readonly protocol: string;
  readonly target: Target;
  readonly headers: RequestHeaders;
  /** Bytes of the request body; undefined when there is none. */
  readonly bodyLength: number | undefined;
  readonly socket: Socket;
}

export class CgiParams {
  readonly #mode: ScriptMode;
  readonly #replaced: ReadonlySet<string>;
  readonly #fixed: readonly Buffer[];
  readonly #encoder = new RequestEncoder();
  /** The same for all requests of one client connection. */
  readonly #peers = new WeakMap<Socket, readonly Buffer[]>();

  /** @throws ParamsTooLargeError when one of the settings does not fit in a record */
  constructor(settings: CgiSettings) {
    const { mode } = settings;
    this.#mode = mode.root === undefined ? mode : { ...mode, root: byteString(mode.root.replace(/\/+$/, '')) };
    this.#replaced = new Set(settings.params.keys());
    const fixed = new Map([
      ['GATEWAY_INTERFACE', 'CGI/1.1'],
      ['SERVER_SOFTWARE', settings.software],
      ['REQUEST_SCHEME', 'http'],
      // php-cgi built with force-cgi-redirect refuses to run without it.
      ['REDIRECT_STATUS', '200'],
    ]);
    if (this.#mode.kind === 'application') fixed.set('SCRIPT_NAME', '');
    if (this.#mode.root !== undefined) fixed.set('DOCUMENT_ROOT', this.#mode.root);
    for (const [name, value] of settings.params) fixed.set(byteString(name), byteString(value));
    this.#fixed = encodePairs(fixed);
  }

  /**
   * BEGIN_REQUEST and all parameters, ready to be sent.
   * @throws ProxyError (431) when a parameter, or all together, are larger than a worker takes
   */
  encode(request: CgiRequest): Buffer {
    try {
      return this.#encode(request);
    } catch (error) {
      if (!(error instanceof ParamsTooLargeError)) throw error;
      throw new ProxyError('FCGI_LB_REQUEST_HEADERS_TOO_LARGE', error.message, { cause: error });
    }
  }

  #encode(request: CgiRequest): Buffer {
    const { target, headers, bodyLength } = request;
    const encoder = this.#encoder;
    encoder.begin();
    encoder.addEncoded(this.#fixed);
    encoder.addEncoded(this.#peer(request.socket));
    this.#add('REQUEST_METHOD', request.method);
    this.#add('SERVER_PROTOCOL', request.protocol);
    this.#add('REQUEST_URI', target.raw);
    this.#add('DOCUMENT_URI', target.path);
    this.#add('QUERY_STRING', target.query);
    this.#addScript(target.path);
    const host = target.authority ?? headers.host;
    this.#add('SERVER_NAME', host === undefined || host === '' ? hostOf(localAddress(request.socket)) : hostOf(host));
    if (headers.contentType !== undefined) this.#add('CONTENT_TYPE', headers.contentType);
    if (bodyLength !== undefined) this.#add('CONTENT_LENGTH', String(bodyLength));
    if (headers.host === undefined && target.authority !== undefined) this.#add('HTTP_HOST', target.authority);
    for (let i = 0; i < headers.names.length; i += 1) {
      const name = headers.names[i] ?? '';
      this.#add(name, name === 'HTTP_HOST' && host !== undefined ? host : (headers.values[i] ?? ''));
    }
    return encoder.finish(bodyLength === undefined || bodyLength === 0);
  }

  #addScript(path: string): void {
    const mode = this.#mode;
    if (mode.kind === 'application') {
      this.#add('PATH_INFO', path);
      return;
    }
    const { script, pathInfo } = splitPhp(path, mode.index);
    this.#add('SCRIPT_NAME', script);
    this.#add('SCRIPT_FILENAME', mode.root + script);
    // No PATH_INFO at all rather than an empty one: php-fpm's handling of empty ones was CVE-2019-11043.
    if (pathInfo === '') return;
    this.#add('PATH_INFO', pathInfo);
    this.#add('PATH_TRANSLATED', mode.root + pathInfo);
  }

  #add(name: string, value: string): void {
    if (this.#replaced.size === 0 || !this.#replaced.has(name)) this.#encoder.add(name, value);
  }

  #peer(socket: Socket): readonly Buffer[] {
    let peer = this.#peers.get(socket);
    if (peer === undefined) {
      const pairs: [string, string][] = [
        ['REMOTE_ADDR', remoteAddress(socket)],
        ['REMOTE_PORT', String(socket.remotePort ?? '')],
        ['SERVER_ADDR', localAddress(socket)],
        // A unix listener has no port; applications build URLs from it, and 80 leaves it out of them.
        ['SERVER_PORT', String(socket.localPort ?? 80)],
      ];
      peer = encodePairs(pairs.filter(([name]) => !this.#replaced.has(name)));
      this.#peers.set(socket, peer);
    }
    return peer;
  }
}

/** The client's address; `unix:` for one on a unix socket, as nginx says. */
export function remoteAddress(socket: Socket): string {
  return plainAddress(socket.remoteAddress);
}

function localAddress(socket: Socket): string {
  return plainAddress(socket.localAddress);
}

function plainAddress(address: string | undefined): string {
  if (address === undefined) return 'unix:';
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice('::ffff:'.length) : address;
}

/**
 * Splits a path at the first `.php` that ends a segment, as nginx's usual `^(.+?\.php)(/.*)$` does. Bytes are compared,
 * on the very string that is used afterwards: no case folding, no other form of it (CVE-2026-27590). A directory gets
 * its index; a path without a script goes to the index at the root, the front controller.
 */
export function splitPhp(path: string, index: string): { readonly script: string; readonly pathInfo: string } {
  const EXTENSION = '.php';
  for (let at = path.indexOf(EXTENSION); at !== -1; at = path.indexOf(EXTENSION, at + 1)) {
    const end = at + EXTENSION.length;
    const named = at > 0 && path[at - 1] !== '/';
    if (named && (end === path.length || path[end] === '/')) return { script: path.slice(0, end), pathInfo: path.slice(end) };
  }
  return { script: path.endsWith('/') ? path + index : `/${index}`, pathInfo: '' };
}

/** The host of `host:port`, brackets of an IPv6 address kept. */
function hostOf(authority: string): string {
  return authority.replace(/:\d*$/, '');
}

/** UTF-8 text as a byte string. */
function byteString(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}
