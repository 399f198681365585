// Pool with requests that belong to one upstream, and with backups: who waits for whom, and who
// passes by.

import { describe, expect, it } from 'vitest';
import { Asker, ask, askFor, fail, type PoolParts, poolParts } from '../../support/parts/pool-parts.ts';

function stickyParts(size = 100): PoolParts {
  return poolParts({ size }, 'sticky');
}

describe('a request that belongs to an upstream', () => {
  it('gets it, though another has less to do', () => {
    const parts = stickyParts();
    const a = parts.join('a', { maxConns: 10 });
    parts.join('b', { maxConns: 10 });
    expect(Array.from({ length: 5 }, () => askFor(parts, a).heard)).toEqual(['a', 'a', 'a', 'a', 'a']);
  });

  it('waits for it while it is busy, and others pass by', () => {
    const parts = stickyParts();
    const a = parts.join('a');
    const b = parts.join('b');
    const holder = askFor(parts, a);
    const waiting = askFor(parts, a);
    const others = [ask(parts), askFor(parts, b)];
    expect([waiting.heard, ...others.map(({ heard }) => heard), parts.pool.waiting]).toEqual(['nothing', 'b', 'nothing', 2]);
    others[0]?.lease?.release();
    expect([waiting.heard, others[1]?.heard]).toEqual(['nothing', 'b']);
    holder.lease?.release();
    expect([waiting.heard, parts.pool.waiting]).toEqual(['a', 0]);
  });

  it('does not have it kept free: who came before and takes any gets it first', () => {
    const parts = stickyParts();
    const a = parts.join('a');
    const holder = askFor(parts, a);
    const [any, own, late] = [ask(parts), askFor(parts, a), ask(parts)];
    holder.lease?.release();
    expect([any, own, late].map(({ heard }) => heard)).toEqual(['a', 'nothing', 'nothing']);
    any.lease?.release();
    expect([own, late].map(({ heard }) => heard)).toEqual(['a', 'nothing']);
    own.lease?.release();
    expect(late.heard).toBe('a');
  });

  it('waits no longer than the queue allows', () => {
    const parts = stickyParts(1);
    const a = parts.join('a');
    parts.join('b');
    askFor(parts, a);
    const [one, two] = [askFor(parts, a), askFor(parts, a)];
    expect([one.heard, two.heard]).toEqual(['nothing', 'FCGI_LB_QUEUE_FULL']);
    parts.clock.advance(1000);
    expect(one.heard).toBe('FCGI_LB_QUEUE_TIMEOUT');
  });

  it.each<[string, (parts: PoolParts, holder: Asker) => void]>([
    ['is drained', (_, { lease }) => lease?.upstream.want('drain', 'test')],
    ['is found to be down', (_, { lease }) => lease?.upstream.judge('down', 'test')],
    ['leaves the pool', ({ pool }, { lease }) => lease !== undefined && pool.remove(lease.upstream)],
    ['fails', (_, { lease }) => lease !== undefined && fail(lease)],
  ])('goes elsewhere at once when it %s', (_, happen) => {
    const parts = stickyParts();
    const a = parts.join('a');
    parts.join('b');
    const holder = askFor(parts, a);
    const waiting = askFor(parts, a);
    expect(waiting.heard).toBe('nothing');
    happen(parts, holder);
    expect(waiting.heard).toBe('b');
  });

  it('comes back to it when it works again', () => {
    const parts = stickyParts();
    const a = parts.join('a', { maxConns: 10 });
    parts.join('b');
    a.want('drain', 'test');
    expect(askFor(parts, a).heard).toBe('b');
    a.want('serve', 'test');
    expect(askFor(parts, a).heard).toBe('a');
  });

  it('waits on when its backlog turns out to be full: that is busy, not dead', () => {
    const parts = stickyParts();
    const a = parts.join('a');
    parts.join('b');
    const holder = askFor(parts, a);
    const waiting = askFor(parts, a);
    if (holder.lease !== undefined) fail(holder.lease, 'FCGI_LB_CONNECT_BUSY');
    expect([waiting.heard, a.available, a.unreachable]).toEqual(['nothing', false, false]);
    parts.clock.advance(5);
    expect(waiting.heard).toBe('a');
  });

  it('is served when its upstream is freed by one who is served after it in the queue', () => {
    const parts = stickyParts();
    const [a, b] = [parts.join('a'), parts.join('b')];
    const [ofA, ofB] = [askFor(parts, a), askFor(parts, b)];
    const own = askFor(parts, a);
    const any = new Asker('any', [], () => ofA.lease?.release());
    parts.pool.acquire(any);
    ofB.lease?.release();
    expect([any.heard, own.heard, parts.pool.waiting]).toEqual(['b', 'a', 0]);
  });

  it('does not overtake who waits for the same one, in the moment it is freed', () => {
    const parts = stickyParts();
    const [a, b] = [parts.join('a'), parts.join('b')];
    const [ofA, ofB] = [askFor(parts, a), askFor(parts, b)];
    const own = askFor(parts, a);
    const late = new Asker('late', [], () => undefined, a);
    const any = new Asker('any', [], () => {
      ofA.lease?.release();
      parts.pool.acquire(late);
    });
    parts.pool.acquire(any);
    ofB.lease?.release();
    expect([any.heard, own.heard, late.heard]).toEqual(['b', 'a', 'nothing']);
  });

  it('lets a thousand others be served while a thousand wait for theirs', () => {
    const parts = stickyParts(5000);
    const [a, b] = [parts.join('a'), parts.join('b')];
    const ofA = askFor(parts, a);
    const ofB = askFor(parts, b);
    const own = Array.from({ length: 1000 }, () => askFor(parts, a));
    const any = Array.from({ length: 1000 }, (_, i) => {
      const asker = new Asker(String(i), [], ({ lease }) => lease?.release());
      parts.pool.acquire(asker);
      return asker;
    });
    ofB.lease?.release();
    expect([new Set(any.map(({ heard }) => heard)), new Set(own.map(({ heard }) => heard))]).toEqual([
      new Set(['b']),
      new Set(['nothing']),
    ]);
    let current: Asker = ofA;
    for (const next of own) {
      current.lease?.release();
      expect(next.heard).toBe('a');
      current = next;
    }
  });
});

describe('backups of a pool', () => {
  it('are not used while a primary can be hoped for: a request waits for one that is full', () => {
    const parts = poolParts();
    parts.join('primary');
    parts.join('backup', { backup: true, maxConns: 10 });
    const holder = ask(parts);
    const waiting = ask(parts);
    expect([holder.heard, waiting.heard]).toEqual(['primary', 'nothing']);
    holder.lease?.release();
    expect(waiting.heard).toBe('primary');
  });

  it('serve who waits in the moment the last primary fails, and stop when one is back', () => {
    const parts = poolParts();
    const primaries = [parts.join('p1'), parts.join('p2')];
    parts.join('backup', { backup: true, maxConns: 10 });
    const holders = [ask(parts), ask(parts)];
    const waiting = ask(parts);
    primaries[0]?.want('drain', 'test');
    expect(waiting.heard).toBe('nothing');
    const last = holders.find(({ heard }) => heard === 'p2')?.lease;
    if (last !== undefined) fail(last);
    expect([waiting.heard, ask(parts).heard]).toEqual(['backup', 'backup']);
    parts.clock.advance(25);
    // One request may see whether it is back; who comes meanwhile does not wait for that.
    const trial = ask(parts);
    expect([trial.heard, ask(parts).heard]).toEqual(['p2', 'backup']);
    primaries[1]?.appeared();
    expect(ask(parts).heard).toBe('nothing');
    trial.lease?.release();
    expect(parts.pool.waiting).toBe(0);
  });

  it('serve when the last primary leaves', () => {
    const parts = poolParts();
    const primary = parts.join('primary');
    parts.join('backup', { backup: true });
    ask(parts);
    const waiting = ask(parts);
    parts.pool.remove(primary);
    expect(waiting.heard).toBe('backup');
  });

  it('are left by clients that belong there, once a primary is back', () => {
    const parts = stickyParts();
    const primary = parts.join('primary', { maxConns: 10 });
    const backup = parts.join('backup', { backup: true, maxConns: 10 });
    primary.want('drain', 'test');
    expect(askFor(parts, backup).heard).toBe('backup');
    primary.want('serve', 'test');
    expect(askFor(parts, backup).heard).toBe('primary');
  });

  it('are no help when they are down, and a primary that is down is no primary', () => {
    const parts = poolParts();
    const primary = parts.join('primary', { disabled: true });
    const backup = parts.join('backup', { backup: true, disabled: true });
    const waiting = ask(parts);
    expect(waiting.heard).toBe('nothing');
    backup.want('serve', 'test');
    expect(waiting.heard).toBe('backup');
    primary.want('serve', 'test');
    expect(ask(parts).heard).toBe('primary');
  });
});
