// An admin listener without a program behind it: what it says of pools and upstreams is played,
// second by second, at a clock that stands still.

import { Feed } from '../../../src/admin/feed.ts';
import { LivePage } from '../../../src/admin/live-page.ts';
import { type AdminFacts, AdminServer } from '../../../src/admin/server.ts';
import type { OperatorAction, Status } from '../../../src/admin/status.ts';
import { parseAddress } from '../../../src/core/address.ts';
import { Events, type OperatorEvent } from '../../../src/core/events.ts';
import { FakeClock } from '../fake-clock.ts';
import { sceneEvents, sceneStatus, sceneTime } from './page-fixture.ts';

class StageClock extends FakeClock {
  readonly #begin = this.now();

  get second(): number {
    return (this.now() - this.#begin) / 1000;
  }

  override date(): Date {
    return new Date(sceneTime(this.second));
  }
}

/** What `GET /metrics` waits for, and how many have asked. */
interface Held {
  wait: Promise<void>;
  waiting: number;
}

export interface Stage {
  readonly facts: Held;
  /** Of the TCP listener. */
  readonly url: string;
  readonly port: number;
  readonly server: AdminServer;
  readonly clock: StageClock;
  readonly events: Events;
  readonly feed: Feed;
  /** What was asked for: `drain rt /run/rt1.sock`. */
  readonly wishes: readonly string[];
  /** Times that the status was computed. */
  readonly looks: () => number;
  /** So many seconds go by, with what happens in them. */
  play(seconds: number): Promise<void>;
  close(): Promise<void>;
}

/** @param status what is so at a second; by default the scene */
export async function openStage({
  status = sceneStatus,
  happenings = sceneEvents(),
}: {
  status?: (second: number) => Status;
  happenings?: ReadonlyMap<number, OperatorEvent>;
} = {}): Promise<Stage> {
  const clock = new StageClock();
  const events = new Events();
  const wishes: string[] = [];
  const held: Held = { wait: Promise.resolve(), waiting: 0 };
  let looks = 0;
  const look = (): Status => {
    looks += 1;
    return status(clock.second);
  };
  const facts: AdminFacts = {
    readiness: () => ({ ready: true, reasons: [] }),
    status: look,
    metrics: async () => {
      held.waiting += 1;
      await held.wait;
      return { contentType: 'text/plain', text: '' };
    },
    wish: (wish: OperatorAction, pool, name) => {
      wishes.push(`${wish} ${pool} ${name}`);
      const found = look()
        .pools.find((each) => each.name === pool)
        ?.upstreams.find((each) => each.name === name);
      if (found === undefined) return { kind: 'unknown', reason: `no upstream '${name}' in pool ${pool}` };
      return { kind: 'done', pool, upstream: { ...found, state: { ...found.state, is: wish === 'drain' ? 'draining' : 'up' } } };
    },
    weigh: (_weight, pool, name) => facts.wish('enable', pool, name, { by: 'a test' }),
    reload: async () => ({ result: 'good', at: clock.date().toISOString(), generation: 2 }),
    testAlerts: async () => ({ targets: [] }),
    upgrade: async () => ({ result: 'refused', pid: process.pid, reason: 'this is a stage' }),
  };
  const feed = new Feed(look, events, clock);
  const server = new AdminServer(facts, { livePage: new LivePage(feed), token: () => undefined, refused: () => undefined });
  const { text } = await server.listen(parseAddress('127.0.0.1:0'));
  return {
    url: `http://${text}/`,
    port: Number(text.split(':').at(-1)),
    server,
    clock,
    events,
    feed,
    wishes,
    facts: held,
    looks: () => looks,
    play: async (seconds) => {
      for (let each = 0; each < seconds; each += 1) {
        clock.advance(1000);
        const happening = happenings.get(Math.round(clock.second));
        if (happening !== undefined) events.record(happening);
        // A page that has not taken the second before would be told less.
        await new Promise((resolve) => setImmediate(resolve));
      }
      // Events are gathered for a moment.
      clock.advance(200);
    },
    close: () => server.destroy(),
  };
}
