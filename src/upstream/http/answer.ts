// Reads what node:http says of an answer, whole or broken, in our own terms.

import type { IncomingMessage } from 'node:http';
import { type FailureCode, systemCode } from '../../core/errors.ts';
import type { HttpHead, HttpSink } from './request.ts';

export function headOf(message: Pick<IncomingMessage, 'statusCode' | 'statusMessage' | 'rawHeaders'>): HttpHead {
  return { status: message.statusCode ?? 0, reason: message.statusMessage ?? '', rawHeaders: message.rawHeaders };
}

/**
 * What a broken connection means.
 * @param begun whether the head of the answer had come
 * @param maxHead bytes that a head may have
 */
export function breakage(
  cause: Error,
  begun: boolean,
  maxHead: number,
): { readonly failure: FailureCode; readonly story: string } {
  const code = systemCode(cause) ?? '';
  if (code === 'HPE_HEADER_OVERFLOW') {
    return { failure: 'FCGI_LB_UPSTREAM_HEAD_TOO_LARGE', story: `the head of its answer passes ${maxHead} bytes` };
  }
  if (code.startsWith('HPE_')) {
    const failure = begun ? 'FCGI_LB_UPSTREAM_BAD_RECORD' : 'FCGI_LB_UPSTREAM_BAD_HEAD';
    return { failure, story: `broke the HTTP protocol: ${cause.message}` };
  }
  return { failure: 'FCGI_LB_UPSTREAM_CLOSED', story: `connection lost (${cause.message}) before the end of its answer` };
}

/** Hears an exchange whose answer nobody wants any more. */
export const IGNORE_HTTP_RESPONSE: HttpSink = {
  sent: () => undefined,
  interim: () => undefined,
  head: () => undefined,
  data: () => undefined,
  end: () => undefined,
  failed: () => undefined,
  upgraded: (_head, socket) => void socket.destroy(),
};
