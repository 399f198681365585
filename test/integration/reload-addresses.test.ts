// Addresses that exclude each other: what cannot be exchanged without refusing clients is refused
// itself, and says how it is done.

import { describe, expect, it } from 'vitest';
import { parseAddress } from '../../src/core/address.ts';
import { ask } from '../support/clients/http-client.ts';
import { startProxy } from '../support/program/proxy.ts';
import { answering, fakeWorker } from '../support/servers/fake-worker.ts';

async function listening(host: string) {
  const worker = await fakeWorker(answering('fine'));
  const proxy = await startProxy(['--upstream', worker.path, '--listen', `${host}:0`]);
  const { settings } = proxy.program;
  const at = (...hosts: readonly string[]) => hosts.map((each) => parseAddress(`${each}:${proxy.port}`));
  const reload = (...hosts: readonly string[]): Promise<void> => proxy.takeUp({ ...settings, listen: at(...hosts) });
  return { ...proxy, settings, at, reload };
}

describe('an address in the place of one that overlaps it', () => {
  it.each([
    ['127.0.0.1', '0.0.0.0'],
    ['0.0.0.0', '127.0.0.1'],
  ])('is refused with the way to do it, and nothing changes: %s to %s', async (from, to) => {
    const { port, program, reload } = await listening(from);
    await expect(reload(to)).rejects.toThrow(
      `cannot listen on ${to}:${port}: this program listens on ${from}:${port} itself, and one excludes the other; ` +
        `to change from one to the other takes two reloads, the first without ${from}:${port}, the second with ${to}:${port}; ` +
        'whoever connects in between is refused',
    );
    expect(program.generation).toBe(1);
    expect((await ask({ port })).status).toBe(200);
  });

  it('takes two reloads', async () => {
    const { port, path, settings, takeUp, reload } = await listening('127.0.0.1');
    await takeUp({ ...settings, listen: [parseAddress(path)] });
    await reload('0.0.0.0');
    expect((await ask({ port })).status).toBe(200);
  });

  it('is not needed for one address more of the same port', async () => {
    const { port, program, settings, takeUp, at } = await listening('127.0.0.1');
    const [present] = settings.listen;
    if (present === undefined) throw new Error('no address');
    await takeUp({ ...settings, listen: [present, ...at('127.0.0.2')] });
    expect((await ask({ port })).status).toBe(200);
    expect(program.listeners().map(({ text }) => text)).toEqual([`127.0.0.1:${port}`, `127.0.0.2:${port}`]);
  });
});

describe('an address that moves between clients and the operator', () => {
  it('is refused with the way to do it', async () => {
    const { port, settings, takeUp, path } = await listening('127.0.0.1');
    const moved = { kind: 'addresses', addresses: [parseAddress(`127.0.0.1:${port}`)] } as const;
    await expect(takeUp({ ...settings, listen: [parseAddress(path)], admin: moved })).rejects.toThrow(
      `cannot listen on 127.0.0.1:${port}: this program listens there itself; to change from one to the other takes two reloads`,
    );
    expect((await ask({ port })).status).toBe(200);
  });
});

describe('an address that another program has', () => {
  it('is said to be in use by that', async () => {
    const [one, other] = [await listening('127.0.0.1'), await listening('127.0.0.1')];
    const taken = { ...one.settings, listen: [parseAddress(`127.0.0.1:${other.port}`)] };
    await expect(one.takeUp(taken)).rejects.toThrow(
      `cannot listen on 127.0.0.1:${other.port}: the address is in use by another program`,
    );
  });
});
