// The commands' side of the admin API: asks the running program at the first of some addresses
// where one listens.

import { type IncomingMessage, request } from 'node:http';
import type { Address } from '../core/address.ts';
import { asError, systemCode } from '../core/errors.ts';

/**
 * The program could not be asked, or its answer was none; the message has the address and says what
 * to do.
 */
export class AdminError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'AdminError';
  }
}

/** The program has refused the request: the client may not make it. */
export class NotPermittedError extends AdminError {
  constructor(message: string) {
    super(message);
    this.name = 'NotPermittedError';
  }
}

export interface AdminAnswer {
  readonly status: number;
  readonly body: unknown;
}

export interface AskOptions {
  readonly body?: object | undefined;
  /** ms for the answer to begin; Infinity for no limit. */
  readonly timeout?: number;
}

interface Asked {
  readonly method: string;
  readonly path: string;
  readonly body: string;
  readonly timeout: number;
}

/**
 * ms for an answer, unless the question says otherwise: a reload may have to look through many
 * directories.
 */
const TIMEOUT = 30_000;

export class AdminClient {
  readonly #addresses: readonly Address[];
  readonly #agent: string;
  readonly #token: string | undefined;

  /**
   * @param addresses in the order in which they are tried
   * @param agent what the program's log calls the client
   * @param token what changes over TCP need
   */
  constructor(addresses: readonly Address[], agent: string, token?: string) {
    this.#addresses = addresses;
    this.#agent = agent;
    this.#token = token;
  }

  /**
   * @param options.body sent as JSON
   * @throws AdminError when nothing listens, what answers is something else, or the answer does not
   *   come; NotPermittedError
   */
  async ask(method: 'GET' | 'POST', path: string, { body, timeout = TIMEOUT }: AskOptions = {}): Promise<AdminAnswer> {
    const asked: Asked = { method, path, body: body === undefined ? '' : JSON.stringify(body), timeout };
    const failures: string[] = [];
    for (const address of this.#addresses) {
      try {
        return await this.#askAt(address, asked);
      } catch (error) {
        if (error instanceof AdminError) throw error;
        // A program took the request: to send it to the next address could do the same twice.
        if (systemCode(error) === 'ECONNRESET' || systemCode(error) === 'EPIPE')
          throw new AdminError(`${address.text} has broken off without an answer (${asError(error).message})`);
        failures.push(`${address.text} (${reasonOf(error)})`);
      }
    }
    throw new AdminError(`no fcgi-lb answers at ${failures.join(' or ')}; is it running? --admin ADDR says where it listens`);
  }

  async #askAt(address: Address, asked: Asked): Promise<AdminAnswer> {
    const response = await this.#send(address, asked);
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString();
    let answer: AdminAnswer;
    try {
      answer = { status: response.statusCode ?? 0, body: JSON.parse(text) as unknown };
    } catch {
      throw new AdminError(
        `what listens at ${address.text} is no admin listener of fcgi-lb: it answered ${text.slice(0, 60) || 'nothing'}`,
      );
    }
    if (answer.status === 401) {
      const what =
        this.#token === undefined ? 'wants a token; --token-file FILE names one' : 'does not take the token of --token-file';
      throw new NotPermittedError(`${address.text} ${what}`);
    }
    if (answer.status === 403) throw new NotPermittedError(`${address.text} refuses: ${textIn(answer.body)}`);
    return answer;
  }

  #send(address: Address, { method, path, body, timeout: limit }: Asked): Promise<IncomingMessage> {
    const where = address.kind === 'unix' ? { socketPath: address.path } : { host: address.host, port: address.port };
    // To Node 0 is no limit.
    const timeout = Number.isFinite(limit) ? limit : 0;
    return new Promise((resolve, reject) => {
      const headers = {
        ...{
          Host: 'localhost',
          'User-Agent': this.#agent,
          Connection: 'close',
          'Content-Length': String(Buffer.byteLength(body)),
        },
        ...(body === '' ? {} : { 'Content-Type': 'application/json' }),
        ...(this.#token === undefined ? {} : { Authorization: `Bearer ${this.#token}` }),
      };
      const asked = request({ ...where, method, path, headers, agent: false, timeout }, resolve);
      asked.on('timeout', () => asked.destroy(new AdminError(`${address.text} does not answer within ${timeout / 1000} s`)));
      asked.on('error', reject);
      asked.end(body);
    });
  }
}

function textIn(body: unknown): string {
  const { error } = (typeof body === 'object' && body !== null ? body : {}) as { readonly error?: unknown };
  return typeof error === 'string' ? error : 'it gives no reason';
}

function reasonOf(error: unknown): string {
  const code = systemCode(error);
  if (code === 'ENOENT') return 'no such socket';
  if (code === 'ECONNREFUSED') return 'nothing listens there';
  if (code === 'EACCES' || code === 'EPERM') return 'permission denied: the socket is its owner’s alone';
  return asError(error).message;
}
