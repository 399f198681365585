// One POST of JSON on a connection of its own: the certificate verified, no redirect followed, all
// of it within one deadline.

import { type IncomingMessage, request as plainRequest, type RequestOptions } from 'node:http';
import { request as secureRequest } from 'node:https';
import type { Clock } from '../core/clock.ts';
import { asError, systemCode } from '../core/errors.ts';

/** Bytes of an answer that are read. */
const MAX_ANSWER = 4096;

export interface Post {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** ms, from the look-up of the name to the end of the answer. */
  readonly timeout: number;
}

export type PostAnswer =
  | { readonly kind: 'answered'; readonly status: number; readonly retryAfter: string | undefined; readonly text: string }
  /** Without the path of the URL, which may be a secret. */
  | { readonly kind: 'failed'; readonly reason: string };

/** @param signal gives up */
export function post({ url, headers, body, timeout }: Post, clock: Clock, signal: AbortSignal): Promise<PostAnswer> {
  return new Promise((resolve) => {
    const options: RequestOptions & { readonly rejectUnauthorized: true } = {
      method: 'POST',
      // Connections are rare and must not be there when the program ends.
      agent: false,
      // Also when the environment says otherwise.
      rejectUnauthorized: true,
      headers: {
        ...headers,
        'Content-Type': 'application/json',
        'Content-Length': String(Buffer.byteLength(body)),
        Connection: 'close',
      },
    };
    let asked: ReturnType<typeof plainRequest> | undefined;
    const finish = (answer: PostAnswer): void => {
      timer.cancel();
      signal.removeEventListener('abort', abandoned);
      asked?.destroy();
      resolve(answer);
    };
    const failed = (reason: string): void => finish({ kind: 'failed', reason: `${url.host}: ${reason}` });
    const abandoned = (): void => failed('given up');
    const timer = clock.after(timeout, () => failed(`no whole answer within ${timeout} ms`));
    if (signal.aborted) {
      abandoned();
      return;
    }
    signal.addEventListener('abort', abandoned);
    try {
      asked = (url.protocol === 'https:' ? secureRequest : plainRequest)(url, options);
    } catch (error) {
      failed(asError(error).message);
      return;
    }
    asked.on('error', (error) => failed(systemCode(error) ?? error.message));
    asked.on('response', (response) => {
      const { statusCode: status = 0 } = response;
      const retryAfter = response.headers['retry-after'];
      void beginningOf(response).then((text) => finish({ kind: 'answered', status, retryAfter, text }));
    });
    asked.end(body);
  });
}

/** What is read of an answer; one that breaks off has said its status all the same. */
async function beginningOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      size += chunk.length;
      if (size >= MAX_ANSWER) break;
    }
  } catch {
    // What has come is enough.
  }
  return Buffer.concat(chunks).subarray(0, MAX_ANSWER).toString('utf8');
}

/** Statuses that say: not now. */
const PASSING = new Set([408, 425, 429]);

/** Whether a request with this status may do better later. */
export function passing(status: number): boolean {
  return PASSING.has(status) || status >= 500;
}

/**
 * What `Retry-After` asks for, in ms; undefined when it says nothing that can be understood.
 * @param now wall-clock time
 */
export function retryAfterMs(text: string | undefined, now: Date): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000;
  const at = Date.parse(text);
  return Number.isNaN(at) ? undefined : Math.max(0, at - now.getTime());
}
