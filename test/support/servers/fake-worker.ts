// A scripted worker on a unix socket that lasts as long as the test.

import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import {
  type FastCgiServer,
  type FastCgiServerOptions,
  type Handler,
  listenFastCgi,
  type Reply,
} from '../../peers/fastcgi-server.ts';
import { tempDir } from '../temp-dir.ts';

export interface FakeWorker extends FastCgiServer {
  readonly path: string;
}

/**
 * Starts a worker at `path`, by default a fresh one; it answers FCGI_GET_VALUES like a
 * single-request process unless told otherwise.
 */
export async function fakeWorker(
  handler: Handler,
  options: FastCgiServerOptions & { readonly path?: string } = {},
): Promise<FakeWorker> {
  const path = options.path ?? join(tempDir(), 'w.sock');
  const server = await listenFastCgi(path, handler, { maxConns: 1, single: true, ...options });
  onTestFinished(() => server.close());
  return { ...server, path };
}

/** A handler that answers 200 with a text. */
export function answering(text: string | ((path: string) => string)): Handler {
  return (reply) => {
    const path = reply.request.params.get('REQUEST_URI') ?? '';
    reply.stdout(`Content-Type: text/plain\r\n\r\n${typeof text === 'string' ? text : text(path)}`);
    reply.end();
  };
}

/**
 * A handler that keeps the paths of the requests it began, in order, before it lets `handler`
 * answer.
 */
export function recording(handler: Handler): { readonly handler: Handler; readonly seen: string[] } {
  const seen: string[] = [];
  return {
    seen,
    handler: (reply) => {
      seen.push(reply.request.params.get('REQUEST_URI') ?? '');
      return handler(reply);
    },
  };
}

/** A handler that keeps the worker busy until the test answers, in order of arrival. */
export function holding(): { readonly handler: Handler; readonly next: () => Promise<Reply> } {
  const replies: Reply[] = [];
  const takers: Array<(reply: Reply) => void> = [];
  return {
    handler: (reply) => {
      const taker = takers.shift();
      if (taker === undefined) replies.push(reply);
      else taker(reply);
    },
    next: () => {
      const reply = replies.shift();
      return reply === undefined ? new Promise((resolve) => takers.push(resolve)) : Promise.resolve(reply);
    },
  };
}

/** Answers 200 with a text, and ends. */
export function answer(reply: Reply, text: string): void {
  reply.stdout(`Content-Type: text/plain\r\n\r\n${text}`);
  reply.end();
}

export interface RawWorker {
  /** What `--upstream` takes. */
  readonly address: string;
  readonly connections: () => number;
}

/**
 * A listener that knows nothing of FastCGI: the test does with each connection (not read from until
 * it asks for data) what it likes. On a unix socket, or over TCP when `where` says so.
 */
export async function rawWorker(
  onConnection: (socket: Socket, count: number) => void,
  where: 'tcp' | string = join(tempDir(), 'r.sock'),
): Promise<RawWorker> {
  const sockets = new Set<Socket>();
  let count = 0;
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    count += 1;
    onConnection(socket, count);
  });
  await new Promise<void>((resolve) => {
    if (where === 'tcp') server.listen({ host: '127.0.0.1', port: 0 }, resolve);
    else server.listen({ path: where }, resolve);
  });
  onTestFinished(
    () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  );
  const bound = server.address();
  const address = bound !== null && typeof bound === 'object' ? `127.0.0.1:${bound.port}` : where;
  return { address, connections: () => count };
}
