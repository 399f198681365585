// The operator's door: health and readiness over HTTP, on its own addresses.

import { type FastifyInstance, fastify } from 'fastify';
import type { Address } from '../core/address.ts';
import { type Inherited, type Listener, listenOn } from '../core/listen.ts';

export interface Readiness {
  readonly ready: boolean;
  /** Why not, one sentence each. */
  readonly reasons: readonly string[];
}

/** What the operator's door needs to know of the program. */
export interface AdminFacts {
  readonly readiness: () => Readiness;
}

export class AdminServer {
  readonly #app: FastifyInstance;
  #listener: Listener | undefined;

  constructor(facts: AdminFacts) {
    this.#app = fastify({ forceCloseConnections: true });
    // It answers at all: the process serves.
    this.#app.get('/healthz', async () => ({ status: 'ok' }));
    this.#app.get('/readyz', async (_request, reply) => {
      const { ready, reasons } = facts.readiness();
      return reply.code(ready ? 200 : 503).send({ status: ready ? 'ready' : 'not ready', reasons });
    });
  }

  get listeners(): readonly Listener[] {
    return this.#listener === undefined ? [] : [this.#listener];
  }

  /** @throws ListenError */
  async listen(place: Address | Inherited): Promise<Listener> {
    await this.#app.ready();
    // Commands over the unix socket may one day change things: it is the owner's alone.
    this.#listener = await listenOn(this.#app.server, place, { mode: 0o600 });
    return this.#listener;
  }

  async close(): Promise<void> {
    const closed = this.#listener?.close();
    await this.#app.close();
    // Kept connections, and those on which nothing was ever asked, would hold up the end.
    this.#app.server.closeAllConnections();
    await closed;
  }
}
