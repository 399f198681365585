// The live page on the admin listener: its files, and the stream of what it shows.

import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { extname } from 'node:path';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type Feed, MAX_READERS } from './feed.ts';
import { onFinished } from './on-finished.ts';

interface PageFile {
  readonly type: string;
  readonly body: Buffer;
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/**
 * The page loads nothing but its own files, sends nothing elsewhere, cannot be framed, and makes no
 * markup of text.
 */
const POLICY = [
  "default-src 'none'",
  ...['script-src', 'style-src', 'img-src', 'connect-src'].map((kind) => `${kind} 'self'`),
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

/** On every answer of the admin listener, so that a browser makes a page of nothing else. */
const HEADERS = {
  'Content-Security-Policy': POLICY,
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cache-Control': 'no-store',
} as const;

/** One for all listeners. */
export class LivePage {
  readonly #feed: Feed;
  readonly #files: ReadonlyMap<string, PageFile>;
  /** A hash of the files: a page that was open before an upgrade sees that it is an old one. */
  readonly #mark: string;

  /** Reads the files at once: those on disk may soon be another version's. */
  constructor(feed: Feed) {
    const directory = new URL('./page/', import.meta.url);
    this.#feed = feed;
    const names = readdirSync(directory).filter((name) => extname(name) in TYPES);
    this.#files = new Map(
      names.map((name) => [name, { type: TYPES[extname(name)] ?? '', body: readFileSync(new URL(name, directory)) }]),
    );
    const hash = createHash('sha256');
    for (const { body } of this.#files.values()) hash.update(body);
    this.#mark = hash.digest('base64url').slice(0, 12);
  }

  /** @returns ends the streams that are open on this listener, and opens no more */
  attach(app: FastifyInstance): () => void {
    const streams = new Set<ServerResponse>();
    let ended = false;
    app.addHook('onRequest', (_request, reply, done) => {
      reply.headers(HEADERS);
      done();
    });
    app.get('/', async (_request, reply) => this.#file('page.html', reply));
    app.get('/page/:name', async (request: FastifyRequest<{ Params: { name: string } }>, reply) =>
      this.#file(request.params.name, reply),
    );
    app.route({
      method: 'GET',
      url: '/events',
      exposeHeadRoute: false,
      handler: async (request, reply) => {
        // Other pages cannot read the stream, but they could use up the places.
        if (elsewhere(request)) return refuse(reply, 403, 'only the live page itself may ask for its events');
        if (ended) return refuse(reply, 503, 'this listener is closing');
        if (this.#feed.full) return refuse(reply, 503, `${MAX_READERS} live pages are open already; close one`);
        reply.hijack();
        const response = reply.raw;
        streams.add(response);
        onFinished(response, () => {
          streams.delete(response);
          this.#feed.leave(response);
        });
        // A client that has gone is no failure: the close that follows ends its stream.
        response.on('error', () => undefined);
        response.writeHead(200, { ...HEADERS, 'Content-Type': 'text/event-stream' });
        response.write(`retry: 1000\nevent: page\ndata: "${this.#mark}"\n\n`);
        this.#feed.join(response);
      },
    });
    return () => {
      ended = true;
      for (const stream of streams) {
        this.#feed.leave(stream);
        // A client that does not read would never get to the end.
        if (stream.writableLength > 0) stream.destroy();
        else stream.end();
      }
    };
  }

  #file(name: string, reply: FastifyReply): FastifyReply {
    const file = this.#files.get(name);
    if (file === undefined) return reply.code(404).send({ error: `the live page has no file ${name.slice(0, 100)}` });
    return reply.type(file.type).send(file.body);
  }
}

function refuse(reply: FastifyReply, status: number, error: string): FastifyReply {
  return reply.code(status).header('Connection', 'close').send({ error });
}

/** Whether another site's page makes the request; only browsers send `Sec-Fetch-Site`. */
function elsewhere({ headers }: FastifyRequest): boolean {
  const site = headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return true;
  return headers.origin !== undefined && headers.origin.replace(/^https?:\/\//, '') !== headers.host;
}
