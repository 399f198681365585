// enable, disable and weight through the operator's door: what they do at once, after a reload, and
// when a worker is started anew.

import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { OPERATOR_ACTIONS, type OperatorAction } from '../../src/roster/operator-action.ts';
import { ask } from '../support/clients/http-client.ts';
import { eventually } from '../support/eventually.ts';
import { poolsFile, reloadable } from '../support/program/reloadable.ts';
import { answer, answering, fakeWorker, holding } from '../support/servers/fake-worker.ts';
import { tempDir } from '../support/temp-dir.ts';

const WHO = { by: 'a test' };

async function two(options = '', more = '') {
  const [one, other] = [await fakeWorker(answering('one')), await fakeWorker(answering('two'))];
  const file = (said: string, rest = more): string =>
    poolsFile({
      rt: `{ upstreams: [{ address: ${one.path}${said} }, ${other.path}], max_conns: 1, balance: round-robin${rest} }`,
    });
  const program = await reloadable(file(options));
  const { operator } = program.proxy.program;
  const wish = (verb: OperatorAction) => operator.wish(verb, 'rt', one.path, WHO);
  const weigh = (weight: number) => operator.weigh(weight, 'rt', one.path, WHO);
  const texts = async (count: number): Promise<Readonly<Record<string, number>>> => {
    const found: Record<string, number> = {};
    for (let i = 0; i < count; i += 1) {
      const text = (await ask(program.proxy.path)).body.toString();
      found[text] = (found[text] ?? 0) + 1;
    }
    return found;
  };
  const state = () => program.upstreamStatus(one.path).state;
  return { ...program, one, other, file, wish, weigh, texts, state };
}

describe('disable', () => {
  it('keeps new requests away while what runs is finished, and enable takes that back', async () => {
    const { handler, next } = holding();
    const worker = await fakeWorker(handler);
    const { proxy, upstreamStatus } = await reloadable(poolsFile({ rt: `{ upstreams: [${worker.path}], max_conns: 1 }` }));
    const { operator } = proxy.program;
    const held = ask(proxy.path);
    const reply = await next();
    operator.wish('disable', 'rt', worker.path, WHO);
    const waiting = ask(proxy.path);
    await eventually(() => expect(proxy.program.pool.waiting).toBe(1));
    answer(reply, 'finished');
    expect((await held).body.toString()).toBe('finished');
    expect(upstreamStatus(worker.path)).toMatchObject({ state: { is: 'disabled', reason: 'disable by a test' }, in_flight: 0 });
    expect(proxy.program.pool.waiting).toBe(1);
    operator.wish('enable', 'rt', worker.path, WHO);
    answer(await next(), 'after');
    expect((await waiting).body.toString()).toBe('after');
    expect(upstreamStatus(worker.path).state.is).toBe('up');
  });

  it('outlasts a reload, until the configuration says something else of that upstream', async () => {
    const { reload, file, wish, texts, state } = await two();
    wish('disable');
    await reload(file('', ', queue: { size: 7 }'));
    await reload(file(', weight: 2'));
    expect(state()).toMatchObject({ is: 'disabled', reason: 'disable by a test' });
    expect(await texts(4)).toEqual({ two: 4 });
    await reload(file(', down: true'));
    expect(state().is).toBe('disabled');
    await reload(file(''));
    expect(state()).toMatchObject({ is: 'up' });
    expect(await texts(4)).toEqual({ one: 2, two: 2 });
  });

  it('is of the address: a worker that is started anew there gets nothing either, and a drain ends with its worker', async () => {
    const directory = tempDir();
    const path = join(directory, 'rt1.sock');
    await fakeWorker(answering('two'), { path: join(directory, 'rt2.sock') });
    const program = await reloadable(poolsFile({ rt: `{ upstreams: ["${directory}/rt*.sock"], max_conns: 1 }` }));
    const { proxy } = program;
    const { operator } = proxy.program;
    const restart = async (): Promise<void> => {
      rmSync(path, { force: true });
      await eventually(() => expect(proxy.program.pool.upstreams.size).toBe(1));
      await fakeWorker(answering('one'), { path });
      await eventually(() => expect(proxy.program.pool.upstreams.size).toBe(2));
    };
    await restart();
    operator.wish('drain', 'rt', path, WHO);
    await restart();
    expect(program.upstreamStatus(path).state.is).toBe('up');
    operator.wish('disable', 'rt', path, WHO);
    operator.weigh(3, 'rt', path, WHO);
    await restart();
    expect(program.upstreamStatus(path).state).toMatchObject({ is: 'disabled', reason: 'disable by a test' });
    expect(program.upstream(path).weight).toBe(3);
    operator.wish('undrain', 'rt', path, WHO);
    await restart();
    expect(program.upstreamStatus(path).state.is).toBe('up');
  });
});

describe('enable', () => {
  it('brings one that is down in the configuration into service, over reloads, and ends a drain', async () => {
    const { reload, file, wish, texts, state } = await two(', down: true');
    expect(await texts(4)).toEqual({ two: 4 });
    wish('enable');
    expect(state().is).toBe('up');
    await reload(file(', down: true', ', queue: { size: 7 }'));
    expect(await texts(4)).toEqual({ one: 2, two: 2 });
    wish('drain');
    expect(state().is).toBe('draining');
    wish('enable');
    expect(state().is).toBe('up');
    await reload(file(''));
    await reload(file(', down: true'));
    expect(state()).toMatchObject({ is: 'disabled', reason: 'down in the configuration' });
  });
});

describe('what is wished one after the other', () => {
  it.each([
    [['disable', 'drain'], 'draining'],
    [['drain', 'disable'], 'disabled'],
    [['disable', 'undrain'], 'up'],
    [['drain', 'enable'], 'up'],
    [['disable', 'enable', 'drain', 'undrain'], 'up'],
  ] as const)('%j ends in what the last word says: %s', async (verbs, expected) => {
    const { wish, state, reload, file } = await two();
    for (const verb of verbs) wish(verb);
    expect(state().is).toBe(expected);
    await reload(file('', ', queue: { size: 7 }'));
    expect(state().is).toBe(expected);
    expect(OPERATOR_ACTIONS).toContain(verbs[0]);
  });
});

describe('weight', () => {
  it('changes the shares at once, outlasts a reload, and ends when the configuration says something else of it', async () => {
    const { reload, file, weigh, texts, proxy, one } = await two(', weight: 1');
    expect(await texts(8)).toEqual({ one: 4, two: 4 });
    weigh(3);
    expect(await texts(8)).toEqual({ one: 6, two: 2 });
    await reload(file(', weight: 1', ', queue: { size: 7 }'));
    expect(await texts(8)).toEqual({ one: 6, two: 2 });
    await reload(file(', weight: 1, down: true'));
    await reload(file(', weight: 1'));
    expect(await texts(8)).toEqual({ one: 6, two: 2 });
    await reload(file(', weight: 7'));
    expect(await texts(16)).toEqual({ one: 14, two: 2 });
    await reload(file(', weight: 1'));
    expect(await texts(8)).toEqual({ one: 4, two: 4 });
    expect(proxy.log.find(({ message }) => message === 'weight')?.fields).toEqual({
      ...WHO,
      pool: 'rt',
      upstream: one.path,
      weight: 3,
    });
  });

  it.each(['round-robin', 'least-conn', 'random-two', 'least-time'])(
    'of much more, and back to 1, leaves nothing behind in the balancer %s',
    async (balance) => {
      const { proxy, one, weigh } = await two('', '').then(async (parts) => {
        await parts.reload(
          poolsFile({ rt: `{ upstreams: [${parts.one.path}, ${parts.other.path}], max_conns: 1, balance: ${balance} }` }),
        );
        return parts;
      });
      weigh(1000);
      for (let i = 0; i < 5; i += 1) await ask(proxy.path);
      weigh(1);
      const seen = new Set<string>();
      await eventually(async () => {
        seen.add((await ask(proxy.path)).body.toString());
        expect([...seen].sort()).toEqual(['one', 'two']);
      });
      expect([...proxy.program.pool.upstreams].find(({ name }) => name === one.path)?.weight).toBe(1);
    },
  );

  it('while requests wait gives nobody a second slot', async () => {
    const { handler, next } = holding();
    const worker = await fakeWorker(handler);
    const { proxy } = await reloadable(poolsFile({ rt: `{ upstreams: [${worker.path}], max_conns: 1 }` }));
    const asked = [ask(proxy.path), ask(proxy.path)];
    const reply = await next();
    await eventually(() => expect(proxy.program.pool.waiting).toBe(1));
    proxy.program.operator.weigh(9, 'rt', worker.path, WHO);
    expect([proxy.program.pool.waiting, [...proxy.program.pool.upstreams][0]?.inFlight]).toEqual([1, 1]);
    answer(reply, 'one');
    answer(await next(), 'two');
    expect((await Promise.all(asked)).map(({ status }) => status)).toEqual([200, 200]);
  });
});
