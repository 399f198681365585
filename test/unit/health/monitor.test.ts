// HealthMonitor: ejection, how long it lasts, the trial that ends it, refusals, probes, and what
// the log says of it all.

import { describe, expect, it } from 'vitest';
import { type FailureCode, ProxyError } from '../../../src/core/errors.ts';
import {
  ABANDONED,
  CLOSED,
  failed,
  good,
  healthParts,
  PASSIVE,
  REFUSED,
  type Watched,
} from '../../support/parts/health-parts.ts';

const TIMEOUT = failed('FCGI_LB_UPSTREAM_READ_TIMEOUT');

/** Whether it gets nothing (`out`), one request at a time (`trial`), or what comes (`up`). */
function position({ upstream }: Watched): 'up' | 'trial' | 'out' {
  if (upstream.well) return 'up';
  return upstream.available ? 'trial' : 'out';
}

/** Two upstreams, of which one may be ejected. */
function pair(settings = PASSIVE, random: () => number = () => 0) {
  const parts = healthParts(settings, random);
  return { ...parts, a: parts.join('a'), b: parts.join('b') };
}

describe('an upstream whose requests fail', () => {
  it('is ejected at the third failure, and then gets nothing for fail_timeout', () => {
    const { a, clock, changes } = pair();
    a.observe(CLOSED, 2);
    expect(position(a)).toBe('up');
    a.observe(CLOSED);
    expect(position(a)).toBe('out');
    clock.advance(9_999);
    expect(position(a)).toBe('out');
    clock.advance(1);
    expect(position(a)).toBe('trial');
    expect(changes()).toEqual(['a down: 3 requests failed within 10000 ms (closed); out for 10000 ms']);
  });

  it('gets exactly one request at a time as a trial', () => {
    const { a, clock } = pair();
    a.observe(CLOSED, 3);
    clock.advance(10_000);
    expect(a.upstream.available).toBe(true);
    a.upstream.take();
    expect(a.upstream.available).toBe(false);
    a.upstream.release();
    expect(a.upstream.available).toBe(true);
  });

  it('is up again after one good trial request', () => {
    const { a, clock, changes } = pair();
    a.observe(CLOSED, 3);
    clock.advance(10_000);
    a.observe(good());
    expect(position(a)).toBe('up');
    expect(changes().at(-1)).toBe('a up: a trial request was answered');
  });

  it('is out twice as long after each bad trial request, up to max_ejection', () => {
    const { a, clock } = pair();
    a.observe(CLOSED, 3);
    const lengths = [10_000, 20_000, 40_000, 60_000, 60_000, 60_000];
    for (const ms of lengths) {
      clock.advance(ms - 1);
      expect([ms, position(a)]).toEqual([ms, 'out']);
      clock.advance(1);
      expect([ms, position(a)]).toEqual([ms, 'trial']);
      a.observe(CLOSED);
      expect([ms, position(a)]).toEqual([ms, 'out']);
    }
  });

  it('comes back up to a fifth sooner, at random, so that several do not come back together', () => {
    for (const [random, ms] of [
      [0, 10_000],
      [0.5, 9000],
      [0.999_999, 8000],
    ] as const) {
      const { a, clock } = pair(PASSIVE, () => random);
      a.observe(CLOSED, 3);
      clock.advance(ms - 1);
      expect([random, position(a)]).toEqual([random, 'out']);
      clock.advance(1);
      expect([random, position(a)]).toEqual([random, 'trial']);
    }
  });

  it('is out longer again when it fails soon after it came back', () => {
    const { a, clock } = pair();
    a.observe(CLOSED, 3);
    clock.advance(10_000);
    a.observe(good());
    clock.advance(5000);
    a.observe(good());
    a.observe(CLOSED, 3);
    clock.advance(19_999);
    expect(position(a)).toBe('out');
    clock.advance(1);
    expect(position(a)).toBe('trial');
  });

  it('is out as long as the first time when it was well for more than fail_timeout', () => {
    const { a, clock } = pair();
    a.observe(CLOSED, 3);
    clock.advance(10_000);
    a.observe(good());
    clock.advance(10_001);
    a.observe(good());
    a.observe(CLOSED, 3);
    clock.advance(10_000);
    expect(position(a)).toBe('trial');
  });

  it('is not judged by requests from before its ejection, neither while it is out nor afterwards', () => {
    const { a, clock } = pair();
    a.observe(CLOSED, 3);
    a.observe(good());
    expect(position(a)).toBe('out');
    clock.advance(7000);
    // A fraction of a window before the trial, so that they would still be in it.
    a.observe(TIMEOUT, 10);
    clock.advance(3000);
    a.observe(good());
    expect(position(a)).toBe('up');
    a.observe(TIMEOUT);
    expect(position(a)).toBe('up');
  });

  it('is not judged by what says nothing: a trial whose client left goes to the next request', () => {
    const { a, clock } = pair();
    a.observe(CLOSED, 3);
    clock.advance(10_000);
    a.observe(ABANDONED);
    a.observe(failed('FCGI_LB_CONNECT_BUSY'));
    a.observe(failed('FCGI_LB_UPSTREAM_OVERLOADED'));
    expect(position(a)).toBe('trial');
  });

  it('is never ejected for full backlogs, overload, clients that leave or its own 5xx', () => {
    const { a } = pair();
    const codes: readonly FailureCode[] = ['FCGI_LB_CONNECT_BUSY', 'FCGI_LB_UPSTREAM_OVERLOADED', 'FCGI_LB_CLIENT_GONE'];
    for (const code of codes) a.observe({ kind: 'failed', error: new ProxyError(code, 'test') }, 50);
    a.observe(ABANDONED, 50);
    a.observe(good(500), 50);
    expect(position(a)).toBe('up');
  });

  it('is ejected for its own 5xx if the operator counts them', () => {
    const { a, changes } = pair({ ...PASSIVE, on: new Set([...PASSIVE.on, 'http_5xx']) });
    a.observe(good(503), 3);
    expect(position(a)).toBe('out');
    expect(changes()).toEqual(['a down: 3 requests failed within 10000 ms (http_5xx); out for 10000 ms']);
  });

  it('is never ejected without passive health', () => {
    const parts = healthParts(undefined);
    const [a] = [parts.join('a'), parts.join('b')];
    a.observe(CLOSED, 100);
    a.observe(REFUSED, 100);
    expect([position(a), parts.lines]).toEqual(['up', []]);
  });
});

describe('an upstream that refuses connections', () => {
  it('is down, but may be tried at once, by one request at a time', () => {
    const { a, clock, changes } = pair();
    a.observe(REFUSED, 3);
    expect([position(a), clock.pending]).toEqual(['trial', 0]);
    a.observe(REFUSED, 20);
    expect([position(a), clock.pending]).toEqual(['trial', 0]);
    expect(changes()).toEqual(['a down: 3 requests failed within 10000 ms (refused); a trial request may go there']);
  });

  it('takes no part of what may be ejected: all of a pool may refuse', () => {
    const { a, b, join } = pair();
    const [c, d] = [join('c'), join('d')];
    a.observe(REFUSED, 3);
    b.observe(REFUSED, 3);
    expect([position(a), position(b)]).toEqual(['trial', 'trial']);
    c.observe(CLOSED, 3);
    expect(position(c)).toBe('out');
    expect(position(d)).toBe('up');
  });

  it('is up after the first good answer, with nothing held against it', () => {
    const { a } = pair();
    a.observe(REFUSED, 3);
    a.observe(good());
    expect(position(a)).toBe('up');
    a.observe(REFUSED, 2);
    expect(position(a)).toBe('up');
  });

  it('is ejected if it listens again and then fails in another way', () => {
    const { a } = pair();
    a.observe(REFUSED, 3);
    a.observe(CLOSED);
    expect(position(a)).toBe('out');
  });

  it('and does so only after a connect timeout costs each request its time: it is ejected', () => {
    const { a } = pair();
    a.observe(failed('FCGI_LB_CONNECT_TIMEOUT'), 3);
    expect(position(a)).toBe('out');
  });
});

describe('the last upstream', () => {
  it('is not ejected: it has to do, and the log has nothing to say', () => {
    const parts = healthParts(PASSIVE);
    const only = parts.join('only');
    only.observe(CLOSED, 100);
    expect([position(only), parts.changes()]).toEqual(['up', []]);
    expect(only.upstream.state.reason).toMatch(/^\d+ requests failed within 10000 ms \(closed\), but it is needed$/);
  });

  it('that is let in is not out when the other fails', () => {
    const { a, b } = pair();
    a.observe(CLOSED, 3);
    b.observe(CLOSED, 3);
    expect([position(a), position(b)]).toEqual(['out', 'up']);
  });

  it('is not ejected when the other one refuses', () => {
    const { a, b } = pair();
    a.observe(REFUSED, 3);
    b.observe(CLOSED, 3);
    expect([position(a), position(b)]).toEqual(['trial', 'up']);
  });

  it('comes back from its ejection when the other one begins to refuse', () => {
    const { a, b, clock, changes } = pair();
    a.observe(CLOSED, 3);
    b.observe(REFUSED, 3);
    expect([position(a), position(b), clock.pending]).toEqual(['up', 'trial', 0]);
    expect(changes().at(-1)).toBe('a up: no other upstream serves');
  });

  it('comes back when the other one is drained by the operator, or found down by its probes', () => {
    for (const take of [
      ({ upstream }: Watched) => upstream.want('drain', 'test'),
      ({ monitor }: Watched) => monitor.probed('down', 'test', true),
    ]) {
      const { a, b } = pair();
      a.observe(CLOSED, 3);
      take(b);
      expect([position(a), b.upstream.well]).toEqual(['up', false]);
    }
  });

  it('comes back when the others leave', () => {
    const { a, b, clock, changes } = pair();
    a.observe(CLOSED, 3);
    b.monitor.stop();
    expect([position(a), clock.pending]).toEqual(['up', 0]);
    expect(changes().at(-1)).toBe('a up: too few other upstreams are left');
  });
});

describe('probes', () => {
  it('that say down outrank whatever requests say', () => {
    const { a, clock } = pair();
    a.monitor.probed('down', '3 probes failed', true);
    expect(position(a)).toBe('out');
    a.observe(good(), 10);
    expect(position(a)).toBe('out');
    a.observe(CLOSED, 3);
    clock.advance(10_000);
    expect([position(a), a.upstream.state.reason]).toEqual(['out', '3 probes failed']);
    a.monitor.probed('up', '2 probes were answered', true);
    expect(position(a)).toBe('up');
  });

  it('that say up end an ejection and a trial', () => {
    const { a, b, clock } = pair();
    a.observe(CLOSED, 3);
    a.monitor.probed('up', 'a probe was answered', true);
    expect([position(a), clock.pending, a.upstream.state.reason]).toEqual(['up', 0, 'a probe was answered']);
    b.observe(REFUSED, 3);
    b.monitor.probed('up', 'a probe was answered', true);
    expect(position(b)).toBe('up');
  });

  it('that say up of a mere connection end no ejection: requests may still fail', () => {
    const { a, clock } = pair();
    a.observe(CLOSED, 3);
    a.monitor.probed('up', 'a connection came about', false);
    expect(position(a)).toBe('out');
    clock.advance(10_000);
    a.monitor.probed('up', 'a connection came about', false);
    expect(position(a)).toBe('trial');
  });
});

describe('an address that appears anew', () => {
  it('has no past: ejection, row and counts are gone, and so is the word of the probes', () => {
    const { a, clock } = pair();
    a.observe(CLOSED, 3);
    clock.advance(10_000);
    a.observe(CLOSED);
    a.monitor.appeared();
    expect([position(a), clock.pending]).toEqual(['up', 0]);
    a.observe(CLOSED, 2);
    expect(position(a)).toBe('up');
    a.observe(CLOSED);
    clock.advance(10_000);
    expect(position(a)).toBe('trial');
    a.monitor.probed('down', 'test', true);
    a.monitor.appeared();
    expect(position(a)).toBe('up');
  });
});

describe('a monitor', () => {
  it('leaves no timer behind when it stops', () => {
    const { a, b, clock } = pair();
    a.observe(CLOSED, 3);
    expect(clock.pending).toBe(1);
    a.monitor.stop();
    b.monitor.stop();
    expect(clock.pending).toBe(0);
  });

  it('logs each change of state once, and nothing else', () => {
    const { a, clock, lines } = pair();
    a.observe(CLOSED, 3);
    a.observe(CLOSED, 30);
    clock.advance(10_000);
    a.observe(CLOSED);
    clock.advance(20_000);
    a.observe(good(), 30);
    expect(lines.map(({ level, message, fields }) => [level, message, fields['state'], fields['was']])).toEqual([
      ['warn', 'upstream is down', 'down', 'up'],
      ['info', 'upstream is up', 'up', 'down'],
    ]);
  });
});
