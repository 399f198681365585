// Addresses as the operator writes them: `/run/rt1.sock`, `unix:/run/rt1.sock`, `127.0.0.1:9000`, `[::1]:9000`.

export type Address =
  | { readonly kind: 'unix'; readonly path: string; readonly text: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number; readonly text: string };

/** The operator asked for something that cannot be; the message says what was found and what is expected. */
export class ConfigError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ConfigError';
  }
}

/** sun_path holds 108 bytes with its closing NUL (unix(7)); a longer path would be cut, silently, to another one. */
const MAX_UNIX_PATH = 107;

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
      throw new ConfigError(`address '${text}': URLs are not supported; expected a socket path or HOST:PORT of a FastCGI worker`);
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
