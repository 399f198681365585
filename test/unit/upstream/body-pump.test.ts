// The pump of a streamed body: which silence is the client's, which is the upstream's, and that no
// timer is left.

import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { ProxyError } from '../../../src/core/errors.ts';
import { BodyPump } from '../../../src/upstream/transport/body-pump.ts';
import type { StreamedBody } from '../../../src/upstream/transport/request.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const IDLE = 60_000;

function pumped({ size = 1000, limited = true }: { readonly size?: number; readonly limited?: boolean } = {}) {
  const clock = new FakeClock();
  const client = new PassThrough();
  const failures: ProxyError[] = [];
  const target = { writeBroken: false, full: false, taken: 0, ended: false };
  const idle = { ms: IDLE, error: () => new ProxyError('FCGI_LB_REQUEST_TIMEOUT', 'stalled') };
  const body: StreamedBody = {
    ...{ kind: 'stream', size, open: () => client, failure: 'FCGI_LB_CLIENT_GONE' },
    idle: limited ? idle : undefined,
  };
  const pump = new BodyPump(
    {
      get writeBroken() {
        return target.writeBroken;
      },
      write: (chunk) => {
        target.taken += chunk.length;
        return !target.full;
      },
      end: () => {
        target.ended = true;
      },
    },
    body,
    clock,
    { changed: () => undefined, failed: (error) => failures.push(error) },
  );
  /** Resolves when the pump has been given the bytes. */
  const send = async (text: string): Promise<void> => {
    client.write(text);
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { clock, client, pump, target, send, codes: () => failures.map(({ code }) => code) };
}

describe('the idle limit of a streamed body', () => {
  it('begins with the pump, and anew with each byte of the client', async () => {
    const { clock, send, pump, codes } = pumped();
    for (let i = 0; i < 5; i += 1) {
      clock.advance(IDLE - 1);
      await send('x');
    }
    expect(codes()).toEqual([]);
    clock.advance(IDLE);
    expect(codes()).toEqual(['FCGI_LB_REQUEST_TIMEOUT']);
    expect(pump.state).toBe('done');
    expect(clock.pending).toBe(0);
  });

  it('does not hold while the upstream does not read, and begins anew when it does', async () => {
    const { clock, send, pump, target, codes } = pumped();
    target.full = true;
    await send('x');
    expect(pump.state).toBe('worker');
    clock.advance(10 * IDLE);
    expect(codes()).toEqual([]);
    pump.drained();
    clock.advance(IDLE - 1);
    expect(codes()).toEqual([]);
    clock.advance(1);
    expect(codes()).toEqual(['FCGI_LB_REQUEST_TIMEOUT']);
  });

  it('blames nobody when the upstream has stopped reading for good: its answer may still come', async () => {
    const { clock, send, pump, target, codes } = pumped();
    await send('x');
    target.writeBroken = true;
    clock.advance(IDLE);
    expect(codes()).toEqual([]);
    expect(pump.state).toBe('done');
    expect(clock.pending).toBe(0);
  });

  it('ends with the body', async () => {
    const { clock, client, send, target } = pumped({ size: 4 });
    await send('body');
    client.end();
    await new Promise((resolve) => client.once('end', resolve));
    expect(target).toMatchObject({ taken: 4, ended: true });
    expect(clock.pending).toBe(0);
  });

  it('ends when the upstream is done, whatever the client still sends', async () => {
    const { clock, send, pump, codes } = pumped();
    pump.endIdleLimit();
    await send('x');
    expect(clock.pending).toBe(0);
    clock.advance(IDLE);
    expect(codes()).toEqual([]);
  });

  it('is not there for a body that comes from a file', () => {
    const { clock } = pumped({ limited: false });
    expect(clock.pending).toBe(0);
  });
});
