// HTTP clients for tests: one that behaves, and one that sends any bytes and keeps what comes back.

import { Agent, request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { connect, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

/** The path of a unix socket, or a TCP port of this machine. */
export type Where = string | { readonly port: number };

function optionsFor(where: Where): { socketPath: string } | { host: string; port: number } {
  return typeof where === 'string' ? { socketPath: where } : { host: '127.0.0.1', port: where.port };
}

export interface Answer {
  readonly status: number;
  readonly reason: string;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
  /** False when the connection broke before the body was whole. */
  readonly complete: boolean;
}

export interface Ask {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Record<string, string | string[]>;
  /** Sent with Content-Length when a Buffer or string; chunked when a list. */
  readonly body?: string | Buffer | readonly (string | Buffer)[];
  readonly agent?: Agent;
}

/**
 * One request.
 * @throws Error when the connection ends before the head of a response
 */
export function ask(where: Where, { method = 'GET', path = '/', headers = {}, body, agent }: Ask = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      { ...optionsFor(where), method, path, headers: { Host: 'test.example', ...headers }, agent: agent ?? new Agent() },
      (response) => {
        const chunks: Buffer[] = [];
        const done = (): void =>
          resolve({
            status: response.statusCode ?? 0,
            reason: response.statusMessage ?? '',
            headers: response.headers,
            rawHeaders: response.rawHeaders,
            body: Buffer.concat(chunks),
            complete: response.complete,
          });
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', done);
        response.on('error', done);
      },
    );
    request.on('error', reject);
    if (body === undefined) request.end();
    else if (typeof body === 'string' || Buffer.isBuffer(body)) {
      request.setHeader('Content-Length', Buffer.byteLength(body));
      request.end(body);
    } else {
      for (const part of body) request.write(part);
      request.end();
    }
  });
}

export interface RawClient {
  readonly socket: Socket;
  /** Everything received so far. */
  readonly received: () => string;
  write(bytes: string | Buffer): void;
  /** Resolves with all that was received once `test` holds for it. */
  until(test: (received: string) => boolean): Promise<string>;
  /**
   * Resolves with all that was received when the connection is closed; `error` is set when it was
   * reset.
   */
  readonly closed: Promise<{ readonly received: string; readonly error: Error | undefined }>;
}

/** A connection on which the test writes what it likes. Bytes received are shown as latin1. */
export function rawClient(where: Where): RawClient {
  const socket =
    typeof where === 'string'
      ? connect({ path: where, allowHalfOpen: true })
      : connect({ host: '127.0.0.1', port: where.port, allowHalfOpen: true });
  const chunks: string[] = [];
  let watchers: Array<() => void> = [];
  let error: Error | undefined;
  const received = (): string => chunks.join('');
  const changed = (): void => {
    const waiting = watchers;
    watchers = [];
    for (const watcher of waiting) watcher();
  };
  socket.on('data', (chunk: Buffer) => {
    chunks.push(chunk.toString('latin1'));
    changed();
  });
  socket.on('error', (reason) => {
    error = reason;
  });
  socket.on('end', () => socket.end());
  const closed = new Promise<{ received: string; error: Error | undefined }>((resolve) => {
    socket.on('close', () => {
      changed();
      resolve({ received: received(), error });
    });
  });
  return {
    socket,
    received,
    write: (bytes) => void socket.write(bytes),
    closed,
    until: async (test) => {
      while (!test(received())) {
        if (socket.destroyed) throw new Error(`connection closed; received ${JSON.stringify(received().slice(0, 500))}`);
        await new Promise<void>((resolve) => watchers.push(resolve));
      }
      return received();
    },
  };
}

/** A raw client that is closed when the current test is over. */
export function testClient(where: Where): RawClient {
  const client = rawClient(where);
  onTestFinished(() => void client.socket.destroy());
  return client;
}
