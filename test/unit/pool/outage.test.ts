// Outage, and what a pool makes of it: since when nobody shows life, who is turned away, and when
// that ends.

import { describe, expect, it } from 'vitest';
import type { FailureCode } from '../../../src/core/errors.ts';
import type { Upstream } from '../../../src/upstream/upstream.ts';
import { type Asker, ask, fail, type PoolParts, poolParts, start } from '../../support/parts/pool-parts.ts';

const PATIENCE = 10_000;
const QUEUE = { timeout: 30_000, failFastAfter: PATIENCE } as const;

/** Loses the upstream's worker: a request that went there failed so. */
function lose(parts: PoolParts, code: FailureCode = 'FCGI_LB_CONNECT_REFUSED'): void {
  const asker = ask(parts);
  if (asker.lease === undefined) throw new Error('no upstream to lose');
  fail(asker.lease, code);
}

/** Ends a request of an upstream well. */
function answer(asker: Asker): void {
  if (asker.lease === undefined) throw new Error(`${asker.name} has no lease`);
  start(asker.lease).abandon({ kind: 'complete', status: 200 });
}

const heard = (askers: readonly Asker[]): readonly string[] => askers.map((asker) => asker.heard);

describe('a pool in which nobody shows life', () => {
  it('lets requests wait for fail_fast_after, and then turns away all of them at once, long before their own time', () => {
    const parts = poolParts(QUEUE);
    parts.join('a').want('drain', 'test');
    const waiting = [ask(parts)];
    parts.clock.advance(PATIENCE - 1);
    waiting.push(ask(parts));
    expect(heard(waiting)).toEqual(['nothing', 'nothing']);
    parts.clock.advance(1);
    expect(heard(waiting)).toEqual(['FCGI_LB_POOL_DOWN', 'FCGI_LB_POOL_DOWN']);
    expect(ask(parts).heard).toBe('FCGI_LB_POOL_DOWN');
    expect(parts.clock.pending).toBe(0);
  });

  it('says so, with the state of its upstreams', () => {
    const parts = poolParts(QUEUE);
    parts.clock.advance(PATIENCE);
    expect(ask(parts).error?.message).toBe('pool rt: no upstream has shown life for 10000 ms; it has no upstream');
    const busy = parts.join('a');
    busy.want('drain', 'test');
    parts.clock.advance(PATIENCE);
    expect(ask(parts).error?.message).toContain('of its 1 upstreams 0 are full and 1 failing');
  });

  it('counts from its beginning while it has no upstream at all', () => {
    const parts = poolParts(QUEUE);
    parts.clock.advance(PATIENCE / 2);
    const early = ask(parts);
    parts.clock.advance(PATIENCE / 2 - 1);
    expect(early.heard).toBe('nothing');
    parts.clock.advance(1);
    expect(early.heard).toBe('FCGI_LB_POOL_DOWN');
  });

  it('counts from the moment at which the last one was lost, not from the first', () => {
    const parts = poolParts(QUEUE);
    const [a, b] = [parts.join('a'), parts.join('b')];
    a.want('drain', 'test');
    parts.clock.advance(PATIENCE);
    b.want('drain', 'test');
    const late = ask(parts);
    parts.clock.advance(PATIENCE - 1);
    expect(late.heard).toBe('nothing');
    parts.clock.advance(1);
    expect(late.heard).toBe('FCGI_LB_POOL_DOWN');
  });

  it('counts from the moment at which the last one left', () => {
    const parts = poolParts(QUEUE);
    const a = parts.join('a');
    parts.clock.advance(3 * PATIENCE);
    parts.pool.remove(a);
    const late = ask(parts);
    parts.clock.advance(PATIENCE - 1);
    expect(late.heard).toBe('nothing');
    parts.clock.advance(1);
    expect(late.heard).toBe('FCGI_LB_POOL_DOWN');
  });

  it('lets requests go on waiting when an upstream joins, comes back or answers before the time is over', () => {
    const returns: ReadonlyArray<(parts: PoolParts, a: Upstream, held: Asker) => void> = [
      (parts) => void parts.join('b', { maxConns: 0 }),
      (_, a) => a.want('serve', 'test'),
    ];
    for (const comeBack of returns) {
      const parts = poolParts(QUEUE);
      const a = parts.join('a');
      const held = ask(parts);
      a.want('drain', 'test');
      const waiting = ask(parts);
      parts.clock.advance(PATIENCE - 1);
      comeBack(parts, a, held);
      parts.clock.advance(PATIENCE);
      expect(waiting.heard).toBe('nothing');
      parts.clock.advance(PATIENCE + 1);
      expect(waiting.heard).toBe('FCGI_LB_QUEUE_TIMEOUT');
    }
  });

  it('serves again as soon as one is back', () => {
    const parts = poolParts(QUEUE);
    const a = parts.join('a');
    a.want('drain', 'test');
    parts.clock.advance(PATIENCE);
    expect(ask(parts).heard).toBe('FCGI_LB_POOL_DOWN');
    a.want('serve', 'test');
    expect(ask(parts).heard).toBe('a');
  });

  it('serves at once when a socket appears', () => {
    const parts = poolParts(QUEUE);
    parts.clock.advance(PATIENCE);
    expect(ask(parts).heard).toBe('FCGI_LB_POOL_DOWN');
    parts.join('a');
    expect(ask(parts).heard).toBe('a');
  });

  it('tries a lost upstream with one request after each pause, and turns the others away meanwhile', () => {
    const parts = poolParts(QUEUE);
    parts.join('a');
    lose(parts);
    parts.clock.advance(PATIENCE);
    const trial = ask(parts);
    expect([trial.heard, ask(parts).heard]).toEqual(['a', 'FCGI_LB_POOL_DOWN']);
    if (trial.lease !== undefined) fail(trial.lease);
    expect(ask(parts).heard).toBe('FCGI_LB_POOL_DOWN');
    parts.clock.advance(1000);
    answer(ask(parts));
    expect(ask(parts).heard).toBe('a');
  });
});

describe('a pool in which somebody shows life', () => {
  it('never turns away whoever waits: full is not dead, and neither is a full backlog', () => {
    const parts = poolParts(QUEUE);
    parts.join('a');
    ask(parts);
    const behindFull = ask(parts);
    parts.clock.advance(PATIENCE * 2);
    expect(behindFull.heard).toBe('nothing');

    const other = poolParts(QUEUE);
    other.join('b');
    lose(other, 'FCGI_LB_UPSTREAM_CLOSED');
    other.clock.advance(25);
    lose(other, 'FCGI_LB_CONNECT_BUSY');
    other.clock.advance(10);
    const running = ask(other);
    const behindBusy = ask(other);
    other.clock.advance(PATIENCE * 2);
    expect([running.heard, behindBusy.heard]).toEqual(['b', 'nothing']);
  });
});
