// From events and samples to alerts: what is watched, what it says, and that nothing is remembered
// of what is well.

import { describe, expect, it } from 'vitest';
import type { Alert, Subject } from '../../../src/alerts/alert.ts';
import { AlertMonitor, type DownUpstream, type PoolSample } from '../../../src/alerts/alert-monitor.ts';
import { sentence } from '../../../src/alerts/sentence.ts';
import type { AlertRules } from '../../../src/config/alerts.ts';
import { ALERT_DEFAULTS } from '../../../src/config/defaults.ts';
import { Events } from '../../../src/core/events.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const FINE: PoolSample = { pool: 'rt', waiting: 0, size: 100, requests: 0, errors: 0, unready: undefined };

function watching(rules: Partial<AlertRules> = {}, start: { down?: readonly DownUpstream[]; open?: readonly Subject[] } = {}) {
  const clock = new FakeClock();
  const events = new Events();
  const told: Alert[] = [];
  let samples: readonly PoolSample[] = [FINE];
  const settings = { ...ALERT_DEFAULTS, rules: { ...ALERT_DEFAULTS.rules, ...rules } };
  const facts = { pools: () => samples, down: () => start.down ?? [] };
  const watch = new AlertMonitor(settings, clock, events, facts, (alert) => told.push(alert));
  watch.start(start.open);
  const state = (is: string, was: string, upstream = '/run/a', reason = 'why'): void =>
    events.record({ kind: 'state', at: clock.date(), pool: 'rt', upstream, is, was, reason });
  return {
    clock,
    events,
    watch,
    settings,
    told,
    state,
    pools: (...now: readonly Partial<PoolSample>[]) => {
      samples = now.map((each) => ({ ...FINE, ...each }));
    },
    story: () =>
      told.map(({ kind, is, state: how, pool, upstream }) => [kind, is, how, pool, upstream].filter(Boolean).join(' ')),
  };
}

describe('an upstream', () => {
  it('is told when it is down, and when it is up again', () => {
    const { clock, state, story, told } = watching();
    state('down', 'up');
    clock.advance(20_000);
    state('up', 'down');
    clock.advance(20_000);
    expect(story()).toEqual(['upstream bad down rt /run/a', 'upstream good up rt /run/a']);
    expect(told.map(sentence)).toEqual([
      'upstream /run/a of pool rt is down since 1970-01-01T00:00:01Z: why',
      'upstream /run/a of pool rt is up again since 1970-01-01T00:00:21Z: why',
    ]);
  });

  it.each([
    ['draining', 'is draining'],
    ['disabled', 'is disabled'],
  ])('that is down is no longer trouble when the operator says: %s', (is, words) => {
    const { clock, state, told } = watching();
    state('down', 'up');
    clock.advance(20_000);
    state(is, 'down');
    clock.advance(20_000);
    expect(told.map(sentence)[1]).toContain(words);
  });

  it('that is drained while it is well is nobody’s business', () => {
    const { clock, state, told } = watching();
    state('draining', 'up');
    clock.advance(20_000);
    expect(told).toEqual([]);
  });

  it('that is down and leaves has left', () => {
    const { clock, state, events, told } = watching();
    state('down', 'up');
    clock.advance(20_000);
    state('draining', 'down', '/run/a', 'left the pool');
    events.record({ kind: 'member', at: clock.date(), pool: 'rt', upstream: '/run/a', is: 'left' });
    clock.advance(20_000);
    expect(told.map(sentence)[1]).toBe(
      'upstream /run/a of pool rt has left since 1970-01-01T00:00:21Z: it is no longer in the pool',
    );
  });

  it('that was down before anybody watched is told, too', () => {
    const since = new Date(0);
    const { clock, story } = watching({}, { down: [{ pool: 'rt', upstream: '/run/b', since, reason: 'gone' }] });
    clock.advance(20_000);
    expect(story()).toEqual(['upstream bad down rt /run/b']);
  });

  it('that a predecessor told of is not told again', () => {
    const open = [{ kind: 'upstream', pool: 'rt', upstream: '/run/a' } as const];
    const { clock, state, story, watch } = watching({}, { open });
    expect(watch.open).toEqual(open);
    state('down', 'up');
    clock.advance(20_000);
    state('up', 'down');
    clock.advance(400_000);
    expect(story()).toEqual(['upstream good up rt /run/a']);
  });
});

describe('a pool', () => {
  it('is told when nothing serves', () => {
    const { clock, pools, told } = watching();
    pools({ unready: 'pool rt has no upstream' });
    clock.advance(20_000);
    pools({});
    clock.advance(20_000);
    expect(told.map(sentence)).toEqual([
      'pool rt serves nobody since 1970-01-01T00:00:02Z: pool rt has no upstream',
      'pool rt serves again since 1970-01-01T00:00:22Z: an upstream answers',
    ]);
  });

  it('is told when its queue is long', () => {
    const { clock, pools, told } = watching();
    pools({ waiting: 60 });
    clock.advance(20_000);
    pools({ waiting: 40 });
    clock.advance(60_000);
    expect(told.map(({ kind, reason }) => [kind, reason])).toEqual([['queue', '60 requests wait; the limit is 50']]);
    pools({ waiting: 25 });
    clock.advance(20_000);
    expect(told.map(sentence)[1]).toContain('the queue of pool rt is short again since');
  });

  it('is told when too many requests fail', () => {
    const { clock, pools, told } = watching();
    for (let second = 1; second <= 30; second += 1) {
      pools({ requests: second * 10, errors: second * 2 });
      clock.advance(1000);
    }
    expect(told.map(sentence)).toEqual([
      expect.stringMatching(
        /^too many requests to pool rt fail since \S+: 20% of \d+ requests in 60 s ended with a 5xx; the limit is 10%$/,
      ),
    ]);
  });

  it('that leaves the configuration is no longer trouble, nor are its upstreams', () => {
    const { clock, pools, state, told } = watching();
    pools({ unready: 'nobody' });
    state('down', 'up');
    clock.advance(20_000);
    pools();
    clock.advance(20_000);
    expect(told.slice(2).map(sentence).sort()).toEqual([
      expect.stringMatching(/^pool rt has left the configuration since/),
      expect.stringMatching(/^upstream \/run\/a of pool rt has left since/),
    ]);
  });
});

describe('a reload', () => {
  const reload = (is: 'good' | 'bad', problems: readonly string[] = []) =>
    ({ kind: 'reload', at: new Date(0), is, by: 'signal HUP', generation: 3, problems }) as const;

  it('that failed is told at once, and the next that succeeds', () => {
    const { events, told } = watching();
    const problems = ["/etc/f.yaml:3:5: pools.rt.params.PASSWORD: 'hunter2' is wrong", '/etc/f.yaml: 1 problem'];
    events.record(reload('good'));
    events.record(reload('bad', problems));
    events.record(reload('bad', problems));
    events.record(reload('good'));
    expect(told.map(sentence)).toEqual([
      'a reload failed since 1970-01-01T00:00:00Z: generation 3 stays in force (signal HUP); the log says what is wrong at /etc/f.yaml:3:5',
      // The failure in between.
      'a reload succeeded again since 1970-01-01T00:00:00Z: generation 3 is in force (signal HUP)',
    ]);
  });

  it('is told without what the configuration says, which may be a password', () => {
    const { events, told } = watching();
    events.record(
      reload(
        'bad',
        Array.from({ length: 9 }, (_, index) => `f.yaml:${index + 1}:5: a.b: 'hunter2' is wrong`),
      ),
    );
    expect(JSON.stringify(told)).not.toContain('hunter2');
    expect(told[0]?.reason).toContain('f.yaml:1:5, f.yaml:2:5, f.yaml:3:5, f.yaml:4:5, f.yaml:5:5, 4 more places');
  });
});

describe('rules', () => {
  const OFF = { upstream: false, pool: false, reload: false, queue: undefined, errors: undefined };
  it('that are off tell nothing', () => {
    const { clock, pools, state, events, told } = watching(OFF);
    state('down', 'up');
    events.record({ kind: 'reload', at: new Date(0), is: 'bad', by: 'x', generation: 1, problems: [] });
    for (let second = 1; second <= 30; second += 1) {
      pools({ requests: second * 10, errors: second * 2, waiting: 99, unready: 'nobody' });
      clock.advance(1000);
    }
    expect([told, clock.pending]).toEqual([[], 1]);
  });

  it('that are switched on tell of what is down already', () => {
    const down = [{ pool: 'rt', upstream: '/run/b', since: new Date(0), reason: 'gone' }];
    const { clock, watch, settings, story } = watching(OFF, { down });
    clock.advance(20_000);
    expect(story()).toEqual([]);
    watch.reconfigure({ ...settings, rules: { ...OFF, upstream: true } });
    clock.advance(20_000);
    expect(story()).toEqual(['upstream bad down rt /run/b']);
  });

  it('that change keep what is open, and forget what is no longer watched', () => {
    const { clock, pools, state, watch, settings, story } = watching();
    state('down', 'up');
    pools({ unready: 'nobody' });
    clock.advance(20_000);
    expect(watch.open).toHaveLength(2);
    watch.reconfigure({ ...settings, after: 5000, rules: { ...settings.rules, pool: false } });
    expect(watch.open).toEqual([{ kind: 'upstream', pool: 'rt', upstream: '/run/a' }]);
    state('up', 'down');
    clock.advance(5000);
    expect(story()).toEqual(['upstream bad down rt /run/a', 'pool bad empty rt', 'upstream good up rt /run/a']);
  });
});

it('nothing runs, and nothing is remembered, once all is well and the watch has ended', () => {
  const { clock, state, pools, watch } = watching();
  for (let index = 0; index < 1000; index += 1) state('down', 'up', `/run/${index}`);
  pools({ unready: 'nobody' });
  clock.advance(60_000);
  expect(watch.remembered).toBe(1001);
  for (let index = 0; index < 1000; index += 1) state('up', 'down', `/run/${index}`);
  pools({});
  clock.advance(400_000);
  expect([watch.remembered, clock.pending]).toEqual([0, 1]);
  watch.stop();
  expect(clock.pending).toBe(0);
});
