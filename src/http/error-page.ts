// Answers a request that failed before a worker's answer could: a correct status, and nothing about what is inside.

import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Clock } from '../core/clock.ts';
import type { ProxyError } from '../core/errors.ts';

/** Seconds after which a client that was turned away for lack of workers may come again. */
const RETRY_AFTER = '5';
/** ms that a client may go on sending a body nobody wants before its connection is closed. */
const LINGER = 5000;

/** Status and body of the page, for every status in one way. */
function pageOf(status: number): { readonly headers: Record<string, string>; readonly body: string } {
  const body = `${status} ${STATUS_CODES[status] ?? 'Error'}\n`;
  const headers: Record<string, string> = {
    'Content-Type': 'text/plain; charset=utf-8',
    'Content-Length': String(body.length),
    'Cache-Control': 'no-store',
  };
  if (status === 503) headers['Retry-After'] = RETRY_AFTER;
  if (status === 405) headers['Allow'] = 'GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH';
  return { headers, body };
}

/**
 * Sends the page. A client that is still sending its body gets the whole page at once, and its connection is closed only
 * after that body or some time has passed: closing with unread bytes in the socket would reset the connection and take the page with it.
 * @returns bytes of the page
 */
export function sendErrorPage(request: IncomingMessage, response: ServerResponse, error: ProxyError, clock: Clock): number {
  const { headers, body } = pageOf(error.status);
  if (request.complete) {
    response.writeHead(error.status, headers).end(body);
    return body.length;
  }
  response.writeHead(error.status, { ...headers, Connection: 'close' });
  if (request.method !== 'HEAD') response.write(body);
  else response.flushHeaders();
  const finish = (): void => {
    timer.cancel();
    request.off('end', finish);
    request.off('close', finish);
    response.end();
  };
  const timer = clock.after(LINGER, finish);
  request.on('end', finish);
  request.on('close', finish);
  request.resume();
  return body.length;
}

/** The same page for a socket whose request could not even be parsed. */
export function rawErrorPage(status: number): string {
  const { headers, body } = pageOf(status);
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Error'}\r\n${lines.join('')}Connection: close\r\n\r\n${body}`;
}

/**
 * Breaks the client's connection off in the middle of a response. Over TCP with a reset: without Content-Length or chunks
 * a mere end would make the response look whole.
 */
export function cutConnection(response: ServerResponse): void {
  const { socket } = response;
  // A response pipelined behind another one has no socket yet: it takes its connection down when its turn comes.
  if (socket === null) response.destroy();
  else if (socket.remoteAddress === undefined) socket.destroy();
  else socket.resetAndDestroy();
}
