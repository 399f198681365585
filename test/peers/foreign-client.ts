// fastcgi-client from npm, a client that others wrote: one request to a worker, without anything of
// ours between.

import type { EventEmitter } from 'node:events';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import type { Readable, Writable } from 'node:stream';

interface ForeignRequest {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  getExitStatus(): unknown;
}

export interface ForeignClient extends EventEmitter {
  request(params: Readonly<Record<string, string>>, done: (error: Error | null, request: ForeignRequest) => void): void;
}

interface Options {
  readonly sockFile: string;
  /** Without it the client asks for FCGI_GET_VALUES first, and is ready when that is answered. */
  readonly skipCheckServer: boolean;
}

/** Its types name a default export that it does not have. */
const createClient = createRequire(import.meta.url)('fastcgi-client') as (options: Options) => ForeignClient;

export function foreignClient(options: Options): ForeignClient {
  return createClient(options);
}

/** @throws Error when it says so itself */
export async function readyClient(sockFile: string, skipCheckServer = true): Promise<ForeignClient> {
  const client = foreignClient({ sockFile, skipCheckServer });
  await once(client, 'ready');
  return client;
}

export interface ForeignAnswer {
  readonly status: unknown;
  readonly head: string;
  readonly body: Buffer;
}

/** @returns the CGI answer, taken apart at its first empty line, and the status of END_REQUEST */
export function askForeign(
  client: ForeignClient,
  params: Readonly<Record<string, string>>,
  body: Buffer = Buffer.alloc(0),
): Promise<ForeignAnswer> {
  return new Promise((resolve, reject) => {
    client.request(params, (error, request) => {
      if (error !== null) {
        reject(error);
        return;
      }
      const chunks: Buffer[] = [];
      request.stderr.resume();
      request.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.stdout.on('end', () => {
        const answer = Buffer.concat(chunks);
        const at = answer.indexOf('\r\n\r\n');
        resolve({ status: request.getExitStatus(), head: answer.toString('latin1', 0, at), body: answer.subarray(at + 4) });
      });
      request.stdin.end(body);
    });
  });
}

/** What RFC 3875 and php-fpm ask for, for a request to `uri`. */
export function cgiParams(method: string, uri: string, length: number, more: Readonly<Record<string, string>> = {}) {
  const [path = '', query = ''] = uri.split('?');
  return {
    GATEWAY_INTERFACE: 'CGI/1.1',
    SERVER_PROTOCOL: 'HTTP/1.1',
    REQUEST_METHOD: method,
    REQUEST_URI: uri,
    SCRIPT_NAME: '',
    PATH_INFO: path,
    QUERY_STRING: query,
    CONTENT_LENGTH: method === 'POST' ? String(length) : '',
    ...more,
  };
}
