// The pictures of `status` and `top`: in any size, with a thousand upstreams, and what keys do to
// them.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { statusLines } from '../../../src/cli/status.ts';
import { displayOptionsOf } from '../../../src/cli/view/display-options.ts';
import { overview } from '../../../src/cli/view/overview.ts';
import { keysIn, Screen } from '../../../src/cli/view/screen.ts';
import { SORT_NAMES, SORTS } from '../../../src/cli/view/status-view.ts';
import { pressed, type TopState, topLines } from '../../../src/cli/view/top-view.ts';
import { document, NOW, pool, upstream, withoutCounts } from '../../support/admin/status-documents.ts';

const PLAIN = { width: Number.POSITIVE_INFINITY, colours: false, sort: undefined, rates: false } as const;
const BUSY = document([
  pool(
    'rt',
    [
      upstream('/run/rt1.sock', 'up', { in_flight: 1, requests: 70 }),
      upstream('/run/rt2.sock', 'down', { errors: { X: 12 }, requests: 50, head_ms: null }, 3800),
      upstream('/run/rt3.sock', 'draining', { requests: 60, head_ms: { p99: 2500 } }, 12),
    ],
    { queue: { waiting: 4, size: 1024, oldest_ms: 2100 } },
  ),
]);
const THOUSAND = document([
  pool(
    'rt',
    Array.from({ length: 1000 }, (_, index) =>
      upstream(`/run/rt/w${index}.sock`, index === 700 ? 'down' : 'up', { requests: index }),
    ),
  ),
]);
const TOP: TopState = { seen: overview(BUSY, NOW), failure: undefined, sort: 'state', reversed: false, offset: 0 };
const top = (change: Partial<TopState> = {}, width = 100, height = 20): readonly string[] =>
  topLines({ ...TOP, ...change }, { width, height }, false);
// biome-ignore lint/suspicious/noControlCharactersInRegex: colours are to be found
const COLOUR = /\x1b\[/;

describe('the picture of a program', () => {
  it('tells which upstream is down, since when and why, how busy each is, and whether the queue grows', () => {
    expect(statusLines(overview(BUSY, NOW), PLAIN, 40)).toEqual([
      'fcgi-lb 1.2.3, pid 42, up 2h 5m, generation 3: ready',
      '2 active, 4 waiting, 80 MB of memory',
      '',
      'POOL   QUEUE  OLDEST  REQUESTS  5XX   P99  UPSTREAMS',
      'rt    4/1024    2.1s      5000   10  50ms  1 up, 1 draining, 1 down',
      '',
      'UPSTREAM       STATE     DOING  BUSY  REQUESTS  ERRORS   P99     FOR  WHY',
      '/run/rt1.sock  up        idle    1/1        70       0  45ms  1m 30s  nothing is known against it',
      '/run/rt2.sock  down      idle    0/1        50      12     -   1h 3m  down for a reason',
      '/run/rt3.sock  draining  idle    0/1        60       0  2.5s     12s  draining for a reason',
    ]);
  });

  it('names the pool of each upstream when there are several, and says what left', () => {
    const two = document([
      pool('rt', [upstream('/a')]),
      pool('php', [upstream('/b', 'draining', { leaving: true })], { leaving: true }),
    ]);
    const lines = statusLines(overview(two, NOW), PLAIN, 40).join('\n');
    expect(lines).toMatch(/^rt\s+\/a\s+up/m);
    expect(lines).toMatch(/^php \(leaving\)\s/m);
    expect(lines).toMatch(/^php\s+\/b\s+leaving/m);
  });

  it('shows of a thousand upstreams those that are worst, and how the others are', () => {
    const lines = statusLines(overview(THOUSAND, NOW), { ...PLAIN, width: 80 }, 40);
    expect(lines.length).toBe(49);
    expect(lines[8]).toMatch(/^w700\.sock {2}down/);
    expect(lines[6]).toBe('in /run/rt/:');
    expect(lines.at(-1)).toBe('and 960 more: 960 up (--all shows them)');
    expect(statusLines(overview(THOUSAND, NOW), PLAIN, Number.POSITIVE_INFINITY).length).toBe(1007);
  });

  it('has the problems of a reload that failed, and why the program is not ready', () => {
    const bad = document([pool('rt', [])], {
      ready: false,
      reasons: ['pool rt has no upstream'],
      reload: { result: 'bad', at: '2026-03-01T11:00:00.000Z', problems: ['f.yaml:1:1: nonsense'] },
    });
    const text = statusLines(overview(bad, NOW), PLAIN, 40).join('\n');
    expect(text).toContain(': not ready: pool rt has no upstream\n');
    expect(text).toContain('the latest reload failed at 2026-03-01T11:00:00.000Z and changed nothing:\n  f.yaml:1:1: nonsense\n');
    expect(text).toMatch(/^rt .* none$/m);
  });

  it('lets nothing through that a terminal obeys', () => {
    const evil = document([
      pool('rt', [
        upstream('/run/\x1b[2Jx.sock', 'down', {
          state: { is: 'down', since: NOW.toISOString(), reason: 'said \x1b]0;x\x07\nforged' },
        }),
      ]),
    ]);
    const text = statusLines(overview(evil, NOW), PLAIN, 40).join('|');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: none may be there
    expect(text).not.toMatch(/[\x00-\x1f]/);
    expect(text).toContain('forged');
  });

  it('shows a dash for what an older program does not tell', () => {
    const text = statusLines(overview(withoutCounts(BUSY), NOW), PLAIN, 40).join('\n');
    expect(text).toMatch(/^\/run\/rt1\.sock +up +idle +1\/1 +- +- +- +1m 30s/m);
  });

  it('fits any terminal, whatever is shown', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 200 }),
        fc.integer({ min: 1, max: 60 }),
        fc.boolean(),
        fc.constantFrom(...SORT_NAMES),
        (width, height, thousand, sort) => {
          const seen = overview(thousand ? THOUSAND : BUSY, NOW);
          for (const line of statusLines(seen, { ...PLAIN, width, sort }, 40))
            expect([...line].length).toBeLessThanOrEqual(width);
          const lines = topLines(
            { ...TOP, seen, sort, failure: { message: 'nothing listens', seconds: 3 } },
            { width, height },
            false,
          );
          expect(lines.length).toBe(height);
          for (const line of lines) expect([...line].length).toBeLessThanOrEqual(width);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('has colours on a terminal only, and not when NO_COLOR or a dumb terminal says so', () => {
    const terminal = { isTTY: true, columns: 100 };
    expect(displayOptionsOf(terminal, {})).toEqual({ width: 100, colours: true });
    for (const environment of [{ NO_COLOR: '1' }, { TERM: 'dumb' }])
      expect(displayOptionsOf(terminal, environment).colours).toBe(false);
    expect(displayOptionsOf(terminal, { NO_COLOR: '' }).colours).toBe(true);
    expect(displayOptionsOf({ columns: 100 }, {})).toEqual({ width: Number.POSITIVE_INFINITY, colours: false });
    expect(displayOptionsOf({ isTTY: true, columns: 0 }, {}).width).toBe(80);
    expect(topLines(TOP, { width: 100, height: 20 }, true).join('')).toMatch(COLOUR);
    expect(top().join('')).not.toMatch(COLOUR);
  });
});

describe('the screen of top', () => {
  const names = (lines: readonly string[]): readonly string[] => lines.flatMap((line) => /^(w?\w+\.sock) /.exec(line)?.[1] ?? []);

  it('is full, with the keys in its last line', () => {
    const lines = top();
    expect([lines.length, lines.at(-1)]).toEqual([20, expect.stringMatching(/^by state {3}q quit/)]);
    expect(lines[1]).toBe('- requests/s, 2 active, 4 waiting, 80 MB of memory');
  });

  it.each([
    ['state', ['rt2', 'rt3', 'rt1']],
    ['busy', ['rt1', 'rt2', 'rt3']],
    ['requests', ['rt1', 'rt3', 'rt2']],
    ['errors', ['rt2', 'rt1', 'rt3']],
    ['p99', ['rt3', 'rt1', 'rt2']],
    ['age', ['rt3', 'rt1', 'rt2']],
    ['name', ['rt1', 'rt2', 'rt3']],
  ] as const)('is sorted by %s', (sort, expected) => {
    expect(names(top({ sort }))).toEqual(expected.map((name) => `${name}.sock`));
    expect(names(top({ sort, reversed: true }))).toEqual(expected.map((name) => `${name}.sock`).reverse());
  });

  it('says that the program does not answer and for how long, and keeps what is known', () => {
    const failure = { message: 'no fcgi-lb answers at /run/a', seconds: 12.7 };
    expect(top({ failure })[2]).toBe('no answer for 12 s, trying again: no fcgi-lb answers at /run/a');
    expect(names(top({ failure })).length).toBe(3);
    expect(top({ failure, seen: undefined }).join('\n')).toContain('trying again');
  });

  it('scrolls through a thousand upstreams and stops at both ends', () => {
    let state: TopState = { ...TOP, seen: overview(THOUSAND, NOW), sort: 'name' };
    const press = (...keys: readonly string[]): readonly string[] => {
      for (const key of keys) {
        const next = pressed(key, state, 20);
        if (typeof next !== 'object') throw new Error(`${key} is ${next}`);
        state = next;
      }
      return names(topLines(state, { width: 100, height: 20 }, false));
    };
    expect(press('\x1b[A')[0]).toBe('w0.sock');
    expect(press('\x1b[B', '\x1b[B')[0]).toBe('w2.sock');
    expect(press('\x1b[6~')[0]).toBe('w12.sock');
    expect(press('\x1b[5~')[0]).toBe('w2.sock');
    expect(press('\x1b[F').at(-1)).toBe('w999.sock');
    expect(press('\x1b[H')[0]).toBe('w0.sock');
    expect(press('\x1b[6~', 'n')[0]).toBe('w999.sock');
  });

  it('knows a key for each order, and the same key in the help of the screen', () => {
    for (const sort of SORT_NAMES) {
      expect(pressed(SORTS[sort], { ...TOP, reversed: true, offset: 2 }, 20)).toEqual({
        ...TOP,
        sort,
        reversed: false,
        offset: 0,
      });
      expect(top({}, 160).at(-1)).toContain(` ${SORTS[sort]} ${sort} `);
    }
    expect(new Set(Object.values(SORTS)).size).toBe(SORT_NAMES.length);
    expect(['q', 'Q', '\x03', '\x04', '\x1a', '\x0c', 'x', '\x1b[Z'].map((key) => pressed(key, TOP, 20))).toEqual([
      ...['quit', 'quit', 'quit', 'quit', 'suspend', 'redraw'],
      ...[undefined, undefined],
    ]);
  });

  it('lists some of many pools, so that upstreams have room', () => {
    const many = document(Array.from({ length: 40 }, (_, index) => pool(`p${index}`, [upstream(`/run/p${index}.sock`, 'up')])));
    const lines = top({ seen: overview(many, NOW) }, 100, 30);
    expect(lines).toContain('and 31 more pools');
    expect(lines.filter((line) => line.includes('.sock')).length).toBeGreaterThan(10);
  });
});

describe('a screen', () => {
  function terminal() {
    const written: string[] = [];
    const raw: boolean[] = [];
    const output = { columns: 20, rows: 4, write: (text: string) => written.push(text) };
    const input = { setRawMode: (on: boolean) => raw.push(on), resume: () => undefined, pause: () => undefined };
    return { screen: new Screen(input, output), written, raw };
  }

  it('writes only the lines that differ, all in one piece, and nothing when none does', () => {
    const { screen, written } = terminal();
    screen.enter();
    screen.draw(['one', 'two', 'three']);
    written.length = 0;
    screen.draw(['one', '2', 'three']);
    expect(written).toEqual(['\x1b[?2026h\x1b[2;1H2\x1b[K\x1b[?2026l']);
    screen.draw(['one', '2', 'three']);
    expect(written.length).toBe(1);
    screen.draw(['one']);
    expect(written[1]).toBe('\x1b[?2026h\x1b[2;1H\x1b[K\x1b[3;1H\x1b[K\x1b[?2026l');
    screen.forget();
    screen.draw(['one']);
    expect(written.slice(2)).toEqual(['\x1b[2J', '\x1b[?2026h\x1b[1;1Hone\x1b[K\x1b[?2026l']);
  });

  it('is given back once, however often it is left, and never drawn on before or after', () => {
    const { screen, written, raw } = terminal();
    screen.draw(['x']);
    screen.leave();
    expect([written, raw]).toEqual([[], []]);
    screen.enter();
    screen.enter();
    screen.leave();
    screen.leave();
    screen.draw(['x']);
    screen.forget();
    expect(raw).toEqual([true, false]);
    expect(written).toEqual(['\x1b[?1049h\x1b[?25l\x1b[2J', '\x1b[?25h\x1b[?1049l']);
    screen.enter();
    expect(raw).toEqual([true, false, true]);
  });

  it('takes what a terminal sends apart into keys', () => {
    expect(keysIn('s\x1b[A\x1b[6~\x1bOFq\x03')).toEqual(['s', '\x1b[A', '\x1b[6~', '\x1bOF', 'q', '\x03']);
    expect(keysIn('')).toEqual([]);
    expect(keysIn('\x1b')).toEqual(['\x1b']);
  });
});
