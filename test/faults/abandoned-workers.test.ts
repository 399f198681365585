// What an abandoned worker does decides when its slot is free: one that writes is cut off, one that
// computes is waited for.

import { describe, expect, it } from 'vitest';
import { unixAddress } from '../../src/core/address.ts';
import type { ExchangeOutcome } from '../../src/upstream/transport/request.ts';
import { Upstream } from '../../src/upstream/upstream.ts';
import { type Reply, record } from '../peers/fastcgi-server.ts';
import { ask, testClient } from '../support/clients/http-client.ts';
import { eventually } from '../support/eventually.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { recordingLog } from '../support/parts/recording-log.ts';
import { startProxy } from '../support/program/proxy.ts';
import { answer, fakeWorker, holding } from '../support/servers/fake-worker.ts';
import { httpUpstream } from '../support/servers/http-server.ts';

const LINGER = 300_000;
const ABANDONED: ExchangeOutcome = { kind: 'abandoned' };
/** BEGIN_REQUEST for a responder, no parameters, no body. */
const REQUEST = Buffer.concat([record(1, '\0\x01\0\0\0\0\0\0'), record(4, ''), record(5, '')]);

/**
 * A worker with one slot that has a request nobody waits for any more, at a clock that the test
 * moves.
 */
async function abandoned({ before = '' }: { readonly before?: string } = {}) {
  const { handler, next } = holding();
  const worker = await fakeWorker(handler, { single: false });
  const clock = new FakeClock();
  const { log, lines } = recordingLog();
  const timeouts = { connect: 1e9, send: 1e9, read: 1e9, linger: LINGER };
  const settings = { weight: 1, order: 1, maxConns: 1, timeouts, keepAlive: undefined, handOver: true, disabled: false };
  const nothing = (): void => undefined;
  const upstream = new Upstream(unixAddress(worker.path), settings, {
    ...{ clock, log, pool: { changed: nothing }, health: { changed: nothing, observed: nothing } },
    ...{ alone: () => true, stateChanged: nothing },
  });
  upstream.take();
  const sink = { sent: nothing, stdout: nothing, end: nothing, failed: nothing };
  const exchange = upstream.start({ head: REQUEST, body: { kind: 'none' }, repeatable: true }, sink);
  const reply = await next();
  if (before !== '') reply.stdout(before);
  exchange.abandon(ABANDONED);
  let marks = 0;
  /**
   * Resolves when all that the worker has written so far has been read: its log comes behind it.
   */
  const read = async (): Promise<void> => {
    marks += 1;
    const mark = `mark ${marks}`;
    reply.stderr(`${mark}\n`);
    await eventually(() => expect(JSON.stringify(lines)).toContain(mark));
  };
  return { clock, upstream, reply, read };
}

describe('an abandoned worker', () => {
  it('that is silent keeps its slot until the linger timeout', async () => {
    const { clock, upstream } = await abandoned();
    clock.advance(LINGER - 1);
    expect(upstream.inFlight).toBe(1);
    clock.advance(1);
    expect(upstream.inFlight).toBe(0);
  });

  it('that goes on writing is cut off within a second, and its slot is free', async () => {
    const { clock, upstream, reply, read } = await abandoned();
    clock.advance(500);
    reply.stdout('tick');
    await read();
    expect(upstream.inFlight).toBe(1);
    clock.advance(500);
    expect(upstream.inFlight).toBe(0);
    await reply.closed;
  });

  it('that begins to write late is cut off then, not at the linger timeout', async () => {
    const { clock, upstream, reply, read } = await abandoned();
    clock.advance(60_000);
    reply.stdout('tick');
    await read();
    clock.advance(500);
    expect(upstream.inFlight).toBe(0);
    await reply.closed;
  });

  it('that writes again and again does not put off its end', async () => {
    const { clock, upstream, reply, read } = await abandoned();
    for (let i = 0; i < 10; i += 1) {
      clock.advance(100);
      if (upstream.inFlight === 0) break;
      reply.stdout('tick');
      await read();
    }
    expect(upstream.inFlight).toBe(0);
  });

  it('that only logs is believed to compute, but not beyond the linger timeout', async () => {
    const { clock, upstream, read } = await abandoned();
    for (let i = 0; i < 10; i += 1) {
      clock.advance(LINGER / 10 - 1);
      await read();
    }
    expect(upstream.inFlight).toBe(1);
    clock.advance(10);
    expect(upstream.inFlight).toBe(0);
  });

  it('that writes the end of its answer may finish', async () => {
    const { clock, upstream, reply, read } = await abandoned();
    clock.advance(60_000);
    reply.stdout('the last of it');
    await read();
    clock.advance(200);
    expect(upstream.inFlight).toBe(1);
    reply.end();
    await eventually(() => expect(upstream.inFlight).toBe(0));
  });

  it('whose output was on its way when it was abandoned is believed to compute', async () => {
    const { clock, upstream, read } = await abandoned({ before: 'Content-Type: text/plain\r\n\r\nbegun' });
    await read();
    clock.advance(LINGER - 1);
    expect(upstream.inFlight).toBe(1);
  });
});

/** Writes for ever, and stops only when its connection is closed. */
function ticking(reply: Reply): void {
  reply.stdout('Content-Type: text/event-stream\r\n\r\n');
  const timer = setInterval(() => reply.stdout('data: tick\n\n'), 50);
  void new Promise((resolve) => reply.socket.once('close', resolve)).then(() => clearInterval(timer));
}

describe('clients that leave an endless answer', () => {
  it('give their worker back to the next request', async () => {
    const worker = await fakeWorker((reply) =>
      reply.request.params.get('REQUEST_URI') === '/events' ? ticking(reply) : answer(reply, 'served'),
    );
    const proxy = await startProxy(['--upstream', worker.path, '--max-conns', '1', '--queue-timeout', '3s']);
    for (let i = 0; i < 3; i += 1) {
      const client = testClient(proxy.path);
      client.write('GET /events HTTP/1.1\r\nHost: a\r\n\r\n');
      await client.until((text) => text.includes('tick'));
      client.socket.destroy();
    }
    expect((await ask(proxy.path)).body.toString()).toBe('served');
  });

  it('give it back, too, when they had stopped reading and it waits to write', async () => {
    const flooded: Reply[] = [];
    const worker = await fakeWorker((reply) => {
      if (reply.request.params.get('REQUEST_URI') !== '/events') return answer(reply, 'served');
      reply.stdout('Content-Type: text/event-stream\r\n\r\n');
      flooded.push(reply);
      const flood = (): void => {
        do reply.stdout(Buffer.alloc(60_000, 'x'));
        while (!reply.socket.writableNeedDrain && !reply.socket.destroyed);
      };
      reply.socket.on('drain', flood);
      return flood();
    });
    const proxy = await startProxy(['--upstream', worker.path, '--max-conns', '1', '--queue-timeout', '3s']);
    const client = testClient(proxy.path);
    client.write('GET /events HTTP/1.1\r\nHost: a\r\n\r\n');
    await client.until((text) => text.includes('xxx'));
    client.socket.pause();
    const [reply] = flooded;
    let written = 0;
    // The front end has stopped reading: nothing leaves the worker any more.
    await eventually(() => {
      const now = reply?.socket.bytesWritten ?? 0;
      const same = now === written;
      written = now;
      expect(same && reply?.socket.writableNeedDrain).toBe(true);
    });
    client.socket.destroy();
    expect((await ask(proxy.path)).body.toString()).toBe('served');
  });

  it('give an HTTP upstream back, too', async () => {
    const upstream = await httpUpstream((request, response) => {
      if (request.url !== '/events') {
        response.end('served');
        return;
      }
      response.setHeader('Content-Type', 'text/event-stream');
      const timer = setInterval(() => response.write('data: tick\n\n'), 50);
      response.on('close', () => clearInterval(timer));
    });
    const proxy = await startProxy(['--upstream', upstream.address, '--max-conns', '1', '--queue-timeout', '3s']);
    const client = testClient(proxy.path);
    client.write('GET /events HTTP/1.1\r\nHost: a\r\n\r\n');
    await client.until((text) => text.includes('tick'));
    client.socket.destroy();
    expect((await ask(proxy.path)).body.toString()).toBe('served');
  });

  it('give an HTTP upstream back at the linger timeout that sends interim answers for ever', async () => {
    const upstream = await httpUpstream((request, response) => {
      if (request.url !== '/interim') {
        response.end('served');
        return;
      }
      const timer = setInterval(() => response.writeProcessing(), 20);
      request.socket.on('close', () => clearInterval(timer));
    });
    const proxy = await startProxy([
      ...['--upstream', upstream.address, '--max-conns', '1', '--queue-timeout', '3s'],
      ...['--linger-timeout', '200ms'],
    ]);
    const client = testClient(proxy.path);
    client.write('GET /interim HTTP/1.1\r\nHost: a\r\n\r\n');
    await client.until((text) => text.includes(' 102 '));
    client.socket.destroy();
    expect((await ask(proxy.path)).body.toString()).toBe('served');
  });
});
