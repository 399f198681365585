// Where the bytes that workers send arrive: one buffer for all of them, since almost every answer
// is small.

import type { OnReadOpts } from 'node:net';

/** Bytes; as much as Node reads at a time. */
const SIZE = 65_536;

/** Scratch: what arrives here is copied out before anything else can arrive. */
const scratch = Buffer.allocUnsafeSlow(SIZE);

/**
 * For the option `onread` of a socket. By itself a socket takes 64 KiB anew for each read, and
 * gives back what was not filled: for an answer of a kilobyte that costs 1 to 2 us more than to
 * copy it out of a buffer that is there. A read that fills the buffer is different: more is to
 * come, and it arrives in a buffer of its own that is handed on without a copy.
 * @param taken gets the bytes, for good
 */
export function receiveBuffer(taken: (bytes: Buffer) => void): OnReadOpts {
  let buffer = scratch;
  return {
    buffer: () => buffer,
    callback: (length) => {
      const arrived = buffer;
      buffer = length === SIZE ? Buffer.allocUnsafeSlow(SIZE) : scratch;
      taken(arrived === scratch ? copyOf(length) : arrived.subarray(0, length));
      return true;
    },
  };
}

function copyOf(length: number): Buffer {
  const copy = Buffer.allocUnsafe(length);
  scratch.copy(copy, 0, 0, length);
  return copy;
}
