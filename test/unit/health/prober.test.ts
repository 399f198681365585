// The prober: when it asks, when it leaves an upstream alone, and which answers in a row make a
// verdict.

import { describe, expect, it } from 'vitest';
import type { ProbeSettings } from '../../../src/config/health.ts';
import type { Probe, ProbeAnswer, ProbeTarget } from '../../../src/health/probe.ts';
import { Prober } from '../../../src/health/prober.ts';
import type { ProbeLease } from '../../../src/upstream/probe-lease.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { SETTINGS } from '../../support/parts/probed.ts';
import { recordingLog } from '../../support/parts/recording-log.ts';

const GOOD: ProbeAnswer = { kind: 'good' };
const BAD: ProbeAnswer = { kind: 'bad', reason: 'status 500' };
const BUSY: ProbeAnswer = { kind: 'busy' };

/** An upstream that is whatever the test says, and a probe that the test answers. */
class Stage implements ProbeTarget, Probe {
  readonly name = '/run/rt1.sock';
  inFlight = 0;
  used = true;
  well = true;
  /** Whether `lend` has a slot. */
  free = true;
  readonly clock = new FakeClock();
  readonly lines;
  /** Times at which a probe was sent, from the start. */
  readonly asked: number[] = [];
  readonly verdicts: string[] = [];
  lent = 0;
  givenUp = 0;
  /** Answers at once when there are some. */
  readonly answers: ProbeAnswer[] = [];
  /** Whether a probe that was given up goes on holding its slot. */
  running = false;
  answer: (answer: ProbeAnswer) => void = () => undefined;
  readonly prober: Prober;
  readonly #began = this.clock.now();

  constructor(settings: Partial<ProbeSettings> = {}, random = firstAtOnce()) {
    const { log, lines } = recordingLog();
    this.lines = lines;
    const all: ProbeSettings = { ...SETTINGS, ...settings, question: { kind: 'connect' } };
    this.prober = new Prober(this, this, all, { clock: this.clock, random, log }, (verdict, reason) => {
      this.verdicts.push(`${verdict}: ${reason}`);
      this.well = verdict === 'up';
    });
  }

  get now(): number {
    return this.clock.now() - this.#began;
  }

  leaseForProbe(): ProbeLease | undefined {
    if (!this.free) return undefined;
    this.lent += 1;
    return {
      dial: () => () => undefined,
      start: () => {
        throw new Error('this probe sends no request');
      },
      forward: () => {
        throw new Error('this probe sends no request');
      },
      running: () => this.running,
      release: () => {
        this.lent -= 1;
      },
    };
  }

  ask(loan: ProbeLease, done: (answer: ProbeAnswer) => void): () => void {
    this.asked.push(this.now);
    this.answer = (answer) => {
      loan.release();
      done(answer);
    };
    const next = this.answers.shift();
    if (next !== undefined) this.answer(next);
    return () => {
      this.givenUp += 1;
      if (!this.running) loan.release();
    };
  }

  /** Starts, and answers one probe after the other. */
  play(...answers: readonly ProbeAnswer[]): void {
    this.answers.push(...answers);
    this.prober.start();
    while (this.answers.length > 0) this.clock.advance(100);
  }
}

/** The first probe comes at once, the others after exactly the interval. */
function firstAtOnce(): () => number {
  let draws = 0;
  return () => {
    draws += 1;
    return draws === 1 ? 0 : 0.5;
  };
}

describe('verdicts', () => {
  it.each<[string, ProbeAnswer[], string[]]>([
    ['nothing is said of an upstream that is well all the time', [GOOD, GOOD, GOOD, GOOD], []],
    ['two bad answers are too few', [BAD, BAD, GOOD, BAD, BAD], []],
    ['three bad answers in a row take it down', [GOOD, BAD, BAD, BAD], ['down: status 500']],
    ['more of them say nothing new', [BAD, BAD, BAD, BAD, BAD, BAD, BAD], ['down: status 500']],
    ['one good answer does not bring it up', [BAD, BAD, BAD, GOOD, BAD, GOOD], ['down: status 500']],
    ['two in a row do', [BAD, BAD, BAD, GOOD, GOOD, GOOD], ['down: status 500', 'up: 2 probes in a row were answered well']],
    ['good answers before the fall do not count after it', [GOOD, GOOD, BAD, BAD, BAD, GOOD], ['down: status 500']],
    ['a busy worker is alive: what was bad before does not count', [BAD, BAD, BUSY, BAD, BAD, BUSY, BAD, BAD], []],
    ['a busy worker is not thereby well', [BAD, BAD, BAD, BUSY, BUSY, GOOD, BUSY], ['down: status 500']],
  ])('%s', (_, answers, verdicts) => {
    const stage = new Stage();
    stage.play(...answers);
    expect(stage.verdicts).toEqual(verdicts);
    expect(stage.lent).toBe(0);
  });

  it('with rise and fall of 1 every change is a verdict', () => {
    const stage = new Stage({ rise: 1, fall: 1 });
    stage.play(BAD, GOOD, GOOD, BAD, BAD);
    expect(stage.verdicts).toEqual(['down: status 500', 'up: the probe was answered well', 'down: status 500']);
  });

  it('good answers bring up an upstream that others have found not to be well', () => {
    const stage = new Stage();
    stage.play(GOOD, GOOD, GOOD);
    stage.well = false;
    stage.play(GOOD);
    expect(stage.verdicts).toEqual([]);
    stage.play(GOOD);
    expect(stage.verdicts).toEqual(['up: 2 probes in a row were answered well']);
  });

  it('is said again when others hold the upstream to be well while its answers stay bad', () => {
    const stage = new Stage();
    stage.play(BAD, BAD, BAD);
    stage.well = true;
    stage.play(BAD, BAD, BAD);
    expect(stage.verdicts).toEqual(['down: status 500', 'down: status 500']);
  });

  it('a question that could not be put says nothing of the upstream, and is told once', () => {
    const stage = new Stage({ fall: 2 });
    const unasked: ProbeAnswer = { kind: 'unasked', reason: 'cannot run /x: ENOENT' };
    stage.play(BAD, unasked, unasked, unasked, BAD);
    expect(stage.verdicts).toEqual(['down: status 500']);
    const warnings = stage.lines.filter(({ level }) => level === 'warn');
    expect(warnings.map(({ message }) => message)).toEqual(['cannot probe: cannot run /x: ENOENT']);
  });
});

describe('when it asks', () => {
  it('first at a random moment of the interval, then after the interval, give or take up to a tenth', () => {
    const draws = [0.5, 0, 1, 0.5];
    const stage = new Stage({}, () => draws.shift() ?? 0);
    stage.play(GOOD, GOOD, GOOD, GOOD);
    expect(stage.asked).toEqual([2500, 7000, 12_500, 17_500]);
  });

  it('less and less often while the upstream is down, and as usual after a good answer', () => {
    const stage = new Stage();
    stage.play(BAD, BAD, BAD, BAD, BAD, BAD, BAD, GOOD, GOOD);
    const gaps = stage.asked.slice(1).map((at, index) => at - (stage.asked[index] ?? 0));
    expect(gaps).toEqual([5000, 5000, 10_000, 20_000, 40_000, 40_000, 40_000, 5000]);
  });

  it('never backs off beyond a minute, unless the interval itself is longer', () => {
    for (const [interval, longest] of [
      [15_000, 60_000],
      [90_000, 90_000],
    ] as const) {
      const stage = new Stage({ interval });
      stage.play(...Array.from({ length: 12 }, () => BAD));
      expect((stage.asked.at(-1) ?? 0) - (stage.asked.at(-2) ?? 0)).toBe(longest);
    }
  });

  it('idle: not while anything is in flight, which counts as alive', () => {
    const stage = new Stage({ when: 'idle' });
    stage.play(BAD, BAD);
    stage.inFlight = 1;
    stage.clock.advance(12_000);
    expect(stage.asked).toHaveLength(2);
    stage.inFlight = 0;
    stage.play(BAD, BAD);
    expect(stage.verdicts).toEqual([]);
  });

  it('always: whenever there is a slot', () => {
    const stage = new Stage({ when: 'always' });
    stage.inFlight = 3;
    stage.play(GOOD, BAD, BAD);
    expect(stage.asked).toHaveLength(3);
    stage.free = false;
    stage.clock.advance(60_000);
    expect(stage.asked).toHaveLength(3);
    stage.free = true;
    stage.play(BAD, BAD);
    expect(stage.verdicts, 'a full upstream is alive').toEqual([]);
  });

  it('on-fail: only while the upstream is not well', () => {
    const stage = new Stage({ when: 'on-fail' });
    stage.prober.start();
    stage.clock.advance(60_000);
    expect(stage.asked).toHaveLength(0);
    stage.well = false;
    stage.play(GOOD, BAD, GOOD, GOOD);
    expect(stage.verdicts).toEqual(['up: 2 probes in a row were answered well']);
    stage.clock.advance(60_000);
    expect(stage.asked).toHaveLength(4);
  });

  it('leaves alone an upstream to which nothing new may go, without counting that for or against it', () => {
    const stage = new Stage();
    stage.play(BAD, BAD);
    stage.free = false;
    stage.clock.advance(60_000);
    expect(stage.asked).toHaveLength(2);
    stage.free = true;
    stage.play(BAD);
    expect(stage.verdicts).toEqual(['down: status 500']);
  });

  it('does not wake a worker whose socket nobody has used', () => {
    const stage = new Stage({ wake: false });
    stage.used = false;
    stage.prober.start();
    stage.clock.advance(60_000);
    expect(stage.asked).toHaveLength(0);
    stage.used = true;
    stage.clock.advance(5000);
    expect(stage.asked).toHaveLength(1);
  });

  it('does wake it when told to, or when it is down and must be found well', () => {
    const woken = new Stage({ wake: true });
    woken.used = false;
    woken.play(GOOD);
    const down = new Stage({ wake: false });
    down.used = false;
    down.well = false;
    down.play(GOOD, GOOD);
    expect(down.verdicts).toEqual(['up: 2 probes in a row were answered well']);
  });
});

describe('an address that is new', () => {
  it('is probed soon, and what its predecessor answered does not count', () => {
    const stage = new Stage({}, () => 0.5);
    stage.play(BAD, BAD);
    const at = stage.now;
    stage.prober.appeared();
    stage.play(BAD, BAD);
    expect((stage.asked[2] ?? 0) - at).toBe(500);
    expect(stage.verdicts).toEqual([]);
  });

  it('ends the probe of its predecessor', () => {
    const stage = new Stage({ fall: 1 }, () => 0);
    stage.prober.start();
    stage.clock.advance(0);
    expect([stage.asked.length, stage.lent]).toEqual([1, 1]);
    stage.prober.appeared();
    expect([stage.givenUp, stage.lent]).toEqual([1, 0]);
    stage.clock.advance(0);
    expect(stage.asked).toHaveLength(2);
    expect(stage.verdicts).toEqual([]);
  });

  it('is not probed when it must not be woken', () => {
    const stage = new Stage({ wake: false });
    stage.play(GOOD);
    stage.used = false;
    stage.prober.appeared();
    stage.clock.advance(60_000);
    expect(stage.asked).toHaveLength(1);
  });

  it('does not start a prober that was stopped', () => {
    const stage = new Stage();
    stage.prober.appeared();
    stage.clock.advance(60_000);
    expect([stage.asked.length, stage.clock.pending]).toEqual([0, 0]);
  });
});

describe('the timeout', () => {
  it('ends a probe without an answer, which is bad', () => {
    const stage = new Stage({ fall: 1 });
    stage.prober.start();
    stage.clock.advance(1999);
    expect([stage.givenUp, stage.lent]).toEqual([0, 1]);
    stage.clock.advance(1);
    expect([stage.givenUp, stage.lent]).toEqual([1, 0]);
    expect(stage.verdicts).toEqual(['down: no answer in 2000 ms']);
  });

  it('does not count the slot that an unanswered probe still holds as a sign of life', () => {
    const stage = new Stage({ fall: 3 });
    stage.running = true;
    stage.prober.start();
    stage.clock.advance(2000);
    stage.inFlight = 1;
    stage.free = false;
    stage.clock.advance(10_000);
    expect(stage.asked).toHaveLength(1);
    expect(stage.verdicts).toEqual(['down: still at the probe it was sent 12 s ago']);
    stage.running = false;
    stage.inFlight = 0;
    stage.free = true;
    stage.clock.advance(10_000);
    expect(stage.asked).toHaveLength(2);
  });

  it('of a probe that a former worker still holds says nothing of the new one at its address', () => {
    const stage = new Stage({ fall: 2 });
    stage.running = true;
    stage.prober.start();
    stage.clock.advance(2000);
    stage.prober.appeared();
    stage.play(BAD, GOOD);
    expect(stage.verdicts).toEqual([]);
  });

  it('stopping ends the probe on its way and every timer', () => {
    const stage = new Stage({ fall: 1 });
    stage.prober.start();
    stage.clock.advance(0);
    stage.prober.stop();
    expect([stage.givenUp, stage.lent, stage.clock.pending]).toEqual([1, 0, 0]);
    stage.clock.advance(60_000);
    expect(stage.verdicts).toEqual([]);
    stage.prober.stop();
    expect(stage.givenUp).toBe(1);
  });

  it('may be stopped by whoever hears the verdict', () => {
    const clock = new FakeClock();
    const stage = new Stage();
    const settings: ProbeSettings = { ...SETTINGS, fall: 1, question: { kind: 'connect' } };
    const { log } = recordingLog();
    const prober: Prober = new Prober(stage, stage, settings, { clock, random: () => 0, log }, () => prober.stop());
    stage.answers.push(BAD);
    prober.start();
    clock.advance(0);
    expect(clock.pending).toBe(0);
  });
});

describe('while the event loop is late', () => {
  it('the verdict waits: the answer that was there to be read is taken', () => {
    const stage = new Stage({ fall: 1 });
    stage.prober.start();
    stage.clock.advance(0);
    stage.clock.stall(60_000);
    expect(stage.verdicts).toEqual([]);
    stage.answer(GOOD);
    stage.clock.advance(2000);
    expect([stage.verdicts, stage.givenUp]).toEqual([[], 0]);
  });

  it('only time in which the loop was at work counts, wherever it was late', () => {
    const stage = new Stage({ fall: 1 });
    stage.prober.start();
    stage.clock.advance(1050);
    stage.clock.stall(3000);
    stage.clock.advance(999);
    expect(stage.verdicts).toEqual([]);
    stage.clock.advance(1);
    expect(stage.verdicts).toEqual(['down: no answer in 2000 ms']);
  });

  it('a loop that is late without end does not put the verdict off without end', () => {
    const stage = new Stage({ fall: 1 });
    stage.prober.start();
    stage.clock.advance(0);
    for (let turns = 0; turns < 40; turns += 1) stage.clock.stall(200);
    expect(stage.verdicts).toEqual(['down: no answer in 2000 ms']);
  });

  it('what is late by a little is not late', () => {
    const stage = new Stage({ fall: 1 });
    stage.prober.start();
    stage.clock.advance(0);
    for (let turns = 0; turns < 20; turns += 1) stage.clock.stall(130);
    expect(stage.verdicts).toEqual(['down: no answer in 2000 ms']);
  });
});

describe('the latest probe', () => {
  const latestOf = ({ prober: { latest } }: Stage) => latest && [latest.result, latest.reason, latest.ms];

  it('is told with its answer and how long that took', () => {
    const stage = new Stage();
    expect(stage.prober.latest).toBeUndefined();
    stage.prober.start();
    stage.clock.advance(10);
    stage.clock.advance(40);
    stage.answer(GOOD);
    expect(stage.prober.latest).toEqual({
      at: stage.clock.date(),
      result: 'good',
      reason: 'answered well',
      ms: expect.any(Number),
    });
    expect(stage.prober.latest?.ms).toBeGreaterThanOrEqual(40);
    stage.play(BAD);
    expect(latestOf(stage)).toEqual(['bad', 'status 500', 0]);
  });

  it('is bad when no answer comes in time', () => {
    const stage = new Stage({ timeout: 2000 });
    stage.prober.start();
    stage.clock.advance(2600);
    expect(latestOf(stage)).toEqual(['bad', 'no answer in 2000 ms', expect.any(Number)]);
  });

  it.each<[string, Partial<Stage>, Partial<ProbeSettings>, string]>([
    ['it is at work', { inFlight: 1 }, { when: 'idle' }, 'it is at work'],
    ['it is not in service', { free: false }, {}, 'it is not in service'],
    ['nobody has used it yet', { used: false }, { wake: false }, 'it has not been used yet, and a probe would wake it'],
    ['it is well and need not be asked', {}, { when: 'on-fail' }, 'it is well'],
  ])('is skipped when %s, and says so', (_, state, settings, reason) => {
    const stage = Object.assign(new Stage(settings), state);
    stage.prober.start();
    stage.clock.advance(1000);
    expect(latestOf(stage)).toEqual(['skipped', reason, undefined]);
  });

  it('is skipped when the worker says that it is busy, and forgotten when another worker appears', () => {
    const stage = new Stage();
    stage.play(BUSY);
    expect(latestOf(stage)).toEqual(['skipped', 'it is at work', undefined]);
    stage.prober.appeared();
    expect(stage.prober.latest).toBeUndefined();
  });
});
