// Begins what a request's route asks for: a transaction with an upstream, or an answer of our own.

import type { IncomingMessage, ServerResponse } from 'node:http';
import { LocalHandler } from './local-handler.ts';
import type { Routed } from './routed.ts';
import { Transaction } from './transaction.ts';
import type { OpenRequest, TransactionContext } from './transaction-context.ts';

/**
 * @param method as the client sent it
 * @param upgrade the protocol that the client asks to change to, if an upstream may grant it
 * @param closed told once, when nothing of the request is left
 */
export function openRequest(
  context: TransactionContext,
  routed: Routed,
  request: IncomingMessage,
  response: ServerResponse,
  method: string,
  upgrade: string | undefined,
  closed: (request: OpenRequest) => void,
): OpenRequest {
  return routed.kind === 'pool'
    ? new Transaction(context, routed, request, response, method, upgrade, closed)
    : new LocalHandler(context, routed, request, response, method, closed);
}
