// A scripted worker on a unix socket that lasts as long as the test.

import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type FastCgiServer, type FastCgiServerOptions, type Handler, listenFastCgi } from '../peers/fastcgi-server.ts';
import { tempDir } from './temp-dir.ts';

export interface FakeWorker extends FastCgiServer {
  readonly path: string;
}

/** Starts a worker at `path`, by default a fresh one; it answers FCGI_GET_VALUES like a single-request process unless told otherwise. */
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
