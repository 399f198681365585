// The token with which a client may change things over TCP, from a file that not all users can
// read.

import { ConfigError, systemCode } from '../core/errors.ts';
import type { ConfigHost } from './config-host.ts';

/** Characters: fewer can be guessed. */
const LEAST_TOKEN = 16;
/** The permission bits of those who are neither the owner nor of the group. */
const OTHERS = 0o007;

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EISDIR: 'it is a directory',
};

/**
 * @param path absolute
 * @returns the token without the whitespace around it; messages never quote it
 * @throws ConfigError
 */
export function readTokenFile(path: string, host: Pick<ConfigHost, 'readPrivate'>): string {
  const { text, mode } = read(path, host);
  if ((mode & OTHERS) !== 0) {
    const octal = (mode & 0o777).toString(8).padStart(4, '0');
    throw new ConfigError(`'${path}' is open to all users (mode ${octal}): expected 0600 or 0640; chmod o= '${path}' helps`);
  }
  const token = text.trim();
  if (token.length < LEAST_TOKEN) {
    const found = `a token of ${token.length} characters is too short`;
    throw new ConfigError(
      `'${path}': ${found}: expected at least ${LEAST_TOKEN} random ones, such as 'openssl rand -hex 32' prints`,
    );
  }
  // What a field of HTTP carries as it is.
  if (!/^[\x21-\x7e]+$/.test(token)) {
    throw new ConfigError(`'${path}': a token is one word of ASCII characters, such as 'openssl rand -hex 32' prints`);
  }
  return token;
}

function read(path: string, host: Pick<ConfigHost, 'readPrivate'>): ReturnType<ConfigHost['readPrivate']> {
  try {
    return host.readPrivate(path);
  } catch (error) {
    const code = systemCode(error);
    // An operator may have written the token itself in the place of the path: no log may have it.
    if (code === 'ENOENT') throw new ConfigError('there is no such file; expected the path of a file that holds the token');
    throw new ConfigError(`cannot read '${path}': ${REASONS[code ?? ''] ?? code ?? String(error)}`);
  }
}
