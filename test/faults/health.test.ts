// A worker that fails among two that do not: who is asked in which order, how often, what clients
// see, and what the log says.

import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { PASSIVE_DEFAULTS, RETRY_DEFAULTS } from '../../src/config/defaults.ts';
import type { PoolSettings } from '../../src/config/settings.ts';
import { endRecord, type Handler } from '../peers/fastcgi-server.ts';
import { ask } from '../support/clients/http-client.ts';
import { eventually } from '../support/eventually.ts';
import { type Proxy as RunningProxy, startProxy, withPool } from '../support/program/proxy.ts';
import { answer, answering, fakeWorker, holding, rawWorker } from '../support/servers/fake-worker.ts';
import { httpUpstream } from '../support/servers/http-server.ts';
import { deadSocket, fullSocket } from '../support/servers/sockets.ts';
import { tempDir } from '../support/temp-dir.ts';

/** Who was given a request, in order: `x` is the one that fails, `1` and `2` are well. */
type Journal = string[];

/**
 * Starts the one that fails at `path`, or where it says, and has it write itself down whenever it
 * gets something.
 */
type StartBad = (path: string, journal: Journal) => Promise<string | undefined>;

const script =
  (handler: Handler): StartBad =>
  async (path, journal) => {
    await fakeWorker(
      (reply) => {
        journal.push('x');
        return handler(reply);
      },
      { path, single: false },
    );
    return undefined;
  };

const refuses: StartBad = async (path) => {
  await deadSocket(path);
  return undefined;
};
const isMissing: StartBad = async () => undefined;
const isFull: StartBad = async (path) => {
  await fullSocket(path);
  return undefined;
};
const resets: StartBad = async (_, journal) => {
  const { address } = await rawWorker((socket) => {
    journal.push('x');
    socket.once('data', () => socket.resetAndDestroy());
    socket.resume();
  }, 'tcp');
  return address;
};
const hangs = script(() => undefined);
const isSlow = script((reply) => {
  setTimeout(() => answering('slow')(reply), 60);
});
const sendsHalfAHead = script((reply) => {
  reply.stdout('Content-Type: text/pl');
  reply.socket.end();
});
const sendsGarbage = script((reply) => reply.raw(Buffer.from('HTTP/1.1 200 OK\r\n\r\n')));
const saysOverloaded = script((reply) => reply.raw(endRecord(0, 2, reply.request.id)));
const answers503 = script((reply) => {
  reply.stdout('Status: 503 Sorry\r\nContent-Type: text/plain\r\n\r\nsorry');
  reply.end();
});

interface Row {
  readonly what: string;
  readonly bad: StartBad;
  readonly method?: 'GET' | 'POST';
  readonly words?: readonly string[];
  readonly pool?: Partial<PoolSettings>;
  /** Everybody who was given a request, in order. */
  readonly asked: string;
  /** For each request: who gave the final answer. */
  readonly answered: string;
  readonly statuses?: readonly number[];
  readonly attempts?: readonly number[];
  /** Changes of state in the log, without the reason's random number. */
  readonly changes?: readonly string[];
}

const REQUESTS = 9;
const all = (value: number): readonly number[] => Array.from({ length: REQUESTS }, () => value);
const PASSIVE = { ...PASSIVE_DEFAULTS, failTimeout: 60_000 };
const COUNTING_5XX = { ...PASSIVE, on: new Set([...PASSIVE.on, 'http_5xx' as const]) };
const ASKING_503_AGAIN = { ...RETRY_DEFAULTS, statuses: new Set([503]) };

/** One slot each, asked in turn: `x12x12...` is the order when nothing fails. */
const IN_TURN = 'x12x12x12';
/** Nobody loses anything by one that cannot be connected to. */
const PASSED_OVER = { asked: '121212121', answered: '121212121' };
/** Three GETs go on to another one; then it is out. */
const OUT_AFTER_THREE = { asked: 'x12x12x12121', answered: '121212121', attempts: [2, 1, 2, 1, 2, 1, 1, 1, 1] };
/** Three POSTs end there; then it is out. */
const THREE_POSTS_FAIL = {
  method: 'POST',
  asked: IN_TURN,
  answered: IN_TURN,
  statuses: [502, 200, 200, 502, 200, 200, 502, 200, 200],
} as const;
const refusedThrice = ['x down: 3 requests failed within 60000 ms (refused); a trial request may go there'];
const outFor = (failure: string): readonly string[] => [
  `x down: 3 requests failed within 60000 ms (${failure}); out for a while`,
];

const ROWS: readonly Row[] = [
  { what: 'refuses is passed over', bad: refuses, ...PASSED_OVER, changes: refusedThrice },
  { what: 'refuses is passed over', method: 'POST', bad: refuses, ...PASSED_OVER, changes: refusedThrice },
  { what: 'has no socket file is passed over', method: 'POST', bad: isMissing, ...PASSED_OVER, changes: refusedThrice },
  { what: 'has a full backlog is passed over and stays up', method: 'POST', bad: isFull, ...PASSED_OVER },
  { what: 'resets is out after three', bad: resets, ...OUT_AFTER_THREE, changes: outFor('closed') },
  { what: 'resets is out after three', bad: resets, ...THREE_POSTS_FAIL, changes: outFor('closed') },
  {
    what: 'hangs is down as soon as its one slot is held past the read timeout',
    bad: hangs,
    words: ['--read-timeout', '80ms'],
    asked: 'x121212121',
    answered: '121212121',
    attempts: [2, 1, 1, 1, 1, 1, 1, 1, 1],
    changes: ['x down: its request has run past the read timeout of 80 ms and still holds the slot'],
  },
  {
    what: 'hangs is out after three, although it holds on to what it was given',
    bad: hangs,
    words: ['--read-timeout', '80ms', '--max-conns', '5'],
    ...OUT_AFTER_THREE,
    changes: outFor('timeout'),
  },
  { what: 'is slow stays up', bad: isSlow, asked: IN_TURN, answered: IN_TURN },
  { what: 'sends half a head is out after three', bad: sendsHalfAHead, ...OUT_AFTER_THREE, changes: outFor('closed') },
  { what: 'sends half a head is out after three', bad: sendsHalfAHead, ...THREE_POSTS_FAIL, changes: outFor('closed') },
  { what: 'sends garbage is out after three', bad: sendsGarbage, ...OUT_AFTER_THREE, changes: outFor('invalid_header') },
  { what: 'sends garbage is out after three', bad: sendsGarbage, ...THREE_POSTS_FAIL, changes: outFor('invalid_header') },
  { what: 'says OVERLOADED is asked in turn and stays up', bad: saysOverloaded, asked: 'x12x12x12x12x1', answered: '121212121' },
  {
    what: 'says OVERLOADED is asked in turn and stays up',
    method: 'POST',
    bad: saysOverloaded,
    asked: 'x12x12x12x12x1',
    answered: '121212121',
  },
  {
    what: 'answers 503 stays up: that is the application',
    bad: answers503,
    asked: IN_TURN,
    answered: IN_TURN,
    statuses: [503, 200, 200, 503, 200, 200, 503, 200, 200],
  },
  {
    what: 'answers 503 is out after three, if those count',
    bad: answers503,
    pool: { passive: COUNTING_5XX },
    asked: IN_TURN,
    answered: IN_TURN,
    statuses: [503, 200, 200, 503, 200, 200, 503, 200, 200],
    changes: outFor('http_5xx'),
  },
  {
    what: 'answers 503 is out after three, if those count, and clients need not know of it',
    bad: answers503,
    pool: { passive: COUNTING_5XX, retry: ASKING_503_AGAIN },
    ...OUT_AFTER_THREE,
    changes: outFor('http_5xx'),
  },
  {
    what: 'resets is asked in turn without passive health',
    bad: resets,
    pool: { passive: undefined },
    asked: 'x12x12x12x12x1',
    answered: '121212121',
    attempts: [2, 1, 2, 1, 2, 1, 2, 1, 2],
  },
];

/**
 * Waits until no upstream is being left alone for its last failure, and none has anything left to
 * do that would end by itself.
 */
async function settled({ program }: RunningProxy, lasting: number): Promise<void> {
  await eventually(() => {
    for (const upstream of program.pool.upstreams) {
      expect(upstream.paused).toBe(false);
      expect(upstream.inFlight).toBeLessThanOrEqual(lasting);
    }
  });
}

describe('among workers that are well one that', () => {
  for (const row of ROWS) {
    const { what, method = 'GET', bad, words = [], pool = {}, statuses = all(200), attempts = all(1), changes = [] } = row;
    it(`${what} (${method})`, async () => {
      const dir = tempDir();
      const journal: Journal = [];
      const good =
        (name: string): Handler =>
        (reply) => {
          journal.push(name);
          return answering(name)(reply);
        };
      const at = { x: join(dir, 'x.sock'), 1: join(dir, '1.sock'), 2: join(dir, '2.sock') };
      const address = (await bad(at.x, journal)) ?? at.x;
      await fakeWorker(good('1'), { path: at[1] });
      await fakeWorker(good('2'), { path: at[2] });
      const names = new Map<unknown, string>([
        [address, 'x'],
        [at[1], '1'],
        [at[2], '2'],
      ]);
      const slots = words.includes('--max-conns') ? [] : ['--max-conns', '1'];
      const proxy = await startProxy(
        ['--upstream', address, at[1], at[2], '--balance', 'round-robin', ...slots, ...words],
        withPool({ passive: PASSIVE, ...pool }),
      );
      const got: number[] = [];
      for (let i = 0; i < REQUESTS; i += 1) {
        await settled(proxy, bad === hangs ? 5 : 0);
        got.push((await ask(proxy.path, method === 'POST' ? { method, body: 'once' } : {})).status);
      }
      await proxy.accessLine(REQUESTS);
      const logged = proxy.log.flatMap(({ fields: { upstream, state, reason } }) =>
        state === undefined
          ? []
          : [`${names.get(upstream)} ${String(state)}: ${String(reason).replace(/out for \d+ ms/, 'out for a while')}`],
      );
      expect({
        asked: journal.join(''),
        answered: proxy.access.map(({ upstream }) => names.get(upstream)).join(''),
        statuses: got,
        attempts: proxy.access.map((entry) => entry.attempts),
        changes: logged,
      }).toEqual({ asked: row.asked, answered: row.answered, statuses, attempts, changes });
    });
  }
});

describe('an upstream that was out', () => {
  it('gets one trial request while others go elsewhere, and what comes once that was answered', async () => {
    const dir = tempDir();
    const { handler, next } = holding();
    let dies = true;
    const x = await fakeWorker((reply) => (dies ? void reply.socket.destroy() : handler(reply)), {
      path: join(dir, 'x.sock'),
      single: false,
    });
    const well = await fakeWorker(answering('well'), { path: join(dir, '1.sock'), single: false });
    const proxy = await startProxy(
      ['--upstream', x.path, well.path, '--balance', 'first', '--max-conns', '4'],
      withPool({ passive: { ...PASSIVE_DEFAULTS, failTimeout: 500 } }),
    );
    for (let i = 0; i < 3; i += 1) {
      await settled(proxy, 0);
      await ask(proxy.path);
    }
    await proxy.logLine(({ fields }) => fields['state'] === 'down' && fields['upstream'] === x.path);
    dies = false;
    const [upstream] = proxy.program.pool.upstreams;
    await eventually(() => expect(upstream?.available).toBe(true));
    const trial = ask(proxy.path);
    const reply = await next();
    const others = await Promise.all([ask(proxy.path), ask(proxy.path), ask(proxy.path)]);
    expect(others.map(({ body }) => body.toString())).toEqual(['well', 'well', 'well']);
    answer(reply, 'back');
    expect((await trial).body.toString()).toBe('back');
    await proxy.logLine(({ fields }) => fields['state'] === 'up' && fields['reason'] === 'a trial request was answered');
    const two = [ask(proxy.path), ask(proxy.path)];
    for (const each of [await next(), await next()]) answer(each, 'both');
    expect((await Promise.all(two)).map(({ body }) => body.toString())).toEqual(['both', 'both']);
  });

  it('gets its trial although a request that nobody waits for any more still occupies one of its slots', async () => {
    const dir = tempDir();
    let hang = true;
    const x = await fakeWorker((reply) => (hang ? undefined : answering('back')(reply)), {
      path: join(dir, 'x.sock'),
      single: false,
    });
    const well = await fakeWorker(answering('well'), { path: join(dir, '1.sock'), single: false });
    const proxy = await startProxy(
      ['--upstream', x.path, well.path, '--balance', 'first', '--max-conns', '4', '--read-timeout', '60ms'],
      withPool({ passive: { ...PASSIVE_DEFAULTS, failTimeout: 500 } }),
    );
    for (let i = 0; i < 3; i += 1) await ask(proxy.path);
    await proxy.logLine(({ fields }) => fields['state'] === 'down');
    hang = false;
    const [upstream] = proxy.program.pool.upstreams;
    expect(upstream?.inFlight).toBe(3);
    await eventually(() => expect(upstream?.available).toBe(true));
    expect((await ask(proxy.path)).body.toString()).toBe('back');
    await proxy.logLine(({ fields }) => fields['state'] === 'up');
  });
});

describe('the last upstream that serves', () => {
  it('comes back from its ejection when the other one dies: it may be better than nothing', async () => {
    const dir = tempDir();
    let dies = true;
    const x = await fakeWorker((reply) => (dies ? void reply.socket.destroy() : answering('after all')(reply)), {
      path: join(dir, 'x.sock'),
    });
    const well = await fakeWorker(answering('well'), { path: join(dir, '1.sock') });
    const proxy = await startProxy(
      ['--upstream', x.path, well.path, '--balance', 'first', '--max-conns', '1'],
      withPool({ passive: PASSIVE }),
    );
    for (let i = 0; i < 3; i += 1) {
      await settled(proxy, 0);
      await ask(proxy.path);
    }
    await proxy.logLine(({ fields }) => fields['state'] === 'down' && fields['upstream'] === x.path);
    dies = false;
    await well.close();
    expect((await ask(proxy.path, { method: 'POST', body: 'x' })).body.toString()).toBe('after all');
    await proxy.logLine(({ fields }) => fields['upstream'] === x.path && fields['reason'] === 'no other upstream serves');
  });
});

describe('an upstream that begins to answer', () => {
  it('is no longer starting but busy, although its answer may last', async () => {
    const { handler, next } = holding();
    const { path } = await fakeWorker(handler, { single: false });
    const proxy = await startProxy(['--upstream', path, '--max-conns', '2']);
    const [upstream] = proxy.program.pool.upstreams;
    const response = ask(proxy.path);
    const reply = await next();
    expect(upstream?.activity.is).toBe('starting');
    reply.stdout('Content-Type: text/plain\r\n\r\nfirst');
    await eventually(() => expect(upstream?.activity.is).toBe('busy'));
    reply.end();
    await response;
    await eventually(() => expect(upstream?.activity.is).toBe('idle'));
  });
});

describe('a pool that stops', () => {
  it('has no news of upstreams that it will not use any more', async () => {
    const dir = tempDir();
    await fakeWorker(answering('well'), { path: join(dir, '1.sock') });
    const x = await fakeWorker((reply) => void reply.socket.destroy(), { path: join(dir, 'x.sock') });
    const proxy = await startProxy(
      ['--upstream', join(dir, '1.sock'), x.path, '--balance', 'round-robin', '--max-conns', '1'],
      withPool({ passive: PASSIVE }),
    );
    for (let i = 0; i < 6; i += 1) {
      await settled(proxy, 0);
      await ask(proxy.path);
    }
    await proxy.logLine(({ fields }) => fields['state'] === 'down');
    await proxy.stop();
    expect(proxy.log.filter(({ fields }) => fields['state'] === 'up')).toEqual([]);
  });
});

describe('an HTTP upstream that hangs', () => {
  it('is out after three, although it holds on to what it was given', async () => {
    // It does not even notice that the front end has given up.
    const server = await rawWorker((socket) => void socket.resume(), 'tcp');
    const well = await httpUpstream((_, response) => void response.end('well'));
    const proxy = await startProxy(
      [
        '--upstream',
        `http://${server.address}`,
        well.address,
        '--balance',
        'first',
        '--max-conns',
        '5',
        '--read-timeout',
        '80ms',
      ],
      withPool({ passive: PASSIVE }),
    );
    for (let i = 0; i < 4; i += 1) expect((await ask(proxy.path)).body.toString()).toBe('well');
    await proxy.logLine(({ fields }) => fields['state'] === 'down' && String(fields['reason']).includes('(timeout)'));
    const [hanging] = proxy.program.pool.upstreams;
    expect([hanging?.inFlight, hanging?.state.is]).toEqual([3, 'down']);
    expect(proxy.access.map(({ attempts }) => attempts)).toEqual([2, 2, 2, 1]);
  });
});
