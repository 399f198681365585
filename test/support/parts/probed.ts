// A real upstream with a prober at a clock that the test moves, and somebody who believes every
// verdict.

import { onTestFinished } from 'vitest';
import { createProbe } from '../../../src/app/registry.ts';
import type { ProbeExpectation, ProbeQuestion, ProbeSettings } from '../../../src/config/health.ts';
import { unixAddress } from '../../../src/core/address.ts';
import type { Clock } from '../../../src/core/clock.ts';
import { silentLog } from '../../../src/core/log.ts';
import type { Probe, ProbeAnswer } from '../../../src/health/probe.ts';
import { Prober } from '../../../src/health/prober.ts';
import { Upstream } from '../../../src/upstream/upstream.ts';
import type { UpstreamSettings } from '../../../src/upstream/upstream-settings.ts';
import { eventually } from '../eventually.ts';
import { FakeClock } from '../fake-clock.ts';

export const SETTINGS: Omit<ProbeSettings, 'question'> = {
  interval: 5000,
  timeout: 2000,
  rise: 2,
  fall: 3,
  when: 'idle',
  wake: true,
};

const STEP = 100;

export const EXPECT: ProbeExpectation = { statuses: [[200, 399]], headers: new Map(), body: undefined };

export function requestQuestion(
  uri = '/ping',
  more: { readonly expect?: Partial<ProbeExpectation>; readonly params?: Readonly<Record<string, string>> } = {},
): ProbeQuestion {
  const params = new Map(Object.entries(more.params ?? {}));
  return { kind: 'request', method: 'GET', uri, params, expect: { ...EXPECT, ...more.expect } };
}

/** An upstream at a socket, for probes only: it belongs to no pool. */
export function upstreamAt(path: string, options: Partial<UpstreamSettings> = {}, clock: Clock = new FakeClock()): Upstream {
  const timeouts = { connect: 5000, send: 60_000, read: 60_000, linger: 300_000 };
  const settings = {
    weight: 1,
    order: 1,
    maxConns: 1,
    timeouts,
    keepAlive: undefined,
    handOver: true,
    disabled: false,
    ...options,
  };
  const deps = {
    clock,
    log: silentLog,
    alone: () => false,
    pool: { changed: () => undefined },
    health: { changed: () => undefined, observed: () => undefined },
    stateChanged: () => undefined,
  };
  const upstream = new Upstream(unixAddress(path), settings, deps);
  onTestFinished(() => upstream.destroy());
  return upstream;
}

export class Probed {
  readonly clock = new FakeClock();
  readonly upstream: Upstream;
  readonly prober: Prober;
  /** What happened, in order: the answer to each probe, and each verdict in capitals. */
  readonly story: string[] = [];
  well = true;
  #asked = 0;
  #over = 0;

  constructor(
    path: string,
    question: ProbeQuestion,
    settings: Partial<ProbeSettings> = {},
    upstream: Partial<UpstreamSettings> = {},
  ) {
    this.upstream = upstreamAt(path, upstream, this.clock);
    const probe = this.#watched(createProbe(question, { upstream: path, clock: this.clock }));
    const probed = this;
    const target = {
      name: path,
      get inFlight() {
        return probed.upstream.inFlight;
      },
      get used() {
        return probed.upstream.used;
      },
      get well() {
        return probed.well;
      },
      leaseForProbe: () => probed.upstream.leaseForProbe(),
    };
    const parts = { clock: this.clock, random: () => 0.5, log: silentLog };
    this.prober = new Prober(target, probe, { ...SETTINGS, ...settings, question }, parts, (verdict, reason) => {
      this.well = verdict === 'up';
      this.story.push(`${verdict.toUpperCase()}: ${reason}`);
    });
    this.prober.start();
    onTestFinished(() => this.prober.stop());
  }

  /** Until a probe is on its way, at most for so many intervals; false when there was none. */
  next(intervals = 1): boolean {
    const before = this.#asked;
    // In steps shorter than the timeout, so that nothing is late.
    for (let ms = 0; ms <= intervals * SETTINGS.interval && this.#asked === before; ms += STEP) this.clock.advance(STEP);
    return this.#asked > before;
  }

  /** Until the probe on its way is over by itself. */
  answered(): Promise<void> {
    return eventually(() => {
      if (this.#over < this.#asked) throw new Error('the probe is not over');
    });
  }

  /** So many probes, each answered in its time, whatever the back-off between them. */
  async probes(count: number): Promise<void> {
    for (let i = 0; i < count; i += 1) {
      if (!this.next(20)) throw new Error('no probe');
      await this.answered();
    }
  }

  #watched(probe: Probe): Probe {
    return {
      ask: (loan, done) => {
        this.#asked += 1;
        const over = (what: string): void => {
          this.#over += 1;
          this.story.push(what);
        };
        const giveUp = probe.ask(loan, (answer) => {
          over(answerText(answer));
          done(answer);
        });
        return () => {
          over('given up');
          giveUp();
        };
      },
    };
  }
}

function answerText(answer: ProbeAnswer): string {
  return 'reason' in answer ? `${answer.kind}: ${answer.reason}` : answer.kind;
}
