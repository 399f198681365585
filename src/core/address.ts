// Addresses as the operator writes them: `/run/rt1.sock`, `127.0.0.1:9000`,
// `http://127.0.0.1:8000`, `http+unix:/run/app.sock`.

import { ConfigError } from './errors.ts';

export type Address =
  | { readonly kind: 'unix'; readonly path: string; readonly text: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number; readonly text: string };

/** Where an HTTP server is, and how it is reached. */
export interface HttpAddress {
  readonly kind: 'http';
  /** Whether TLS is spoken. */
  readonly secure: boolean;
  readonly socket: Address;
  /** What the Host field says when the client's request has none. */
  readonly authority: string;
  readonly text: string;
}

/** Where an upstream is: a socket alone is that of a FastCGI worker. */
export type UpstreamAddress = Address | HttpAddress;

/** The socket behind an address. */
export function socketOf(address: UpstreamAddress): Address {
  return address.kind === 'http' ? address.socket : address;
}

/**
 * Where to listen: an address to bind, or listening sockets that systemd passes, all of them or
 * those of one name.
 */
export type ListenAddress = Address | { readonly kind: 'systemd'; readonly name: string | undefined; readonly text: string };

/**
 * sun_path holds 108 bytes with its closing NUL (unix(7)); a longer path would be cut, silently, to
 * another one.
 */
export const MAX_UNIX_PATH = 107;

/** @throws ConfigError when the path cannot name a socket */
export function unixAddress(path: string): Address {
  const length = Buffer.byteLength(path);
  if (length > MAX_UNIX_PATH) {
    throw new ConfigError(`socket path ${path} is ${length} bytes long; unix sockets allow ${MAX_UNIX_PATH}`);
  }
  return { kind: 'unix', path, text: path };
}

/**
 * @param text a path (with a slash in it), `unix:PATH`, `HOST:PORT` or `[IPV6]:PORT`
 * @throws ConfigError
 */
export function parseAddress(text: string): Address {
  if (text.startsWith('unix:')) {
    const path = text.slice('unix:'.length);
    if (path === '') throw new ConfigError(`address '${text}': a path is expected after 'unix:'`);
    return unixAddress(path);
  }
  if (text.includes('/')) {
    if (/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) {
      throw new ConfigError(`address '${text}': URLs are not supported here; expected a socket path or HOST:PORT`);
    }
    return unixAddress(text);
  }
  const match = /^(?:\[([0-9a-fA-F]*:[0-9a-fA-F:.]*(?:%[\w.-]+)?)\]|([^[\]:\s]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || port > 65_535) {
    throw new ConfigError(`address '${text}': expected HOST:PORT, [IPV6]:PORT, /PATH or unix:/PATH`);
  }
  return { kind: 'tcp', host, port, text: host.includes(':') ? `[${host}]:${port}` : `${host}:${port}` };
}

/**
 * Whether one socket at each is one too many: the kernel gives a port of every address to nobody
 * who has it at one of them.
 */
export function overlap(a: Address, b: Address): boolean {
  if (a.kind === 'unix' || b.kind === 'unix') return a.kind === 'unix' && b.kind === 'unix' && a.path === b.path;
  if (a.port !== b.port || a.port === 0) return false;
  return a.host === b.host || covers(a.host, b.host) || covers(b.host, a.host);
}

/**
 * Whether `wide` is every address, `host` among them. A socket for every IPv6 address is for every
 * IPv4 address, too.
 */
function covers(wide: string, host: string): boolean {
  return /^[0:]*::[0:]*$/.test(wide) || (wide === '0.0.0.0' && !/:./.test(host));
}

/** What stands before the path of an HTTP server's unix socket. */
export const HTTP_UNIX = 'http+unix:';

/**
 * @param text what `parseAddress` takes, for a FastCGI worker; `http://HOST[:PORT]`,
 *   `https://HOST[:PORT]` or `http+unix:PATH` for an HTTP server
 * @throws ConfigError
 */
export function parseUpstreamAddress(text: string): UpstreamAddress {
  if (text.startsWith(HTTP_UNIX)) return httpUnixAddress(text.slice(HTTP_UNIX.length));
  const match = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/i.exec(text);
  if (match === null) return parseAddress(text);
  const scheme = match[1]?.toLowerCase();
  if (scheme !== 'http' && scheme !== 'https') {
    throw new ConfigError(`address '${text}': expected http://HOST:PORT, https://HOST:PORT or http+unix:/PATH`);
  }
  const secure = scheme === 'https';
  const authority = /^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:\d{1,5})?\/?$/.exec(match[2] ?? '');
  const host = authority?.[1];
  if (host === undefined) {
    throw new ConfigError(`address '${text}': expected ${scheme}://HOST:PORT and nothing after it; requests keep their own path`);
  }
  const usual = secure ? 443 : 80;
  const port = authority?.[2] === undefined ? usual : Number(authority[2].slice(1));
  const socket = parseAddress(`${host}:${port}`);
  const shown = port === usual ? host : `${host}:${port}`;
  return { kind: 'http', secure, socket, authority: shown, text: `${scheme}://${shown}` };
}

/**
 * @param path of an HTTP server's unix socket
 * @throws ConfigError
 */
export function httpUnixAddress(path: string): HttpAddress {
  const text = `${HTTP_UNIX}${path}`;
  if (!/^\/[^/]/.test(path)) {
    throw new ConfigError(`address '${text}': expected an absolute path, as in http+unix:/run/app.sock`);
  }
  return { kind: 'http', secure: false, socket: unixAddress(path), authority: 'localhost', text };
}

/**
 * @param text as for parseAddress, or `systemd`, or `systemd:NAME` with a name of LISTEN_FDNAMES
 * @throws ConfigError
 */
export function parseListenAddress(text: string): ListenAddress {
  if (text === 'systemd') return { kind: 'systemd', name: undefined, text };
  if (!text.startsWith('systemd:')) return parseAddress(text);
  const name = text.slice('systemd:'.length);
  if (name === '')
    throw new ConfigError(`address '${text}': the name of a socket (FileDescriptorName=) is expected after 'systemd:'`);
  return { kind: 'systemd', name, text };
}
