// SavedLog: each request that another upstream has saved leaves a line, and a flood of them a
// number.

import { describe, expect, it } from 'vitest';
import { SavedLog } from '../../../src/http/handler/saved-log.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { recordingLog } from '../../support/parts/recording-log.ts';

function parts() {
  const clock = new FakeClock();
  const { log, lines } = recordingLog();
  const savedLog = new SavedLog(log, clock);
  const save = (times: number, upstream = '/run/a.sock'): void => {
    for (let i = 0; i < times; i += 1) savedLog.saved({ upstream, request_id: String(i) }, 'saved');
  };
  return { clock, lines, savedLog, save };
}

describe('requests that another upstream has saved', () => {
  it('are logged one by one, five of each upstream in ten seconds, and the rest as a number', () => {
    const { clock, lines, save } = parts();
    save(10_000);
    save(1, '/run/b.sock');
    expect(lines).toHaveLength(6);
    expect(lines[0]).toEqual({ level: 'info', fields: { upstream: '/run/a.sock', request_id: '0' }, message: 'saved' });
    clock.advance(10_000);
    expect(lines.slice(6)).toEqual([
      {
        level: 'info',
        fields: { upstream: '/run/a.sock', requests: 9995 },
        message: '9995 more requests failed there and were answered by other tries',
      },
    ]);
    expect(clock.pending).toBe(0);
    save(1);
    expect(lines).toHaveLength(8);
  });

  it('are not forgotten when the program ends in between', () => {
    const { clock, lines, savedLog, save } = parts();
    save(6);
    savedLog.end();
    savedLog.end();
    expect(lines.at(-1)?.fields).toEqual({ upstream: '/run/a.sock', requests: 1 });
    expect([lines.length, clock.pending]).toEqual([6, 0]);
  });
});
