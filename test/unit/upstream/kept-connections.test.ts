// SpareConnections: who gets a connection that an exchange has left behind, and that none is left
// open.

import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { unixAddress } from '../../../src/core/address.ts';
import { systemClock } from '../../../src/core/clock.ts';
import { KeptConnections } from '../../../src/upstream/fcgi/kept-connections.ts';
import { Connection } from '../../../src/upstream/transport/connection.ts';
import { tempDir } from '../../support/temp-dir.ts';

const NOBODY = { data: () => undefined, drained: () => undefined, closed: () => undefined };

/** Makes connections to a listener that says nothing, each having carried so many requests. */
async function connections(): Promise<(requests?: number) => Promise<Connection>> {
  const path = join(tempDir(), 's.sock');
  const server: Server = createServer((socket) => socket.on('error', () => undefined).resume());
  await new Promise<void>((resolve) => server.listen({ path }, resolve));
  const open: Connection[] = [];
  onTestFinished(
    () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        for (const connection of open) connection.destroy();
      }),
  );
  return async (requests = 1) => {
    const connection = await new Promise<Connection>((resolve) => {
      const made = new Connection(unixAddress(path), NOBODY, () => resolve(made));
    });
    open.push(connection);
    for (let i = 0; i < requests; i += 1) connection.nextRequestId();
    return connection;
  };
}

const handing = () => new KeptConnections({ keepAlive: undefined, handOver: true }, systemClock);
const keeping = () => new KeptConnections({ keepAlive: 60_000, handOver: false }, systemClock);

describe('spare connections that are handed over', () => {
  it('go to the next request of the same turn, once', async () => {
    const spare = handing();
    const connection = await (await connections())();
    spare.offer(connection);
    expect(spare.take(true)).toBe(connection);
    expect(spare.take(true)).toBeUndefined();
    spare.endTurn();
    expect(connection.closed).toBe(false);
  });

  it('are closed at the end of the turn when nobody took them', async () => {
    const spare = handing();
    const connection = await (await connections())();
    spare.offer(connection);
    spare.endTurn();
    expect([connection.closed, spare.take(true)]).toEqual([true, undefined]);
  });

  it('are closed, not given, when the next request must not be sent twice', async () => {
    const spare = handing();
    const connection = await (await connections())();
    spare.offer(connection);
    expect(spare.take(false)).toBeUndefined();
    expect(connection.closed).toBe(true);
  });

  it('are closed after 16 requests, so that other clients of the socket get their turn', async () => {
    const make = await connections();
    for (const [requests, closed] of [
      [15, false],
      [16, true],
    ] as const) {
      const spare = handing();
      const connection = await make(requests);
      spare.offer(connection);
      expect([requests, connection.closed]).toEqual([requests, closed]);
      spare.endTurn();
    }
  });

  it('are not asked for where any number of requests may run, nor where the operator does not want it', () => {
    expect([handing().wanted(1), handing().wanted(8), handing().wanted(Number.POSITIVE_INFINITY)]).toEqual([true, true, false]);
    expect(new KeptConnections({ keepAlive: undefined, handOver: false }, systemClock).wanted(1)).toBe(false);
  });

  it('are no longer asked for after three in a row turned out to be closed, until a good one or another worker', async () => {
    const make = await connections();
    const spare = handing();
    for (let i = 0; i < 2; i += 1) spare.wasStale();
    spare.offer(await make());
    spare.endTurn();
    for (let i = 0; i < 2; i += 1) spare.wasStale();
    expect(spare.wanted(1)).toBe(true);
    spare.wasStale();
    expect(spare.wanted(1)).toBe(false);
    spare.renewed();
    expect(spare.wanted(1)).toBe(true);
  });
});

describe('spare connections that are kept', () => {
  it('outlast the turn, and are asked for whatever the capacity', async () => {
    const spare = keeping();
    const connection = await (await connections())();
    expect(spare.wanted(Number.POSITIVE_INFINITY)).toBe(true);
    spare.offer(connection);
    spare.endTurn();
    expect(connection.closed).toBe(false);
    expect(spare.take(true)).toBe(connection);
    spare.closeAll();
  });

  it('are closed when they are to be', async () => {
    const spare = keeping();
    const connection = await (await connections())();
    spare.offer(connection);
    spare.closeAll();
    expect([connection.closed, spare.take(true)]).toEqual([true, undefined]);
  });
});
