// The parameters in a request head, and a client connection to make one for.

import { Socket } from 'node:net';
import { expect } from 'vitest';
import { readPairs, readRecords } from '../fuzz/wire.ts';

const PARAMS = 4;

/**
 * The parameters of a request head. Fails when one is there twice: a worker would take the one or
 * the other.
 */
export function paramsIn(head: Buffer): Record<string, string> {
  const pairs = readRecords(head).flatMap(({ type, content }) => (type === PARAMS ? readPairs(content) : []));
  const params = Object.fromEntries(pairs);
  expect(pairs.map(([name]) => name).sort()).toEqual(Object.keys(params).sort());
  return params;
}

export interface Ends {
  readonly remoteAddress?: string;
  readonly remotePort?: number;
  readonly localAddress?: string;
  readonly localPort?: number;
}

/** A connection that says it has these ends; none at all for one on a unix socket. */
export function connectionBetween(ends: Ends): Socket {
  const socket = new Socket();
  for (const [name, value] of Object.entries(ends)) Object.defineProperty(socket, name, { value });
  return socket;
}
