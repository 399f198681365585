// Names each request, so that what several programs write about it can be found: as a trusted
// client named it, or by a name of our own.

import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { RequestIdSettings } from '../../config/request-id.ts';
import { TrustedPeers } from './trusted-peers.ts';

/**
 * Names come into logs, environments of workers and headers: nothing that any of them could take
 * for something else.
 */
const NAME = /^[A-Za-z0-9._-]{1,128}$/;
/** Of 32 hexadecimal digits: those that tell processes apart, and those that count. */
const PREFIX_BYTES = 10;
const COUNT_DIGITS = 12;

/**
 * Invariant: no two names of our own are the same, of this process or of any other (80 random bits
 * and a count).
 */
export class RequestIds {
  /** Where requests to upstreams carry the name; undefined: nowhere. */
  readonly header: string | undefined;
  readonly #key: string;
  readonly #trusted: TrustedPeers;
  readonly #prefix = randomBytes(PREFIX_BYTES).toString('hex');
  #count = 0;

  constructor({ header, trust }: RequestIdSettings) {
    this.header = header;
    this.#key = (header ?? '').toLowerCase();
    this.#trusted = new TrustedPeers(header === undefined ? [] : trust);
  }

  /** The name of a request; another one each time it is asked for, unless the client gives one. */
  of(request: IncomingMessage): string {
    if (this.#trusted.any) {
      const given = this.#given(request.rawHeaders);
      if (given !== undefined && NAME.test(given) && this.#trusted.isBehind(request.socket)) return given;
    }
    this.#count += 1;
    return this.#prefix + this.#count.toString(16).padStart(COUNT_DIGITS, '0');
  }

  /** Two are none: nobody could say which of them others go by. */
  #given(rawHeaders: readonly string[]): string | undefined {
    let found: string | undefined;
    for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
      if (rawHeaders[at]?.toLowerCase() !== this.#key) continue;
      if (found !== undefined) return undefined;
      found = rawHeaders[at + 1];
    }
    return found;
  }
}
