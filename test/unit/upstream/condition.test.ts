// Condition and Activity: the words for what an upstream is and does, since when, why, and one line
// in the log for a change.

import { describe, expect, it } from 'vitest';
import { Activity } from '../../../src/upstream/activity.ts';
import { Condition, type StateChange } from '../../../src/upstream/condition.ts';
import { Slots } from '../../../src/upstream/slots/slots.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { recordingLog } from '../../support/parts/recording-log.ts';

function parts(disabled = false) {
  const clock = new FakeClock();
  const { log, lines } = recordingLog();
  const told: StateChange[] = [];
  const why = disabled ? 'down in the configuration' : undefined;
  return { clock, lines, told, condition: new Condition('/run/rt1.sock', why, clock, log, (change) => told.push(change)) };
}

describe('the condition of an upstream', () => {
  it('is up at first, which is no news', () => {
    const { condition, clock, lines } = parts();
    expect(condition.state).toEqual({ is: 'up', since: clock.date(), reason: 'nothing is known against it' });
    expect(lines).toEqual([]);
  });

  it('is disabled at first when the configuration says so', () => {
    const { condition, lines } = parts(true);
    expect(condition.state).toMatchObject({ is: 'disabled', reason: 'down in the configuration' });
    condition.want('serve', 'the operator enabled it');
    expect(condition.state.is).toBe('up');
    expect(lines.map(({ message }) => message)).toEqual(['upstream is up']);
  });

  it('tells each change once, with what it was', () => {
    const { condition, told, clock } = parts();
    condition.judge('up', 'a probe was answered');
    condition.judge('down', 'three requests failed');
    condition.judge('down', 'a probe failed');
    condition.want('drain', 'drained by the operator');
    const since = clock.date();
    expect(told).toEqual([
      { is: 'down', was: 'up', since, reason: 'three requests failed' },
      { is: 'draining', was: 'down', since, reason: 'drained by the operator' },
    ]);
  });

  it('logs one line for each change, with both words and the reason', () => {
    const { condition, lines } = parts();
    condition.judge('down', 'three requests failed');
    condition.judge('up', 'a request was answered');
    condition.want('drain', 'drained by the operator');
    condition.want('disable', 'disabled by the operator');
    condition.want('serve', 'undrained');
    const upstream = '/run/rt1.sock';
    expect(lines).toEqual([
      {
        level: 'warn',
        fields: { upstream, state: 'down', was: 'up', reason: 'three requests failed' },
        message: 'upstream is down',
      },
      {
        level: 'info',
        fields: { upstream, state: 'up', was: 'down', reason: 'a request was answered' },
        message: 'upstream is up',
      },
      {
        level: 'info',
        fields: { upstream, state: 'draining', was: 'up', reason: 'drained by the operator' },
        message: 'upstream is draining',
      },
      {
        level: 'info',
        fields: { upstream, state: 'disabled', was: 'draining', reason: 'disabled by the operator' },
        message: 'upstream is disabled',
      },
      {
        level: 'info',
        fields: { upstream, state: 'up', was: 'disabled', reason: 'a request was answered' },
        message: 'upstream is up',
      },
    ]);
  });

  it('logs nothing when only the reason changes, and keeps since when', () => {
    const { condition, clock, lines } = parts();
    condition.judge('down', 'three requests failed');
    const { since } = condition.state;
    clock.advance(5000);
    condition.judge('trial', 'a trial request may go there');
    expect(condition.state).toEqual({ is: 'down', since, reason: 'a trial request may go there' });
    clock.advance(5000);
    condition.judge('up', 'a trial request was answered');
    expect(condition.state.since.getTime()).toBe(since.getTime() + 10_000);
    expect(lines.length).toBe(2);
  });

  it('is what the operator wants, whatever its health, and what its health is once the operator wants it to serve', () => {
    const { condition, lines } = parts();
    condition.want('drain', 'drained by the operator');
    condition.judge('down', 'three requests failed');
    condition.judge('up', 'a request was answered');
    condition.judge('down', 'three requests failed');
    expect(condition.state).toMatchObject({ is: 'draining', reason: 'drained by the operator' });
    condition.want('serve', 'undrained');
    expect(condition.state).toMatchObject({ is: 'down', reason: 'three requests failed' });
    expect(lines.map(({ fields }) => fields['state'])).toEqual(['draining', 'down']);
  });
});

describe('the activity of an upstream', () => {
  it('says since when, and keeps that while the word stays the same', () => {
    const clock = new FakeClock();
    const activity = new Activity(clock);
    clock.advance(1000);
    const slots = new Slots(3);
    slots.take();
    activity.follow(slots, true, false);
    const since = clock.date();
    clock.advance(500);
    slots.take();
    activity.follow(slots, true, false);
    expect(activity.stated('1 of 2 slots in use')).toEqual({ is: 'busy', since, reason: '1 of 2 slots in use' });
    slots.take();
    activity.follow(slots, true, false);
    expect(activity.stated('')).toEqual({ is: 'full', since: clock.date(), reason: '' });
  });

  it('is starting until something answers, and again while nothing does after a failure', () => {
    const activity = new Activity(new FakeClock());
    const slots = new Slots(2);
    const word = (answered: boolean, failing: boolean): string => {
      activity.follow(slots, answered, failing);
      return activity.stated('').is;
    };
    expect([word(false, false), word(true, false), word(true, true)]).toEqual(['idle', 'idle', 'starting']);
    slots.take();
    expect([word(false, false), word(true, false), word(true, true)]).toEqual(['starting', 'busy', 'busy']);
    slots.take();
    expect([word(false, false), word(true, false)]).toEqual(['starting', 'full']);
  });
});
