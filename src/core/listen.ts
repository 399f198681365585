// Binds a server to an address, or says plainly why that is not possible.

import { chmod, lstat, unlink } from 'node:fs/promises';
import { connect, type Server } from 'node:net';
import type { Address } from './address.ts';
import { systemCode } from './errors.ts';

/** An address could not be listened on; the message names it and what to do. */
export class ListenError extends Error {
  readonly systemCode: string | undefined;

  constructor(message: string, cause: unknown) {
    super(message, { cause });
    this.name = 'ListenError';
    this.systemCode = systemCode(cause);
  }
}

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the address is in use by another program',
  EADDRNOTAVAIL: 'this machine has no such address',
  EACCES: 'permission denied',
  ENOENT: 'the directory does not exist',
  ENOTFOUND: 'no such host',
};

export interface ListenOptions {
  /** Permission bits of a unix socket. 0666 as in nginx: whoever may reach the directory may speak HTTP to us. */
  readonly mode?: number;
}

/**
 * Listens on `address`. A socket file that nobody answers on, left by a program that was killed, is replaced.
 * @returns the address as it became: the port chosen for port 0
 * @throws ListenError
 */
export async function listenOn(server: Server, address: Address, options: ListenOptions = {}): Promise<string> {
  try {
    await bind(server, address);
  } catch (error) {
    if (address.kind !== 'unix' || systemCode(error) !== 'EADDRINUSE' || !(await isLeftBehind(address.path))) {
      throw listenError(address, error);
    }
    try {
      await unlink(address.path);
      await bind(server, address);
    } catch (again) {
      throw listenError(address, again);
    }
  }
  if (address.kind === 'unix') {
    await chmod(address.path, options.mode ?? 0o666);
    return address.text;
  }
  const bound = server.address();
  const port = bound !== null && typeof bound === 'object' ? bound.port : address.port;
  return address.host.includes(':') ? `[${address.host}]:${port}` : `${address.host}:${port}`;
}

function bind(server: Server, address: Address): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    const listening = (): void => {
      server.off('error', reject);
      resolve();
    };
    if (address.kind === 'tcp') {
      server.listen({ host: address.host, port: address.port, backlog: 4096 }, listening);
      return;
    }
    // The socket exists from here on: nobody else may use it before its mode is set.
    const umask = process.umask(0o177);
    try {
      server.listen({ path: address.path, backlog: 4096 }, listening);
    } finally {
      process.umask(umask);
    }
  });
}

/** Whether `path` is a socket that nobody listens on. Connecting to a plain file is refused as well, and that is not ours to remove. */
async function isLeftBehind(path: string): Promise<boolean> {
  return (await lstat(path)).isSocket() && !(await answers(path));
}

/** Whether a program accepts connections on a socket file. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error) => resolve(systemCode(error) !== 'ECONNREFUSED'));
  });
}

function listenError(address: Address, cause: unknown): ListenError {
  const code = systemCode(cause) ?? '';
  return new ListenError(`cannot listen on ${address.text}: ${REASONS[code] ?? String(cause)}`, cause);
}
