// The commands' side of the operator's door: asks the program that runs, over the first of some addresses where one listens.

import { type IncomingMessage, request } from 'node:http';
import type { Address } from '../core/address.ts';
import { asError, systemCode } from '../core/errors.ts';

/** Nobody could be asked, or what came was no answer; the message says which address and what to do. */
export class AdminError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'AdminError';
  }
}

export interface AdminAnswer {
  readonly status: number;
  readonly body: unknown;
}

/** ms for an answer, unless the question says otherwise: a reload may have to look through many directories. */
const TIMEOUT = 30_000;

export class AdminClient {
  readonly #addresses: readonly Address[];
  readonly #agent: string;

  /**
   * @param addresses in the order in which they are tried
   * @param agent what the program's log calls the client
   */
  constructor(addresses: readonly Address[], agent: string) {
    this.#addresses = addresses;
    this.#agent = agent;
  }

  /**
   * @param timeout ms for the answer to begin
   * @throws AdminError when nothing listens, what answers is something else, or the answer does not come
   */
  async ask(method: 'GET' | 'POST', path: string, timeout = TIMEOUT): Promise<AdminAnswer> {
    const failures: string[] = [];
    for (const address of this.#addresses) {
      try {
        return await this.#askAt(address, method, path, timeout);
      } catch (error) {
        if (error instanceof AdminError) throw error;
        // It was there and has heard the question: what is asked of another one would be asked twice.
        if (systemCode(error) === 'ECONNRESET' || systemCode(error) === 'EPIPE')
          throw new AdminError(`${address.text} has broken off without an answer (${asError(error).message})`);
        failures.push(`${address.text} (${reasonOf(error)})`);
      }
    }
    throw new AdminError(`no fcgi-lb answers at ${failures.join(' or ')}; is it running? --admin ADDR says where it listens`);
  }

  async #askAt(address: Address, method: string, path: string, timeout: number): Promise<AdminAnswer> {
    const response = await this.#send(address, method, path, timeout);
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString();
    try {
      return { status: response.statusCode ?? 0, body: JSON.parse(text) as unknown };
    } catch {
      throw new AdminError(
        `what listens at ${address.text} is no admin listener of fcgi-lb: it answered ${text.slice(0, 60) || 'nothing'}`,
      );
    }
  }

  #send(address: Address, method: string, path: string, limit: number): Promise<IncomingMessage> {
    const where = address.kind === 'unix' ? { socketPath: address.path } : { host: address.host, port: address.port };
    // What Node takes for none.
    const timeout = Number.isFinite(limit) ? limit : 0;
    return new Promise((resolve, reject) => {
      const headers = { Host: 'localhost', 'User-Agent': this.#agent, Connection: 'close', 'Content-Length': '0' };
      const asked = request({ ...where, method, path, headers, agent: false, timeout }, resolve);
      asked.on('timeout', () => asked.destroy(new AdminError(`${address.text} does not answer within ${timeout / 1000} s`)));
      asked.on('error', reject);
      asked.end();
    });
  }
}

function reasonOf(error: unknown): string {
  const code = systemCode(error);
  if (code === 'ENOENT') return 'no such socket';
  if (code === 'ECONNREFUSED') return 'nothing listens there';
  if (code === 'EACCES' || code === 'EPERM') return 'permission denied: the socket is its owner’s alone';
  return asError(error).message;
}
