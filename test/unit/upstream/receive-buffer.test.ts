// Inlet: bytes that were handed on stay as they are, whatever arrives afterwards and wherever.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { receiveBuffer } from '../../../src/upstream/transport/receive-buffer.ts';

/**
 * What a socket does with its `onread`: it asks for a buffer, fills it, says how far, and asks
 * again.
 */
class Reading {
  readonly taken: Buffer[] = [];
  readonly #onread = receiveBuffer((bytes) => this.taken.push(bytes));
  #buffer = this.#next();

  get room(): number {
    return this.#buffer.length;
  }

  get buffer(): Uint8Array {
    return this.#buffer;
  }

  arrive(length: number, fill: number): void {
    this.#buffer.fill(fill, 0, length);
    expect(this.#onread.callback(length, this.#buffer)).toBe(true);
    this.#buffer = this.#next();
  }

  #next(): Uint8Array {
    const { buffer } = this.#onread;
    return typeof buffer === 'function' ? buffer() : buffer;
  }
}

describe('an inlet', () => {
  it('gives bytes for good, on however many sockets they arrive, in pieces of any size', () => {
    const size = fc.oneof(fc.integer({ min: 1, max: 3000 }), fc.integer({ min: 1, max: 65_536 }), fc.constant(65_536));
    const arrival = fc.record({ socket: fc.nat({ max: 2 }), size, fill: fc.integer({ min: 1, max: 255 }) });
    fc.assert(
      fc.property(fc.array(arrival, { minLength: 1, maxLength: 20 }), (arrivals) => {
        const sockets = [new Reading(), new Reading(), new Reading()];
        const expected: Buffer[][] = [[], [], []];
        for (const { socket, size: length, fill } of arrivals) {
          sockets[socket]?.arrive(length, fill);
          expected[socket]?.push(Buffer.alloc(length, fill));
        }
        for (const [at, { taken }] of sockets.entries()) {
          expect(Buffer.concat(taken).equals(Buffer.concat(expected[at] ?? []))).toBe(true);
        }
      }),
      { numRuns: 100 },
    );
  });

  it('has one buffer for all sockets as long as little arrives', () => {
    const [a, b] = [new Reading(), new Reading()];
    a.arrive(1000, 1);
    expect(a.buffer).toBe(b.buffer);
  });

  it('hands on without a copy what follows a full buffer, and goes back to the common one when less comes', () => {
    const [large, small] = [new Reading(), new Reading()];
    large.arrive(large.room, 1);
    const own = large.buffer;
    expect(own).not.toBe(small.buffer);
    large.arrive(500, 2);
    expect(large.taken[1]?.buffer).toBe(own.buffer);
    expect(large.buffer).toBe(small.buffer);
  });
});
