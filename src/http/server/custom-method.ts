// Lets requests with a method of their own through: node:http's parser knows a fixed list and
// refuses all others.

import type { Socket } from 'node:net';
import { ReplayedConnection } from './replayed-connection.ts';

export interface CustomRequest {
  /** The method as the client sent it. */
  readonly method: string;
  /**
   * The client's connection once more, to be given to the HTTP server; its first request has the
   * method POST.
   */
  readonly connection: ReplayedConnection;
}

/**
 * A complete request line at the very start of what the parser refused. RFC 9110 9.1: a method is a
 * token.
 */
const REQUEST_LINE = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]{1,64}) [^ \r\n]+ HTTP\/1\.[01]\r?\n/;

/**
 * Takes a connection over after the parser has refused a method (HPE_INVALID_METHOD).
 * @param refused the bytes that the parser was looking at
 * @returns undefined when they do not begin with a whole request line: then it was no HTTP, or came
 *   behind another request
 */
export function takeOver(socket: Socket, refused: Buffer): CustomRequest | undefined {
  const method = REQUEST_LINE.exec(refused.toString('latin1'))?.[1];
  if (method === undefined) return undefined;
  const shown = Buffer.concat([Buffer.from('POST'), refused.subarray(method.length)]);
  return { method, connection: new ReplayedConnection(socket, shown) };
}
