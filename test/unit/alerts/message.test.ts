// What is said: one text for people, one document for programs, both bounded whatever happens.

import { describe, expect, it } from 'vitest';
import type { Alert } from '../../../src/alerts/alert.ts';
import { documentOf, type Message, narrowed, outcomeOf, textOf } from '../../../src/alerts/message.ts';

const AT = new Date('2026-01-02T03:04:05.678Z');

function alert(change: Partial<Alert> = {}): Alert {
  return {
    kind: 'upstream',
    pool: 'rt',
    upstream: '/run/rt1.sock',
    is: 'bad',
    state: 'down',
    reason: 'it closed the connection',
    since: AT,
    untold: 0,
    ...change,
  };
}

function message(alerts: readonly Alert[] | undefined): Message {
  return { id: 'an-id', at: AT, from: 'web1', alerts, open: 2 };
}

describe('the text', () => {
  it('of one change is one line', () => {
    expect(textOf(message([alert()]))).toBe(
      'web1: upstream /run/rt1.sock of pool rt is down since 2026-01-02T03:04:05Z: it closed the connection',
    );
  });

  it('says that something flaps, and that messages are missing', () => {
    expect(textOf(message([alert({ untold: 7 })]), 3)).toBe(
      'web1: upstream /run/rt1.sock of pool rt is down since 2026-01-02T03:04:05Z (changed 7 times before that): it closed the connection\n' +
        '(3 earlier messages could not be sent)',
    );
  });

  it('of many begins with a summary', () => {
    const many = ['1', '2', '3'].map((name) => alert({ upstream: `/run/rt${name}.sock` }));
    const pool = alert({ kind: 'pool', upstream: undefined, state: 'empty', reason: 'no upstream answers' });
    const up = alert({ pool: 'php', upstream: '/run/p', is: 'good', state: 'up', reason: 'a request succeeded' });
    expect(textOf(message([...many, pool, up])).split('\n')).toEqual([
      'web1: 3 upstreams of pool rt are down; pool rt serves nobody; upstream /run/p of pool php is up again',
      '- upstream /run/rt1.sock of pool rt is down since 2026-01-02T03:04:05Z: it closed the connection',
      '- upstream /run/rt2.sock of pool rt is down since 2026-01-02T03:04:05Z: it closed the connection',
      '- upstream /run/rt3.sock of pool rt is down since 2026-01-02T03:04:05Z: it closed the connection',
      '- pool rt serves nobody since 2026-01-02T03:04:05Z: no upstream answers',
      '- upstream /run/p of pool php is up again since 2026-01-02T03:04:05Z: a request succeeded',
    ]);
  });

  it('is short however much there is to say, and holds no control characters', () => {
    const many = Array.from({ length: 5000 }, (_, index) =>
      alert({ upstream: `/run/${index}`, reason: `\x1b[31m${'x'.repeat(500)}\n` }),
    );
    const text = textOf(message(many));
    expect(text.length).toBeLessThanOrEqual(3500);
    expect(text).toContain('\\x1b[31m');
    for (const length of [3400, 3401]) {
      const cut = textOf(message([alert({ reason: `${'x'.repeat(length)}${'\u{1f525}'.repeat(100)}` })]));
      expect(cut).toBe(Buffer.from(cut).toString());
    }
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
    expect(text.replaceAll('\n', '')).not.toMatch(/[\x00-\x1f]/);
  });
});

describe('the document', () => {
  it('says all that the text says, in fields', () => {
    expect(JSON.parse(documentOf(message([alert({ untold: 2 })]), 1))).toEqual({
      format: 1,
      id: 'an-id',
      at: '2026-01-02T03:04:05.678Z',
      from: 'web1',
      is: 'bad',
      text: expect.stringContaining('/run/rt1.sock'),
      alerts: [
        {
          kind: 'upstream',
          is: 'bad',
          state: 'down',
          pool: 'rt',
          upstream: '/run/rt1.sock',
          since: '2026-01-02T03:04:05.678Z',
          reason: 'it closed the connection',
          untold: 2,
        },
      ],
      more: 0,
      open: 2,
      dropped: 1,
    });
  });

  it('lists a hundred and counts the rest', () => {
    const made = JSON.parse(documentOf(message(Array.from({ length: 250 }, () => alert())))) as {
      alerts: unknown[];
      more: number;
    };
    expect([made.alerts.length, made.more]).toEqual([100, 150]);
  });

  it('of a test says so', () => {
    expect(JSON.parse(documentOf(message(undefined)))).toMatchObject({
      is: 'test',
      alerts: [],
      text: expect.stringContaining('test'),
    });
  });
});

describe('a message', () => {
  it('is bad when anything in it is', () => {
    expect(outcomeOf(message([alert({ upstream: '/run/b', is: 'good' }), alert()]))).toBe('bad');
    expect(outcomeOf(message([alert(), alert({ is: 'good' })]))).toBe('good');
    expect(outcomeOf(message([alert({ is: 'good' })]))).toBe('good');
  });

  it('without what a target does not want is none when nothing is left, unless it is a test', () => {
    const both = message([alert(), alert({ kind: 'pool' })]);
    expect(narrowed(both, ({ kind }) => kind === 'pool')?.alerts).toHaveLength(1);
    expect(narrowed(both, () => false)).toBeUndefined();
    expect(narrowed(message(undefined), () => false)).toBeDefined();
  });
});
