// Requests to change the protocol (RFC 9110 7.8): which of them are granted, and how the others
// become ordinary requests again.

import type { IncomingMessage } from 'node:http';

/** The one protocol that is let through. Others are not asked for, which the client must accept. */
export const WEBSOCKET = 'websocket';
/**
 * What concerns a change of protocol alone; HTTP2-Settings belongs to h2c, in which requests would
 * pass us unseen.
 */
const OF_UPGRADES = new Set(['upgrade', 'http2-settings']);

/**
 * The protocol to ask an upstream for: undefined for an ordinary request, whatever its Upgrade
 * field says.
 */
export function wantedUpgrade(request: IncomingMessage): string | undefined {
  const { method, httpVersion, headers } = request;
  if (method !== 'GET' || httpVersion !== '1.1' || headers['content-length'] !== undefined) return undefined;
  if (headers['transfer-encoding'] !== undefined) return undefined;
  return headers.upgrade?.trim().toLowerCase() === WEBSOCKET ? WEBSOCKET : undefined;
}

/**
 * An option of createServer that Node 22.21, 24.9 and later know. A request with a body is an
 * ordinary one for them as well: from Node 26 on the event `upgrade` comes with its body in the
 * request, and with another stream in the socket's place.
 */
export const UPGRADES_WITHOUT_BODY = {
  shouldUpgradeCallback: ({ headers }: IncomingMessage): boolean =>
    headers['content-length'] === undefined && headers['transfer-encoding'] === undefined,
};

/** The head of a request as bytes, without its wish to change the protocol. */
export function ordinaryHead(request: IncomingMessage): Buffer {
  const lines = [`${request.method} ${request.url} HTTP/${request.httpVersion}`];
  const { rawHeaders } = request;
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? '';
    const key = name.toLowerCase();
    if (OF_UPGRADES.has(key)) continue;
    const value = rawHeaders[i + 1] ?? '';
    lines.push(`${name}: ${key === 'connection' ? otherOptions(value) : value}`);
  }
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
}

function otherOptions(connection: string): string {
  const options = connection.split(',').map((option) => option.trim());
  return options.filter((option) => !OF_UPGRADES.has(option.toLowerCase())).join(', ');
}
