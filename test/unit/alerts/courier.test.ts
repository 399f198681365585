// Messages to one target: in order, again when they do not arrive, bounded, and never in anybody's
// way.

import { describe, expect, it } from 'vitest';
import { Courier } from '../../../src/alerts/courier.ts';
import type { Message } from '../../../src/alerts/message.ts';
import type { AlertSender, Delivery } from '../../../src/alerts/sender.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { recordingLog } from '../../support/parts/recording-log.ts';

const GOOD: Delivery = { kind: 'delivered', answer: 'answered 200' };
const AGAIN: Delivery = { kind: 'retry', reason: 'answered 503' };

interface Attempt {
  readonly id: string;
  readonly dropped: number;
  readonly at: number;
  readonly signal: AbortSignal;
  readonly answer: (outcome: Delivery) => void;
}

/** A target whose attempts the test answers, or that always answers the same. */
function scripted(always?: Delivery, attempts = Number.POSITIVE_INFINITY) {
  const clock = new FakeClock();
  const tried: Attempt[] = [];
  const { log, lines } = recordingLog();
  const start = clock.now();
  const target: AlertSender = {
    attempts,
    secrets: ['hunter2'],
    deliver: ({ id }, dropped, signal) =>
      new Promise((resolve) => {
        tried.push({ id, dropped, at: clock.now() - start, signal, answer: resolve });
        signal.addEventListener('abort', () => resolve({ kind: 'retry', reason: 'given up' }));
        if (always !== undefined) resolve(always);
      }),
  };
  const courier = new Courier('ops', target, { clock, log, random: () => 1 });
  const send = (...ids: readonly string[]): void => {
    for (const id of ids) courier.send(message(id));
  };
  /** What follows from promises that are settled. */
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
  };
  const answer = async (outcome: Delivery): Promise<void> => {
    tried.at(-1)?.answer(outcome);
    await settle();
  };
  return { clock, courier, tried, lines, send, settle, answer, target };
}

function message(id: string): Message {
  return { id, at: new Date(0), from: 'web1', alerts: [], open: 0 };
}

describe('a courier', () => {
  it('tries one message at a time, in order', async () => {
    const { send, tried, answer, settle, courier } = scripted();
    send('a', 'b');
    await settle();
    expect(tried.map(({ id }) => id)).toEqual(['a']);
    await answer(GOOD);
    await answer(GOOD);
    expect([tried.map(({ id }) => id), courier.waiting]).toEqual([['a', 'b'], 0]);
  });

  it('tries again after a pause that doubles up to a minute', async () => {
    const { send, tried, clock, settle } = scripted(AGAIN);
    send('a');
    for (let second = 0; second < 250; second += 1) {
      await settle();
      clock.advance(1000);
    }
    expect(tried.map(({ at }) => at / 1000)).toEqual([0, 1, 3, 7, 15, 31, 63, 123, 183, 243]);
  });

  it('waits as long as it is asked to, within reason', async () => {
    const { send, tried, clock, settle, answer } = scripted();
    send('a');
    await settle();
    await answer({ ...AGAIN, wait: 30_000 });
    clock.advance(29_999);
    await settle();
    expect(tried).toHaveLength(1);
    clock.advance(1);
    await settle();
    await answer({ ...AGAIN, wait: 1e12 });
    clock.advance(600_000);
    await settle();
    expect(tried).toHaveLength(3);
  });

  it('gives a message up after an hour, and says how many are missing with the next', async () => {
    const { send, tried, clock, settle, answer, lines } = scripted();
    send('a');
    await settle();
    clock.advance(3_600_000);
    send('b');
    await answer(AGAIN);
    expect(tried.map(({ id, dropped }) => [id, dropped])).toEqual([
      ['a', 0],
      ['b', 1],
    ]);
    await answer(GOOD);
    send('c');
    await settle();
    expect(tried.at(-1)).toMatchObject({ id: 'c', dropped: 0 });
    expect(lines.filter(({ level }) => level === 'error')).toMatchObject([
      { message: 'an alert was given up', fields: { target: 'ops', alert: 'a', reason: 'answered 503', dropped: 1 } },
    ]);
  });

  it('does not try again what was refused, nor more often than the target has patience for', async () => {
    const refused = scripted({ kind: 'refused', reason: 'answered 404' });
    refused.send('a', 'b');
    await refused.settle();
    await refused.settle();
    expect(refused.tried.map(({ id }) => id)).toEqual(['a', 'b']);
    const three = scripted(AGAIN, 3);
    three.send('a');
    for (let second = 0; second < 100; second += 1) {
      await three.settle();
      three.clock.advance(1000);
    }
    expect([three.tried.length, three.courier.waiting, three.clock.pending]).toEqual([3, 0, 0]);
  });

  it('keeps a hundred messages and lets the oldest go, but not the one that is on its way', async () => {
    const { send, tried, courier, answer, settle, lines } = scripted();
    send(...Array.from({ length: 150 }, (_, index) => `m${index}`));
    await settle();
    expect(courier.waiting).toBe(100);
    expect(tried.map(({ id }) => id)).toEqual(['m0']);
    await answer(GOOD);
    expect(tried.at(-1)).toMatchObject({ id: 'm51', dropped: 0 });
    const givenUp = lines.flatMap(({ level, fields }) => (level === 'error' ? [fields['alert']] : []));
    expect(givenUp).toEqual(Array.from({ length: 50 }, (_, index) => `m${index + 1}`));
  });

  it('goes on with a target that throws', async () => {
    const { clock, courier, target, send, settle } = scripted();
    let thrown = 0;
    courier.retarget({
      ...target,
      deliver: () => {
        thrown += 1;
        throw new Error('a fault');
      },
    });
    send('a');
    await settle();
    clock.advance(1000);
    await settle();
    expect(thrown).toBe(2);
  });

  it('brings what waits to another target of the name', async () => {
    const { clock, courier, send, settle, answer, target } = scripted();
    send('a');
    await settle();
    const seen: string[] = [];
    courier.retarget({
      ...target,
      deliver: async ({ id }) => {
        seen.push(id);
        return GOOD;
      },
    });
    await answer(AGAIN);
    clock.advance(1000);
    await settle();
    expect(seen).toEqual(['a']);
  });

  it('never lets a secret into the log', async () => {
    const { send, settle, answer, lines, courier } = scripted();
    send('a');
    await settle();
    await answer({ kind: 'refused', reason: `no /bot${'hunter2'}/x\u001b[0m${'y'.repeat(1000)}` });
    const said = JSON.stringify(lines);
    expect(said).not.toContain('hunter2');
    expect(said).toContain('no /bot[secret]/x');
    expect(lines[0]?.fields['reason']).toHaveLength(303);
    const tested = courier.test(message('t'));
    await settle();
    await answer({ kind: 'refused', reason: 'hunter2' });
    expect(await tested).toEqual({ kind: 'refused', reason: '[secret]' });
  });
});

describe('at the end', () => {
  it('what waits has one more attempt', async () => {
    const { send, tried, settle, answer, courier, clock } = scripted();
    send('a', 'b');
    await settle();
    await answer(AGAIN);
    const closed = courier.close();
    await settle();
    expect(tried.map(({ id }) => id)).toEqual(['a', 'a']);
    await answer(AGAIN);
    expect(tried.at(-1)?.id).toBe('b');
    await answer(GOOD);
    await closed;
    expect([courier.waiting, clock.pending]).toEqual([0, 0]);
    send('c');
    expect(courier.waiting).toBe(0);
  });

  it('nothing is waited for once it has come', async () => {
    const { send, tried, settle, courier, lines, clock } = scripted();
    send('a', 'b');
    await settle();
    const closed = courier.close();
    courier.end('the program ends');
    await closed;
    expect(tried[0]?.signal.aborted).toBe(true);
    expect([tried.length, courier.waiting, clock.pending]).toEqual([1, 0, 0]);
    expect(lines.filter(({ level }) => level === 'error')).toHaveLength(2);
  });
});
