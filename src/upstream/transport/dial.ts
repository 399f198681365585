// Opens a connection to an upstream, or says in one coded error why it could not. The only maker of
// connect errors.

import type { Address, UpstreamAddress } from '../../core/address.ts';
import type { Clock, Timer } from '../../core/clock.ts';
import { type FailureCode, ProxyError, systemCode } from '../../core/errors.ts';
import { Connection, type ConnectionUser } from './connection.ts';

export interface DialResult {
  connected(connection: Connection): void;
  failed(error: ProxyError): void;
}

const CODES: Readonly<Record<string, FailureCode>> = {
  // Nobody listens: stopped, or not yet started.
  ECONNREFUSED: 'FCGI_LB_CONNECT_REFUSED',
  ENOENT: 'FCGI_LB_CONNECT_MISSING',
  // A unix socket whose backlog is full: busy, not dead (DESIGN.md fact 2).
  EAGAIN: 'FCGI_LB_CONNECT_BUSY',
  EACCES: 'FCGI_LB_CONNECT_DENIED',
  EPERM: 'FCGI_LB_CONNECT_DENIED',
  ETIMEDOUT: 'FCGI_LB_CONNECT_TIMEOUT',
};

const REASONS: Partial<Record<FailureCode, string>> = {
  FCGI_LB_CONNECT_REFUSED: 'nothing listens on the socket; is the worker running?',
  FCGI_LB_CONNECT_MISSING: 'the socket file does not exist; has the worker been started?',
  FCGI_LB_CONNECT_BUSY: 'the backlog of the socket is full',
  FCGI_LB_CONNECT_DENIED: 'permission denied; the socket must be writable for the user fcgi-lb runs as',
};

/**
 * Connects to `address`. A success proves only that somebody listens, not that a worker is free or
 * alive (fact 1).
 * @param timeout ms
 * @returns a function that gives up: closes what was begun and reports nothing more
 */
export function dial(address: Address, timeout: number, clock: Clock, result: DialResult): () => void {
  let timer: Timer | undefined;
  const user: ConnectionUser = {
    data: () => undefined,
    drained: () => undefined,
    closed: (error) => {
      timer?.cancel();
      result.failed(connectError(address, error));
    },
  };
  const connection = new Connection(address, user, () => {
    timer?.cancel();
    result.connected(connection);
  });
  timer = clock.after(timeout, () => {
    connection.destroy();
    result.failed(connectTimeout(address, timeout));
  });
  return () => {
    timer.cancel();
    connection.destroy();
  };
}

/** The coded error for a connection that did not come about. */
export function connectError(address: UpstreamAddress, cause: Error | undefined): ProxyError {
  const code = CODES[systemCode(cause) ?? ''] ?? 'FCGI_LB_CONNECT_FAILED';
  const reason = REASONS[code] ?? cause?.message ?? 'closed while connecting';
  return new ProxyError(code, `${address.text}: ${reason}`, { upstream: address.text, cause });
}

/** @param timeout ms */
export function connectTimeout(address: UpstreamAddress, timeout: number): ProxyError {
  const story = `${address.text}: no connection within ${timeout} ms`;
  return new ProxyError('FCGI_LB_CONNECT_TIMEOUT', story, { upstream: address.text });
}
