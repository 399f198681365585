// What open live pages are told, and what it costs: one look at the status a second for all,
// changes only, and nothing piles up.

import { describe, expect, it } from 'vitest';
import { Feed, MAX_READERS, type Reader } from '../../../src/admin/feed.ts';
import type { Status } from '../../../src/admin/status.ts';
import { Events, type OperatorEvent } from '../../../src/core/events.ts';
import { sceneStatus } from '../../support/admin/page-fixture.ts';
import { FakeClock } from '../../support/fake-clock.ts';

interface Message {
  readonly event: string;
  readonly data: {
    readonly at: number;
    readonly pools: readonly Record<string, unknown>[];
    readonly upstreams: readonly Record<string, unknown>[];
    readonly gone: readonly number[];
    readonly recent: readonly { readonly upstream: string }[];
    readonly program: Record<string, unknown>;
  };
}

class FakeReader implements Reader {
  writableLength = 0;
  destroyed = false;
  readonly messages: Message[] = [];

  write(text: string): void {
    const [, event = '', data = ''] = /^event: (.*)\ndata: (.*)\n\n$/.exec(text) ?? [];
    this.messages.push({ event, data: JSON.parse(data) as Message['data'] });
  }

  destroy(): void {
    this.destroyed = true;
  }

  get names(): readonly string[] {
    return this.messages.map(({ event }) => event);
  }

  get last(): Message['data'] {
    const last = this.messages.at(-1);
    if (last === undefined) throw new Error('nothing was written');
    return last.data;
  }
}

function wentDown(upstream: string): OperatorEvent {
  return { kind: 'state', at: new Date(0), pool: 'rt', upstream, is: 'down', was: 'up', reason: 'it is gone' };
}

function feedOf(change: (status: Status) => Status = (status) => status) {
  const clock = new FakeClock();
  const events = new Events();
  const seen = { looks: 0, status: change(sceneStatus(0)), cost: 0 };
  const feed = new Feed(
    () => {
      seen.looks += 1;
      // What it takes to look.
      clock.stall(seen.cost);
      return seen.status;
    },
    events,
    clock,
  );
  const reader = (): FakeReader => {
    const made = new FakeReader();
    feed.join(made);
    return made;
  };
  return { clock, events, feed, reader, seen };
}

describe('the feed of the live page', () => {
  it('looks at nothing and has no timer while nobody listens', () => {
    const { clock, events, feed, reader, seen } = feedOf();
    clock.advance(10_000);
    events.record(wentDown('/run/rt1.sock'));
    expect([seen.looks, clock.pending]).toEqual([0, 0]);
    const one = reader();
    events.record(wentDown('/run/rt2.sock'));
    feed.leave(one);
    clock.advance(10_000);
    events.record(wentDown('/run/rt3.sock'));
    expect([seen.looks, clock.pending, one.messages.length]).toEqual([1, 0, 1]);
  });

  it('looks once a second for all who listen', () => {
    const { clock, reader, seen } = feedOf();
    const readers = [reader(), reader(), reader()];
    clock.advance(5000);
    expect(seen.looks).toBe(6);
    for (const { names } of readers) expect(names).toEqual(['all', ...Array<string>(5).fill('changes')]);
  });

  it('tells who comes everything, and then only the fields that have changed', () => {
    const { clock, reader, seen } = feedOf();
    const one = reader();
    expect(one.last.upstreams.map(({ name }) => name)).toContain('/run/rt3.sock');
    clock.advance(1000);
    expect([one.last.pools, one.last.upstreams, one.last.gone]).toEqual([[], [], []]);
    const [rt, php] = seen.status.pools;
    if (rt === undefined || php === undefined) throw new Error('the scene has two pools');
    const [first, second, ...rest] = rt.upstreams;
    if (first === undefined || second === undefined) throw new Error('the pool has upstreams');
    seen.status = { ...seen.status, pools: [{ ...rt, upstreams: [{ ...first, in_flight: 0 }, ...rest] }, php] };
    const idOf = (name: string) => one.messages[0]?.data.upstreams.find((row) => row['name'] === name)?.['id'];
    clock.advance(1000);
    expect(one.last.upstreams).toEqual([{ id: idOf(first.name), in_flight: 0 }]);
    expect(one.last.gone).toEqual([idOf(second.name)]);
  });

  it('sends each field of an upstream and of a pool under its own name', () => {
    const { reader, seen } = feedOf();
    const { pools, upstreams } = reader().last;
    const [rt] = seen.status.pools;
    const rt3 = rt?.upstreams.find(({ name }) => name === '/run/rt3.sock');
    expect(upstreams.find(({ name }) => name === '/run/rt3.sock')).toEqual({
      ...{ id: expect.any(Number), pool: pools[0]?.['id'], name: '/run/rt3.sock', leaving: false },
      ...{ state: 'up', since: rt3?.state.since, reason: rt3?.state.reason, activity: 'full' },
      ...{ capacity: 1, in_flight: 1, weight: 1, backup: false, requests: rt3?.requests, retries: 0 },
      ...{ errors: 0, error_codes: '', head_p50: 38, head_p99: 160 },
      ...{ probe: 'skipped', probe_at: rt3?.last_probe?.at, probe_reason: 'it is busy', probe_ms: null },
    });
    expect(pools[0]).toEqual({
      ...{ id: expect.any(Number), name: 'rt', leaving: false, balance: 'least-conn', requests: rt?.requests, retries: 3 },
      ...{ statuses: expect.stringMatching(/^2xx \d+, 3xx \d+, 4xx \d+, 5xx 7$/), rejected: 0 },
      ...{ waiting: rt?.queue.waiting, size: 1024, oldest_ms: rt?.queue.oldest_ms, wait_p99: 1900 },
      ...{ head_p50: 44, head_p99: rt?.head_ms?.p99 },
    });
  });

  it('tells that a value is no longer known', () => {
    const { clock, reader, seen } = feedOf();
    const one = reader();
    const [rt] = seen.status.pools;
    if (rt === undefined) throw new Error('the scene has a pool');
    const [first, ...rest] = rt.upstreams;
    seen.status = {
      ...seen.status,
      pools: [{ ...rt, upstreams: [{ ...first, head_ms: null } as typeof first & object, ...rest] }],
    };
    clock.advance(1000);
    expect(one.last.upstreams).toMatchObject([{ head_p50: null, head_p99: null }]);
  });

  it('keeps two leaving upstreams of one name apart', () => {
    const twice = feedOf((status) => {
      const [rt] = status.pools;
      const first = rt?.upstreams[0];
      if (rt === undefined || first === undefined) throw new Error('the scene has a pool');
      return { ...status, pools: [{ ...rt, upstreams: [first, { ...first, leaving: true }, { ...first, leaving: true }] }] };
    });
    expect(new Set(twice.reader().last.upstreams.map(({ id }) => id)).size).toBe(3);
  });

  it('tells events within a moment, several in one message, and to who comes later among the recent ones only', () => {
    const { clock, events, reader } = feedOf();
    const one = reader();
    for (const name of ['a', 'b', 'c']) events.record(wentDown(name));
    const two = reader();
    clock.advance(200);
    expect(one.names).toEqual(['all', 'events']);
    expect(one.last).toMatchObject([{ upstream: 'a' }, { upstream: 'b' }, { upstream: 'c' }]);
    expect(two.names).toEqual(['all']);
    expect(two.last.recent.map(({ upstream }) => upstream)).toEqual(['a', 'b', 'c']);
  });

  it('gathers no more events than are kept', () => {
    const { clock, events, reader } = feedOf();
    const one = reader();
    for (let i = 0; i < 5000; i += 1) events.record(wentDown(String(i)));
    clock.advance(200);
    expect(one.last).toHaveLength(events.recent.length);
    expect(one.names.length).toBe(2);
  });

  it('writes nothing more to who has not taken the last message, and everything when that is over', () => {
    const { clock, events, reader } = feedOf();
    const [slow, quick] = [reader(), reader()];
    slow.writableLength = 1;
    events.record(wentDown('a'));
    clock.advance(5000);
    expect([slow.names, quick.names.length]).toEqual([['all'], 7]);
    slow.writableLength = 0;
    clock.advance(2000);
    expect(slow.names).toEqual(['all', 'all', 'changes']);
    expect(slow.messages[1]?.data.recent).toMatchObject([{ upstream: 'a' }]);
  });

  it('drops who takes nothing for half a minute, and no one else', () => {
    const { clock, feed, reader } = feedOf();
    const [dead, quick] = [reader(), reader()];
    dead.writableLength = 1;
    clock.advance(40_000);
    expect([dead.destroyed, quick.destroyed, quick.names.length]).toEqual([true, false, 41]);
    feed.leave(dead);
    feed.leave(quick);
    expect(clock.pending).toBe(0);
  });

  it('has room for a certain number of pages', () => {
    const { feed, reader } = feedOf();
    const readers = Array.from({ length: MAX_READERS }, reader);
    expect(feed.full).toBe(true);
    if (readers[0] !== undefined) feed.leave(readers[0]);
    expect(feed.full).toBe(false);
  });

  it('looks less often when that takes long: it costs one hundredth of the time', () => {
    const { clock, reader, seen } = feedOf();
    reader();
    seen.cost = 40;
    clock.advance(1000);
    const before = seen.looks;
    clock.advance(39_000);
    expect(seen.looks - before).toBeGreaterThanOrEqual(9);
    expect(seen.looks - before).toBeLessThanOrEqual(10);
  });

  it('says of a bad reload only the first problems', () => {
    const problems = Array.from({ length: 40 }, (_, i) => `problem ${i}`);
    const { reader } = feedOf((status) => ({ ...status, reload: { result: 'bad', at: '2026-05-04T12:00:00.000Z', problems } }));
    expect(reader().last.program['reload']).toMatchObject({ problems: problems.slice(0, 5), count: 40 });
  });
});
