// A node:http server as an upstream that lasts as long as the test.

import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { tempDir } from '../temp-dir.ts';

export interface HttpUpstream {
  /** What `--upstream` takes. */
  readonly address: string;
  readonly server: Server;
  /** Requests as they came, whatever became of them. */
  readonly seen: readonly IncomingMessage[];
  /** Connections that were accepted so far. */
  readonly connections: () => number;
  /** Connections that are open now. */
  readonly open: () => number;
}

/** Starts a server over TCP, or on a unix socket when `where` names one; `unix` makes up a name. */
export async function httpUpstream(listener: RequestListener, where: 'tcp' | 'unix' | string = 'tcp'): Promise<HttpUpstream> {
  const seen: IncomingMessage[] = [];
  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    seen.push(request);
    listener(request, response);
  });
  const sockets = new Set<Socket>();
  let count = 0;
  server.on('connection', (socket: Socket) => {
    count += 1;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  const path = where === 'unix' ? join(tempDir(), 'h.sock') : where;
  await new Promise<void>((resolve) => {
    if (where === 'tcp') server.listen({ host: '127.0.0.1', port: 0 }, resolve);
    else server.listen({ path }, resolve);
  });
  onTestFinished(
    () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  );
  const bound = server.address();
  const address = bound !== null && typeof bound === 'object' ? `http://127.0.0.1:${bound.port}` : `http+unix:${path}`;
  return { address, server, seen, connections: () => count, open: () => sockets.size };
}

/** The whole body of a request. */
export async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
