// The operator's door: health and readiness over HTTP, on its own addresses.

import { type FastifyInstance, fastify } from 'fastify';
import type { Address } from '../core/address.ts';
import { listenOn } from '../core/listen.ts';

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

  constructor(facts: AdminFacts) {
    this.#app = fastify({ forceCloseConnections: true });
    // It answers at all: the process serves.
    this.#app.get('/healthz', async () => ({ status: 'ok' }));
    this.#app.get('/readyz', async (_request, reply) => {
      const { ready, reasons } = facts.readiness();
      return reply.code(ready ? 200 : 503).send({ status: ready ? 'ready' : 'not ready', reasons });
    });
  }

  /**
   * @returns the address as it became
   * @throws ListenError
   */
  async listen(address: Address): Promise<string> {
    await this.#app.ready();
    // Commands over the unix socket may one day change things: it is the owner's alone.
    return listenOn(this.#app.server, address, { mode: 0o600 });
  }

  async close(): Promise<void> {
    await this.#app.close();
  }
}
