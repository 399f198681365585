// What the live page makes of what it is told, without a browser: sentences at a glance, the way of
// the queue, rates.

import { describe, expect, it } from 'vitest';
import { Feed } from '../../../src/admin/feed.ts';
import { findings, slowOnes } from '../../../src/admin/page/findings.js';
import { History } from '../../../src/admin/page/history.js';
import { Model } from '../../../src/admin/page/model.js';
import { chosen } from '../../../src/admin/page/rows.js';
import { bytes, duration, milliseconds } from '../../../src/admin/page/words.js';
import type { Status } from '../../../src/admin/status.ts';
import { Events } from '../../../src/core/events.ts';
import { SCENE, sceneStatus, sceneTime } from '../../support/admin/page-fixture.ts';
import { FakeClock } from '../../support/fake-clock.ts';

/** A model that has been told everything from one second of the scene to another. */
function told(from: number, to: number, status: (second: number) => Status = sceneStatus): Model {
  let second = from;
  class Clock extends FakeClock {
    override date(): Date {
      return new Date(sceneTime(second));
    }
  }
  const clock = new Clock();
  const model = new Model();
  const feed = new Feed(() => status(second), new Events(), clock);
  feed.join({
    writableLength: 0,
    write: (text) => {
      const [, name, data = ''] = /^event: (.*)\ndata: (.*)\n\n$/.exec(text) ?? [];
      if (name === 'all') model.all(JSON.parse(data));
      else model.changes(JSON.parse(data));
    },
    destroy: () => undefined,
  });
  while (second < to) {
    second += 1;
    clock.advance(1000);
  }
  return model;
}

/** The same status with one upstream of pool rt changed. */
function withUpstream(name: string, change: Record<string, unknown>): (second: number) => Status {
  return (second) => {
    const status = sceneStatus(second);
    const pools = status.pools.map((pool) => ({
      ...pool,
      upstreams: pool.upstreams.map((each) => (each.name === name ? { ...each, ...change } : each)),
    }));
    return { ...status, pools };
  };
}

function texts(model: Model): string[] {
  return findings(model).map(({ text }) => text);
}

describe('at a glance', () => {
  it('says which queue grows, who is down since when and why, who is slow, and how far a drain is', () => {
    const found = texts(told(250, SCENE.seconds));
    expect(found).toEqual([
      expect.stringMatching(
        /^The queue of pool rt is growing: \d+ requests wait, the oldest for 1\.8 s; \d+ more than 30 s ago\.$/,
      ),
      expect.stringMatching(/^\/run\/rt3\.sock is down since \d\d:\d\d:15 \(2 min\): refused: nothing listens\.$/),
      expect.stringMatching(
        /^\/run\/rt4\.sock is slow: half of its answers take \d+ ms or more to begin; with the others it is 3\d ms\.$/,
      ),
      expect.stringMatching(/^\/run\/rt2\.sock is draining since \d\d:\d\d:22 \(38 s\): 1 request is still in flight there\.$/),
    ]);
  });

  it('says that a drain is finished when nothing is in flight there', () => {
    const found = texts(told(299, 300, withUpstream('/run/rt2.sock', { in_flight: 0 })));
    expect(found).toContainEqual(expect.stringContaining('the drain is finished, nothing is in flight there.'));
  });

  it('says that all is well when it is', () => {
    const calm = (second: number): Status => ({
      ...sceneStatus(second),
      pools: sceneStatus(0).pools.map((pool) => ({ ...pool, queue: { ...pool.queue, waiting: 0 } })),
    });
    expect(findings(told(0, 3, calm))).toEqual([{ level: 'good', text: 'All 7 upstreams are up, and no request waits.' }]);
  });

  it('counts what is too much to list', () => {
    const many = (second: number): Status => {
      const status = sceneStatus(second);
      const [rt] = status.pools;
      const down = rt?.upstreams.find(({ name }) => name === '/run/rt3.sock');
      if (rt === undefined || down === undefined) throw new Error('the scene has a pool');
      const upstreams = Array.from({ length: 1000 }, (_, i) => ({ ...down, name: `/run/rt${i}.sock` }));
      return { ...status, pools: [{ ...rt, queue: { ...rt.queue, waiting: 0 }, upstreams }] };
    };
    const found = texts(told(299, 300, many));
    expect([found.length, found.at(-1)]).toEqual([6, '995 more upstreams are down.']);
  });

  it('tells of a reload that failed, and why the program is not ready', () => {
    const bad = (second: number): Status => ({
      ...sceneStatus(second),
      ready: false,
      reasons: ['pool rt has no upstream'],
      reload: {
        result: 'bad',
        at: new Date(sceneTime(0)).toISOString(),
        problems: Array.from({ length: 7 }, (_, i) => `problem ${i}`),
      },
    });
    const found = texts(told(0, 1, bad));
    expect(found[0]).toBe('Not ready: pool rt has no upstream.');
    expect(found.at(-1)).toMatch(/^The reload at .* failed and changed nothing: problem 0; .*; and 2 more problems$/);
  });
});

describe('an upstream is slow', () => {
  const upstreams = (...times: readonly (number | null)[]) => {
    const [like] = [...told(0, 0).upstreams.values()];
    if (like === undefined) throw new Error('the scene has upstreams');
    return times.map((head_p50, id) => ({ ...like, id, head_p50 }));
  };
  const slow = (...times: readonly (number | null)[]) => slowOnes(upstreams(...times)).map(({ upstream }) => upstream.head_p50);

  it('compared with the others of its pool, not by a number', () => {
    expect(slow(40, 42, 800)).toEqual([800]);
    expect(slow(800, 790, 850)).toEqual([]);
    expect(slow(40, 400)).toEqual([400]);
    expect(slow(40, 41, 42, 400, 410)).toEqual([400, 410]);
  });

  it('neither alone, nor by a few milliseconds, nor while its time is not known', () => {
    expect(slow(800)).toEqual([]);
    expect(slow(1, 1, 8)).toEqual([]);
    expect(slow(null, null, 800)).toEqual([]);
  });
});

describe('a history', () => {
  const history = (...waiting: readonly number[]) => {
    const made = new History();
    for (const [index, each] of waiting.entries()) made.add(index * 1000, { waiting: each, requests: index * 10 });
    return made;
  };

  it('says whether the queue grows, shrinks or is steady, and nothing before there is enough to go by', () => {
    expect(history(0, 1, 2).trend).toBeUndefined();
    expect(history(0, 2, 4, 6, 8, 10).trend?.word).toBe('growing');
    expect(history(10, 8, 6, 4, 2, 0).trend?.word).toBe('shrinking');
    expect(history(5, 6, 4, 5, 6, 4).trend?.word).toBe('steady');
    expect(history(100, 103, 98, 101, 100, 107).trend?.word).toBe('steady');
  });

  it('makes a rate of the count of requests, and does not take a restart for a rate', () => {
    const made = history(0, 0, 0, 0);
    expect(made.rate).toBe(10);
    made.add(4000, { waiting: 0, requests: 0 });
    expect(made.samples.at(-1)?.rate).toBeUndefined();
  });

  it('forgets what is older than the plots show', () => {
    expect(history(...Array<number>(1000).fill(0)).samples.length).toBe(301);
  });
});

describe('the rows', () => {
  it('stand in the order of their names as people count, or by what is asked for', () => {
    const upstreams = [...told(299, 300).upstreams.values()].filter(({ pool }) => pool === 1);
    const like = upstreams[0];
    if (like === undefined) throw new Error('the scene has upstreams');
    const names = (list: ReturnType<typeof chosen>) => list.map(({ name }) => name.replace(/\/run\/|\.sock/g, ''));
    const all = [{ ...like, id: 99, name: '/run/rt10.sock' }, ...upstreams];
    const wanted = { find: '', state: '', sort: 'name' } as const;
    expect(names(chosen(all, wanted))).toEqual(['rt1', 'rt2', 'rt3', 'rt4', 'rt5', 'rt6', 'rt10']);
    expect(names(chosen(all, { ...wanted, sort: 'state' })).slice(0, 2)).toEqual(['rt3', 'rt2']);
    expect(names(chosen(all, { ...wanted, sort: 'head_p50' }))[0]).toBe('rt4');
    expect(names(chosen(all, { ...wanted, find: 'NOTHING Listens' }))).toEqual(['rt3']);
    expect(names(chosen(all, { ...wanted, state: 'draining' }))).toEqual(['rt2']);
  });
});

describe('words', () => {
  it('are short', () => {
    expect([duration(900), duration(61_000), duration(7_500_000), duration(100_000_000)]).toEqual([
      '0 s',
      '1 min',
      '2 h 5 min',
      '1 d 3 h',
    ]);
    expect([milliseconds(0.42), milliseconds(41.6), milliseconds(1234), milliseconds(null)]).toEqual([
      '0.4 ms',
      '42 ms',
      '1.2 s',
      '–',
    ]);
    expect([bytes(92_500_000), bytes(3 * 2 ** 30)]).toEqual(['88.2 MiB', '3 GiB']);
  });
});
