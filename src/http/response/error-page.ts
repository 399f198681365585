// Answers a request that failed before a worker's answer could: a correct status, and nothing about
// what is inside.

import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Clock } from '../../core/clock.ts';

/** Seconds after which a client that was turned away for lack of workers may come again. */
const RETRY_AFTER = '5';
/** ms that a client may go on sending a body nobody wants before its connection is closed. */
const LINGER = 5000;
const USUAL_METHODS = 'GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH';

/** What is sent whole: a page, or an answer of a route's own. */
export interface WholeAnswer {
  readonly status: number;
  /** Names and values in turn, without Content-Length. */
  readonly headers: readonly string[];
  readonly body: Buffer;
}

/**
 * The page of a status that the operator has given none for. @param allow the methods that would be
 * taken, for 405
 */
export function plainPage(status: number, allow?: ReadonlySet<string>): WholeAnswer {
  const body = Buffer.from(`${status} ${STATUS_CODES[status] ?? 'Error'}\n`);
  const headers = ['Content-Type', 'text/plain; charset=utf-8', 'Cache-Control', 'no-store'];
  if (status === 503) headers.push('Retry-After', RETRY_AFTER);
  if (status === 405) headers.push('Allow', allow === undefined ? USUAL_METHODS : [...allow].join(', '));
  return { status, headers, body };
}

/**
 * Sends the page. A client that is still sending its body gets the whole page at once, and its
 * connection is closed only after that body or some time has passed: closing with unread bytes in
 * the socket would reset the connection and take the page with it.
 * @returns bytes of the body that were sent
 */
export function sendWhole(request: IncomingMessage, response: ServerResponse, answer: WholeAnswer, clock: Clock): number {
  const { status, body } = answer;
  const bodiless = status === 204 || status === 304;
  const headers = bodiless ? [...answer.headers] : [...answer.headers, 'Content-Length', String(body.length)];
  const silent = bodiless || request.method === 'HEAD';
  if (isRead(request)) {
    response.writeHead(status, headers);
    if (silent) response.end();
    else response.end(body);
    return silent ? 0 : body.length;
  }
  response.writeHead(status, [...headers, 'Connection', 'close']);
  if (silent) response.flushHeaders();
  else response.write(body);
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
  return silent ? 0 : body.length;
}

/**
 * Whether nothing more of the request can come. node:http tells of a request before it has seen
 * that there is no body.
 */
function isRead({ complete, headers, httpVersion }: IncomingMessage): boolean {
  if (complete) return true;
  const framed = headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined;
  return !framed && /^1\.[01]$/.test(httpVersion);
}

/**
 * Sends the same page on a connection whose request could not even be parsed, as the last thing on
 * it. The connection is closed when the client has closed its side, and after `LINGER` at the
 * latest. Until then what the client still sends is read and dropped: closing with unread bytes
 * would reset the connection and take the page with it.
 * @returns bytes that were sent
 */
export function sendLastPage(socket: Duplex, status: number, clock: Clock): number {
  const page = rawErrorPage(status);
  const timer = clock.after(LINGER, () => socket.destroy());
  socket.on('close', () => timer.cancel());
  // node:http has taken its own listener away: a reset by the client would be an uncaught
  // exception.
  socket.on('error', () => undefined);
  // The parser, where it still listens, would complain of each further chunk.
  socket.removeAllListeners('data');
  socket.on('data', () => undefined);
  socket.end(page);
  socket.resume();
  return page.length;
}

function rawErrorPage(status: number): string {
  const { headers, body } = plainPage(status);
  const lines = headers.map((text, at) => (at % 2 === 0 ? `${text}: ` : `${text}\r\n`));
  lines.push(`Content-Length: ${body.length}\r\n`);
  return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Error'}\r\n${lines.join('')}Connection: close\r\n\r\n${body.toString()}`;
}

/**
 * Breaks the client's connection off in the middle of a response. Over TCP with a reset: without
 * Content-Length or chunks a mere end would make the response look whole.
 */
export function cutConnection(response: ServerResponse): void {
  const { socket } = response;
  // A response pipelined behind another one has no socket yet: it takes its connection down when
  // its turn comes.
  if (socket === null) response.destroy();
  else if (socket.remoteAddress === undefined) socket.destroy();
  else socket.resetAndDestroy();
}
