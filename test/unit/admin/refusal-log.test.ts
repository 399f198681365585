// RefusalLog: whoever tries tokens all day leaves some lines and a number, not a full disk.

import { describe, expect, it } from 'vitest';
import { RefusalLog } from '../../../src/admin/refusal-log.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { recordingLog } from '../../support/parts/recording-log.ts';

function parts() {
  const clock = new FakeClock();
  const { log, lines } = recordingLog();
  const refusals = new RefusalLog(log, clock);
  const refuse = (times: number): void => {
    for (let i = 0; i < times; i += 1) refusals.refused({ reason: 'wrong token', i });
  };
  return { clock, lines, refusals, refuse };
}

describe('refused requests', () => {
  it('are logged one by one, ten a minute, and the rest as a number when the minute is over', () => {
    const { clock, lines, refuse } = parts();
    refuse(1000);
    expect(lines.length).toBe(10);
    expect(lines[0]).toEqual({
      level: 'warn',
      fields: { reason: 'wrong token', i: 0 },
      message: 'refused at the admin listener',
    });
    clock.advance(60_000);
    expect(lines.slice(10)).toEqual([
      { level: 'warn', fields: { refused: 990 }, message: '990 more requests were refused at the admin listener' },
    ]);
    refuse(10);
    clock.advance(60_000);
    expect(lines.length).toBe(21);
  });

  it('are not forgotten when the program ends in between', () => {
    const { lines, refusals, refuse, clock } = parts();
    refuse(12);
    refusals.end();
    expect(lines.at(-1)?.fields).toEqual({ refused: 2 });
    refusals.end();
    clock.advance(120_000);
    expect(lines.length).toBe(11);
  });
});
