// The order of upstreams and what is said of them follow from the configuration that holds, not
// from what came first.

import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ask } from '../support/clients/http-client.ts';
import { eventually } from '../support/eventually.ts';
import { poolsFile, reloadable } from '../support/program/reloadable.ts';
import { answer, answering, fakeWorker, holding } from '../support/servers/fake-worker.ts';
import { tempDir } from '../support/temp-dir.ts';

const first = (upstreams: readonly string[]): string =>
  poolsFile({ rt: `{ upstreams: [${upstreams.join(', ')}], max_conns: 1, balance: first }` });

/** Workers of these names in one directory, each answering with its name. */
async function workers(names: readonly string[]): Promise<string> {
  const directory = tempDir();
  for (const name of names) await fakeWorker(answering(name), { path: join(directory, `${name}.sock`) });
  return directory;
}

describe('balance: first', () => {
  it('goes by the order of the new configuration after a reload', async () => {
    const directory = await workers(['a', 'b', 'c']);
    const [a, b, c] = ['a', 'b', 'c'].map((name) => join(directory, `${name}.sock`));
    const { proxy, reload } = await reloadable(first([`${a}`, `${b}`, `${c}`]));
    const asked = async (): Promise<string> => (await ask(proxy.path)).body.toString();
    expect(await asked()).toBe('a');
    await reload(first([`${c}`, `${a}`, `${b}`]));
    expect(await asked()).toBe('c');
    await reload(first([`${b}`, `${a}`]));
    expect(await asked()).toBe('b');
    await reload(first([`${a}`, `${b}`, `${c}`]));
    expect(await asked()).toBe('a');
  });

  it('goes by the order of the lines though a glob takes longer to find its sockets, and counts within a glob', async () => {
    const directory = await workers(['rt10', 'rt2', 'z']);
    const glob = `"${directory}/rt*.sock"`;
    const z = join(directory, 'z.sock');
    const { proxy, reload } = await reloadable(first([glob, z]));
    const asked = async (): Promise<string> => (await ask(proxy.path)).body.toString();
    expect(await asked()).toBe('rt2');
    await reload(first([z, glob]));
    expect(await asked()).toBe('z');
    await reload(first([glob, z]));
    expect(await asked()).toBe('rt2');
  });

  it('gives one that joins later its place in the order', async () => {
    const directory = await workers(['rt3', 'rt5']);
    const { proxy, upstream } = await reloadable(first([`"${directory}/rt*.sock"`]));
    expect((await ask(proxy.path)).body.toString()).toBe('rt3');
    for (const name of ['rt4', 'rt1']) {
      const path = join(directory, `${name}.sock`);
      await fakeWorker(answering(name), { path });
      await eventually(() => expect(upstream(path).name).toBe(path));
    }
    expect((await ask(proxy.path)).body.toString()).toBe('rt1');
  });

  it('gives one that comes back while it is busy its new place, too', async () => {
    const { handler, next } = holding();
    const directory = await workers(['b']);
    const [a, b] = [join(directory, 'a.sock'), join(directory, 'b.sock')];
    await fakeWorker(handler, { path: a });
    const { proxy, reload } = await reloadable(first([a, b]));
    const held = ask(proxy.path);
    const reply = await next();
    await reload(first([b]));
    await reload(first([b, a]));
    answer(reply, 'held');
    expect((await held).body.toString()).toBe('held');
    expect((await ask(proxy.path)).body.toString()).toBe('b');
  });
});

describe('an address that a glob finds and that is written out', () => {
  it('has the options that are written out, whichever line comes first and whichever was there before', async () => {
    const directory = await workers(['a']);
    const a = join(directory, 'a.sock');
    const [glob, written] = [`"${directory}/*.sock"`, `{ address: ${a}, weight: 7 }`];
    const file = (upstreams: readonly string[]): string => poolsFile({ rt: `{ upstreams: [${upstreams.join(', ')}] }` });
    const { reload, upstream } = await reloadable(file([glob]));
    expect(upstream(a).weight).toBe(1);
    await reload(file([glob, written]));
    expect(upstream(a).weight).toBe(7);
    await reload(file([glob]));
    expect(upstream(a).weight).toBe(1);
    await reload(file([written, glob]));
    expect(upstream(a).weight).toBe(7);
  });

  it('has the options of the first of two globs, whichever found it first', async () => {
    const directory = await workers(['a']);
    const a = join(directory, 'a.sock');
    const [wide, narrow] = [`{ address: "${directory}/*.sock", weight: 2 }`, `{ address: "${directory}/a*.sock", weight: 3 }`];
    const file = (upstreams: readonly string[]): string => poolsFile({ rt: `{ upstreams: [${upstreams.join(', ')}] }` });
    const { reload, upstream } = await reloadable(file([wide]));
    await reload(file([narrow, wide]));
    expect(upstream(a).weight).toBe(3);
    await reload(file([wide, narrow]));
    expect(upstream(a).weight).toBe(2);
  });
});
