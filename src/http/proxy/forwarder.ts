// Gives @fastify/reply-from a home: a fastify without a listener, through which requests for HTTP
// upstreams go one by one.

import { type IncomingHttpHeaders, IncomingMessage, type OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { type FastifyReplyFromOptions, fastifyReplyFrom } from '@fastify/reply-from';
import { type FastifyInstance, fastify } from 'fastify';

/** One attempt at one request. */
export interface Errand {
  readonly headers: OutgoingHttpHeaders;
  /**
   * Sends the request; called once, before `Forwarder.forward` returns.
   * @param done to be called once: with the status when the head of the answer has come, or with
   *   what went wrong before
   */
  send(headers: OutgoingHttpHeaders, done: (result: number | Error) => void): void;
  /** The status has been taken note of. */
  arrived(): void;
  /** The error has been. */
  failed(): void;
}

/**
 * What fastify sees in a request's place: always `GET /`, so that neither its router nor its body
 * parsers have an opinion of what the client sent.
 */
class ErrandMessage extends IncomingMessage {
  readonly errand: Errand;

  constructor(socket: Socket, errand: Errand) {
    super(socket);
    this.errand = errand;
    this.method = 'GET';
    this.url = '/';
  }
}

/** What reply-from asks of the HTTP client under it, and what it wants to hear from it. */
interface HttpClient {
  request(
    options: { readonly headers: Readonly<Record<string, string | string[] | undefined>> },
    callback: (
      error: Error | null,
      response?: { readonly statusCode: number; readonly headers: object; readonly body: unknown },
    ) => void,
  ): void;
}

/** fastify takes no status above; what the client gets is not decided there. */
const MOST_STATUS = 599;

export class Forwarder {
  readonly #app: FastifyInstance;
  /**
   * Set while reply-from is at work on it, which it is from `from` to `request` without a pause.
   */
  #current: Errand | undefined;

  constructor() {
    const client: HttpClient = {
      request: ({ headers }, callback) => {
        const errand = this.#current;
        if (errand === undefined) throw new Error('reply-from sent a request that was not asked for');
        this.#current = undefined;
        const given = Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== undefined));
        errand.send(given, (result) => {
          if (typeof result === 'number') callback(null, { statusCode: Math.min(result, MOST_STATUS), headers: {}, body: null });
          else callback(result);
        });
      },
    };
    const app = fastify({ logger: false });
    // Of all that undici has, reply-from uses `request`, and says that an object with just that
    // will do.
    const undici = client as unknown as NonNullable<FastifyReplyFromOptions['undici']>;
    app.register(fastifyReplyFrom, { undici, disableCache: true, disableRequestLogging: true });
    app.get('/', (request, reply) => {
      if (!(request.raw instanceof ErrandMessage)) throw new Error('only errands come here');
      const { errand } = request.raw;
      this.#current = errand;
      // The URL is a stand-in: reply-from would resolve, decode and re-encode a client's path on
      // its way.
      reply.from('http://upstream/', {
        // Its types know header fields only as node:http parses them; it copies whatever is there.
        rewriteRequestHeaders: () => errand.headers as unknown as IncomingHttpHeaders,
        // Without it a GET that is answered 503 is sent ten more times.
        retryDelay: () => null,
        onResponse: () => errand.arrived(),
        onError: () => errand.failed(),
      });
    });
    this.#app = app;
  }

  /** To be awaited before the first request. */
  async ready(): Promise<void> {
    await this.#app.ready();
  }

  /** @param socket the client's connection */
  forward(socket: Socket, errand: Errand): void {
    const message = new ErrandMessage(socket, errand);
    this.#app.routing(message, new ServerResponse(message));
  }
}
