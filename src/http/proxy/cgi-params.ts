// Says to a worker in CGI parameters (RFC 3875 section 4.1, and what nginx's fastcgi_params adds)
// what the client asked for.

import type { HeaderChanges } from '../../config/route.ts';
import { byteString } from '../../core/byte-string.ts';
import { ProxyError } from '../../core/errors.ts';
import { encodePairs, ParamsTooLargeError, RequestEncoder } from '../../fcgi/encode.ts';
import { localAddress, localPort, type Peer, remoteAddress, schemeOf, serverName } from '../request/peer.ts';
import { type ScriptMode, splitScript, unmount } from '../request/script.ts';
import { compileTemplate, constantOf, filledIn, type RequestFacts, type Template } from '../request/variables.ts';

export interface CgiSettings {
  readonly mode: ScriptMode;
  /** Taken off the front of the path, and said in SCRIPT_NAME; empty or undefined for nothing. */
  readonly stripPrefix?: string;
  /**
   * Added to every request; they replace parameters of the same name, whether ours or from a
   * client's header.
   */
  readonly params: ReadonlyMap<string, string>;
  /** Headers set or hidden before they become parameters. */
  readonly requestHeaders?: HeaderChanges;
  /** The route's `path_regex`, for the groups in `params` and headers. */
  readonly regex?: RegExp | undefined;
  readonly software: string;
  /**
   * The header that names a request, also for workers; whatever the client sent under that name is
   * replaced.
   */
  readonly requestId?: string | undefined;
}

export type CgiRequest = RequestFacts;

export class CgiParams {
  readonly #mode: ScriptMode;
  readonly #prefix: string;
  readonly #idParam: string | undefined;
  readonly #replaced: ReadonlySet<string>;
  readonly #fixed: readonly string[];
  readonly #filled: readonly (readonly [name: string, value: Template])[];
  readonly #encoder = new RequestEncoder();
  /** The same for all requests of one client connection. */
  readonly #peers = new WeakMap<Peer, readonly string[]>();

  /**
   * @throws ParamsTooLargeError when one of the settings does not fit in a record
   * @throws ConfigError for a variable that does not exist
   */
  constructor(settings: CgiSettings) {
    const { mode, requestHeaders, requestId } = settings;
    this.#idParam = requestId === undefined ? undefined : paramOf(requestId);
    this.#mode = mode.root === undefined ? mode : { ...mode, root: byteString(mode.root.replace(/\/+$/, '')) };
    this.#prefix = byteString((settings.stripPrefix ?? '').replace(/\/+$/, ''));
    const scope = { root: mode.root, rules: { mode, prefix: this.#prefix }, regex: settings.regex };
    const own = new Map<string, string>();
    for (const [name, value] of requestHeaders?.set ?? []) own.set(paramOf(name), value);
    for (const [name, value] of settings.params) own.set(name, value);
    this.#replaced = new Set([...own.keys(), ...[...(requestHeaders?.hide ?? [])].map(paramOf)]);
    const fixed = new Map([
      ['GATEWAY_INTERFACE', 'CGI/1.1'],
      ['SERVER_SOFTWARE', settings.software],
      // php-cgi built with force-cgi-redirect refuses to run without it.
      ['REDIRECT_STATUS', '200'],
    ]);
    if (this.#mode.kind === 'application' && this.#prefix === '') fixed.set('SCRIPT_NAME', '');
    if (this.#mode.root !== undefined) fixed.set('DOCUMENT_ROOT', this.#mode.root);
    const filled: [string, Template][] = [];
    for (const [name, text] of own) {
      const template = compileTemplate(text, scope);
      const constant = constantOf(template);
      fixed.delete(name);
      if (constant === undefined) filled.push([name, template]);
      else fixed.set(name, constant);
    }
    this.#fixed = encodePairs(fixed);
    this.#filled = filled;
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
    this.#add('SERVER_NAME', serverName(host, request.socket));
    if (headers.contentType !== undefined) this.#add('CONTENT_TYPE', headers.contentType);
    if (bodyLength !== undefined) this.#add('CONTENT_LENGTH', String(bodyLength));
    if (headers.host === undefined && target.authority !== undefined) this.#add('HTTP_HOST', target.authority);
    const idParam = request.requestId === undefined ? undefined : this.#idParam;
    if (idParam !== undefined && request.requestId !== undefined) this.#add(idParam, request.requestId);
    for (let i = 0; i < headers.names.length; i += 1) {
      const name = headers.names[i] ?? '';
      if (name === idParam) continue;
      this.#add(name, name === 'HTTP_HOST' && host !== undefined ? host : (headers.values[i] ?? ''));
    }
    for (const [name, template] of this.#filled) encoder.add(name, filledIn(template, request));
    return encoder.finish(bodyLength === undefined || bodyLength === 0);
  }

  #addScript(path: string): void {
    const mode = this.#mode;
    const { prefix, rest } = unmount(path, this.#prefix);
    if (mode.kind === 'application') {
      if (this.#prefix !== '') this.#add('SCRIPT_NAME', prefix);
      this.#add('PATH_INFO', rest);
      return;
    }
    const { script, pathInfo } = splitScript(rest, mode);
    this.#add('SCRIPT_NAME', prefix + script);
    this.#add('SCRIPT_FILENAME', mode.root + script);
    // No PATH_INFO at all rather than an empty one: php-fpm's handling of empty ones was
    // CVE-2019-11043.
    if (pathInfo === '') return;
    this.#add('PATH_INFO', pathInfo);
    this.#add('PATH_TRANSLATED', mode.root + pathInfo);
  }

  #add(name: string, value: string): void {
    if (this.#replaced.size === 0 || !this.#replaced.has(name)) this.#encoder.add(name, value);
  }

  #peer(socket: Peer): readonly string[] {
    let peer = this.#peers.get(socket);
    if (peer === undefined) {
      const pairs: [string, string][] = [
        ['REMOTE_ADDR', remoteAddress(socket)],
        ['REMOTE_PORT', String(socket.remotePort ?? '')],
        ['SERVER_ADDR', localAddress(socket)],
        ['SERVER_PORT', localPort(socket)],
        ['REQUEST_SCHEME', schemeOf(socket)],
      ];
      // Not there at all rather than `off`, which is true to many a program.
      if (socket.https === true) pairs.push(['HTTPS', 'on']);
      peer = encodePairs(pairs.filter(([name]) => !this.#replaced.has(name)));
      this.#peers.set(socket, peer);
    }
    return peer;
  }
}

/** The parameter that a header becomes. */
function paramOf(name: string): string {
  const upper = name.toUpperCase().replaceAll('-', '_');
  return upper === 'CONTENT_TYPE' ? upper : `HTTP_${upper}`;
}
