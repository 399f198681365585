// What workers write to STDERR: whole lines in the log, escaped, never too long, never too many.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { StderrLines, WorkerLog } from '../../../src/upstream/fcgi/worker-log.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { bytes, cuts } from '../../support/fuzz/arbitraries.ts';
import { recordingLog } from '../../support/parts/recording-log.ts';

const MAX_LINE = 4096;
const BURST = 100;
const PER_SECOND = 20;

function setUp() {
  const clock = new FakeClock();
  const { log, lines } = recordingLog();
  const workerLog = new WorkerLog('/run/w.sock', log, clock);
  return {
    clock,
    lines,
    workerLog,
    /** The worker's lines that were logged. */
    logged: () => lines.flatMap(({ fields }) => (typeof fields['stderr'] === 'string' ? [fields['stderr']] : [])),
    /** How many lines the log says were dropped. */
    dropped: () => lines.flatMap(({ fields }) => (typeof fields['dropped'] === 'number' ? [fields['dropped']] : [])),
  };
}

describe('WorkerLog', () => {
  it('names the upstream and warns', () => {
    const { workerLog, lines } = setUp();
    workerLog.line(Buffer.from('PHP Warning: oh'));
    expect(lines).toEqual([
      { level: 'warn', fields: { upstream: '/run/w.sock', stderr: 'PHP Warning: oh' }, message: 'worker wrote to STDERR' },
    ]);
  });

  it('reads UTF-8 and survives what is none', () => {
    const { workerLog, logged } = setUp();
    workerLog.line(Buffer.from('Ärger 🙂'));
    workerLog.line(Buffer.from([0x41, 0xff, 0xc3]));
    expect(logged()).toEqual(['Ärger 🙂', 'A\ufffd\ufffd']);
  });

  it('escapes control characters', () => {
    const { workerLog, logged } = setUp();
    workerLog.line(Buffer.from('a\r\x1b[31mb\0'));
    expect(logged()).toEqual(['a\\x0d\\x1b[31mb\\x00']);
  });

  it('takes CR LF for a line end, too, and logs no empty line', () => {
    const { workerLog, logged } = setUp();
    new StderrLines(workerLog).write(Buffer.from('one\r\n\r\n\ntwo\rthree\r\r\n'));
    expect(logged()).toEqual(['one', 'two\\x0dthree\\x0d']);
  });

  it('cuts a long line, and says so', () => {
    const { workerLog, logged } = setUp();
    workerLog.line(Buffer.alloc(MAX_LINE, 'x'));
    workerLog.line(Buffer.alloc(MAX_LINE + 1, 'x'));
    workerLog.line(Buffer.alloc(1024 * 1024, 'x'));
    const cut = `${'x'.repeat(MAX_LINE)}...`;
    expect(logged()).toEqual(['x'.repeat(MAX_LINE), cut, cut]);
  });

  it('takes a burst, then a few lines a second, and counts what it drops', () => {
    const { clock, workerLog, logged, dropped } = setUp();
    const write = (count: number): void => {
      for (let i = 0; i < count; i += 1) workerLog.line(Buffer.from('x'));
    };
    write(BURST);
    expect([logged().length, dropped()]).toEqual([BURST, []]);
    write(50);
    expect([logged().length, dropped()]).toEqual([BURST, []]);
    clock.advance(1000);
    write(PER_SECOND + 5);
    expect([logged().length, dropped()]).toEqual([BURST + PER_SECOND, [50]]);
    clock.advance(3_600_000);
    write(BURST + 5);
    expect([logged().length, dropped()]).toEqual([2 * BURST + PER_SECOND, [50, 5]]);
  });

  it('never logs more than burst and rate allow, and loses none uncounted', () => {
    const step = fc.tuple(fc.nat(300), fc.nat(5000));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const { clock, workerLog, logged, dropped } = setUp();
        let [written, elapsed] = [0, 0];
        for (const [count, ms] of steps) {
          for (let i = 0; i < count; i += 1) workerLog.line(Buffer.from('x'));
          written += count;
          expect(logged().length).toBeLessThanOrEqual(BURST + (elapsed / 1000) * PER_SECOND + 1e-6);
          clock.advance(ms);
          elapsed += ms;
        }
        clock.advance(10_000);
        // The next line that passes tells of all that were dropped before it.
        workerLog.line(Buffer.from('last'));
        expect(logged().length + dropped().reduce((sum, count) => sum + count, 0)).toBe(written + 1);
      }),
      { numRuns: 100 },
    );
  });
});

describe('StderrLines', () => {
  it('gives the same lines however the bytes are cut, none longer than allowed and none empty', () => {
    const line = fc.oneof(
      { weight: 6, arbitrary: bytes(30) },
      {
        weight: 1,
        arbitrary: fc.integer({ min: MAX_LINE - 2, max: MAX_LINE + 70_000 }).map((length) => Buffer.alloc(length, 'y')),
      },
    );
    const text = fc
      .array(line, { maxLength: 12 })
      .map((list) => Buffer.concat(list.flatMap((part) => [part, Buffer.from('\n')])));
    fc.assert(
      fc.property(text, fc.boolean(), cuts(), (written, ended, cutting) => {
        const { workerLog, logged } = setUp();
        const whole = ended ? written : written.subarray(0, -1);
        const stderr = new StderrLines(workerLog);
        for (const piece of cutting.cut(whole)) {
          stderr.write(piece);
          // The buffer belongs to the socket: it may hold other bytes next.
          piece.fill(0x21);
        }
        stderr.flush();
        const expected = setUp();
        for (const part of whole.toString('latin1').split('\n')) {
          if (part !== '') expected.workerLog.line(Buffer.from(part, 'latin1'));
        }
        expect(logged()).toEqual(expected.logged());
        for (const line of logged()) expect(line.length).toBeLessThanOrEqual(4 * MAX_LINE + 3);
      }),
      { numRuns: 200 },
    );
  });

  it('logs what is held when it is told that no more comes, once', () => {
    const { workerLog, logged } = setUp();
    const stderr = new StderrLines(workerLog);
    stderr.write(Buffer.from('half'));
    expect(logged()).toEqual([]);
    stderr.flush();
    stderr.flush();
    expect(logged()).toEqual(['half']);
    stderr.write(Buffer.from(' more\n'));
    expect(logged()).toEqual(['half', ' more']);
  });

  it('holds no more than a line while a worker writes without end', () => {
    const { workerLog, logged } = setUp();
    const stderr = new StderrLines(workerLog);
    const chunk = Buffer.alloc(65_535, 'z');
    const before = process.memoryUsage().arrayBuffers;
    for (let i = 0; i < 1000; i += 1) stderr.write(chunk);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8 * 1024 * 1024);
    stderr.flush();
    expect(logged()).toEqual([`${'z'.repeat(MAX_LINE)}...`]);
  });
});
