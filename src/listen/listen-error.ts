// The failure to listen on an address, and what an operator can do about it.

import { type Address, overlap, parseAddress } from '../core/address.ts';
import { systemCode } from '../core/errors.ts';

/** An address could not be listened on; the message names it and what to do. */
export class ListenError extends Error {
  readonly systemCode: string | undefined;
  /** The address, where it is one to bind. */
  readonly address: Address | undefined;

  constructor(message: string, cause?: unknown, address?: Address) {
    super(message, { cause });
    this.name = 'ListenError';
    this.systemCode = systemCode(cause);
    this.address = address;
  }
}

/**
 * What is wrong when it is this program itself that has the address, or part of it: no other one is
 * to be looked for.
 * @param own addresses that it listens on, as they became
 */
export function explained(error: unknown, own: readonly string[]): unknown {
  if (!(error instanceof ListenError) || error.address === undefined) return error;
  const { address, systemCode: code } = error;
  if (code !== 'EADDRINUSE' && code !== 'EEXIST') return error;
  const taken = own.find((text) => overlap(address, parseOwn(text)));
  if (taken === undefined) return error;
  const what =
    taken === address.text
      ? 'this program listens there itself'
      : `this program listens on ${taken} itself, and one excludes the other`;
  const way =
    `to change from one to the other takes two reloads, the first without ${taken}, the second with ${address.text}; ` +
    'whoever connects in between is refused';
  return new ListenError(`cannot listen on ${address.text}: ${what}; ${way}`, error, address);
}

/** Unix sockets that systemd named, and the like, overlap nothing. */
function parseOwn(text: string): Address {
  try {
    return parseAddress(text);
  } catch {
    return { kind: 'unix', path: '', text };
  }
}
