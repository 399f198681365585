// Spool: what a slow client has not taken yet, in order, and never more of it on disk than is
// allowed.

import { EventEmitter } from 'node:events';
import { readdirSync, readlinkSync, statSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/core/clock.ts';
import { Spool } from '../../../src/http/response/spool.ts';
import { eventually } from '../../support/eventually.ts';
import { tempDir } from '../../support/temp-dir.ts';

const MIB = 1024 ** 2;
const CHUNK = 65_536;

/** A client's connection that is full after each write, until the test says otherwise. */
class SlowClient extends EventEmitter {
  readonly received: Buffer[] = [];
  ended = false;

  write(chunk: Buffer): boolean {
    this.received.push(Buffer.from(chunk));
    return false;
  }

  end(): void {
    this.ended = true;
  }

  get response(): ServerResponse {
    return this as unknown as ServerResponse;
  }

  get bytes(): number {
    return this.received.reduce((sum, { length }) => sum + length, 0);
  }

  /** Takes what it was sent, and waits for more unless that was all. */
  async take(all: number): Promise<void> {
    const before = this.bytes;
    this.emit('drain');
    if (before < all) await eventually(() => expect(this.bytes).toBeGreaterThan(before));
  }
}

/** Bytes of this process's nameless files below a directory. */
function onDisk(directory: string): number {
  let sum = 0;
  for (const fd of readdirSync('/proc/self/fd')) {
    try {
      const link = `/proc/self/fd/${fd}`;
      if (readlinkSync(link).startsWith(directory)) sum += statSync(link).size;
    } catch {
      // The one that lists the directory is closed by now.
    }
  }
  return sum;
}

function chunk(number: number): Buffer {
  return Buffer.alloc(CHUNK, number % 251);
}

describe('an answer that its client takes slowly', () => {
  it('takes no more of the disk than is allowed, however long it is, and comes through whole', async () => {
    const directory = tempDir();
    const client = new SlowClient();
    let room = true;
    const limits = { memory: CHUNK, file: 2 * MIB, tempDir: directory, stallTimeout: 60_000 };
    const spool = new Spool(client.response, limits, systemClock, {
      room: () => {
        room = true;
      },
      stalled: () => expect.unreachable('the client is not given up'),
      failed: (error) => expect.unreachable(error.message),
    });
    let written = 0;
    let most = 0;
    let held = false;
    for (let turn = 0; written < 160; turn += 1) {
      // The client is always behind by far less than what is allowed, but never catches up by
      // itself.
      if (room && written < turn + 12) {
        room = spool.write(chunk(written));
        held ||= !room;
        written += 1;
      }
      if (written >= 12) await client.take(written * CHUNK);
      most = Math.max(most, onDisk(directory));
      expect(turn).toBeLessThan(1000);
    }
    spool.end();
    while (!client.ended) await client.take(written * CHUNK);
    expect(held).toBe(true);
    expect(most).toBeGreaterThan(MIB);
    expect(most).toBeLessThanOrEqual(2 * MIB + CHUNK);
    expect(Buffer.concat(client.received).equals(Buffer.concat(Array.from({ length: written }, (_, i) => chunk(i))))).toBe(true);
    await eventually(() => expect(onDisk(directory)).toBe(0));
  });
});
