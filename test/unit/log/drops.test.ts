// What the operator is told of lines that a log has lost: at once, and then at most every ten
// seconds, with every line counted.

import { describe, expect, it } from 'vitest';
import { LogDrops } from '../../../src/log/drops.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { recordingLog } from '../../support/parts/recording-log.ts';

function drops() {
  const clock = new FakeClock();
  const { log, lines } = recordingLog();
  const told = (): unknown[] => lines.splice(0).map(({ message, fields }) => [message, fields['dropped'] ?? 0, fields['error']]);
  return { clock, told, drops: new LogDrops('the access log', log, clock) };
}

const LOST = 'cannot write the access log: lines are lost';
const WAIT = 'cannot write the access log: lines wait in memory';
const SLOW = 'what reads it does not keep up';

describe('lines that are lost', () => {
  it('are told at once, and then together after ten seconds', () => {
    const { clock, told, drops: counter } = drops();
    for (let i = 0; i < 100; i += 1) counter.dropped(1);
    expect(told()).toEqual([[LOST, 1, SLOW]]);
    clock.advance(9999);
    expect(told()).toEqual([]);
    clock.advance(1);
    expect(told()).toEqual([[LOST, 99, SLOW]]);
    clock.advance(10_000);
    expect(told()).toEqual([]);
    expect(clock.pending).toBe(0);
    counter.dropped(2);
    expect(told()).toEqual([[LOST, 2, SLOW]]);
    expect(counter.count).toBe(102);
  });

  it('are told at once also when there was mere trouble before, with its reason', () => {
    const { clock, told, drops: counter } = drops();
    for (let i = 0; i < 5; i += 1) counter.failed(new Error('disk full'));
    expect(told()).toEqual([[WAIT, 0, 'disk full']]);
    counter.dropped(1);
    counter.dropped(1);
    expect(told()).toEqual([[LOST, 1, 'disk full']]);
    clock.advance(10_000);
    expect(told()).toEqual([[LOST, 1, 'disk full']]);
  });

  it('for another reason, once all is well again, are not told of the old one', () => {
    const { clock, told, drops: counter } = drops();
    counter.dropped(1, new Error('refused'));
    counter.recovered();
    expect(told()).toEqual([[LOST, 1, 'refused']]);
    counter.dropped(1);
    clock.advance(10_000);
    expect(told()).toEqual([[LOST, 1, SLOW]]);
  });

  it('are not told more often because the trouble comes and goes', () => {
    const { clock, told, drops: counter } = drops();
    for (let i = 0; i < 1000; i += 1) {
      counter.dropped(1, new Error('refused'));
      counter.recovered();
      clock.advance(20);
    }
    expect(told().length).toBeLessThan(4);
    expect(counter.count).toBe(1000);
  });
});
