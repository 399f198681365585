// Roster: a pool that is called back while it retires is the one that serves afterwards.

import { describe, expect, it } from 'vitest';
import { registry } from '../../src/app/registry.ts';
import { readCommandLine } from '../../src/cli/options/read.ts';
import { settingsFrom } from '../../src/cli/settings.ts';
import type { PoolSettings } from '../../src/config/settings.ts';
import { systemClock } from '../../src/core/clock.ts';
import { Events } from '../../src/core/events.ts';
import type { ManagedPool } from '../../src/roster/managed-pool.ts';
import { Roster } from '../../src/roster/roster.ts';
import { Occupancies } from '../../src/upstream/slots/occupancy.ts';

const QUIET = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

function poolNamed(name: string): PoolSettings {
  const [pool] = settingsFrom(readCommandLine(['--upstream', '/nowhere/rt1.sock', '--max-conns', '1']).options, false).pools;
  if (pool === undefined) throw new Error('no pool');
  return { ...pool, name };
}

async function retiring() {
  const roster = new Roster(
    { clock: systemClock, log: QUIET, events: new Events(), registry, occupancies: new Occupancies() },
    { secret: 'a secret', pools: {} },
  );
  (await roster.prepare([poolNamed('a')])).commit();
  const living = roster.pools.get('a');
  if (living === undefined) throw new Error('no pool');
  // A request is on its way to it.
  living.pool.enter();
  (await roster.prepare([poolNamed('b')])).commit();
  expect([...roster.retiring]).toEqual([living]);
  return { roster, living };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Whether the pool still gives upstreams to requests. */
function serves({ pool }: ManagedPool): boolean {
  let served = false;
  pool.acquire({
    tried: new Set(),
    key: '',
    granted: (lease) => {
      served = true;
      lease.release();
    },
    refused: () => undefined,
  });
  return served;
}

describe('a pool whose last request ends while it is being called back', () => {
  it('serves on after the commit', async () => {
    const { roster, living } = await retiring();
    const change = await roster.prepare([poolNamed('a')]);
    living.pool.leave();
    await turn();
    change.commit();
    await turn();
    expect(roster.pools.get('a')).toBe(living);
    expect(serves(living)).toBe(true);
    expect([...roster.retiring]).toEqual([]);
    roster.destroy();
  });

  it('ends when the reload is rolled back', async () => {
    const { roster, living } = await retiring();
    const change = await roster.prepare([poolNamed('a')]);
    living.pool.leave();
    await turn();
    change.rollback();
    await turn();
    expect([...roster.retiring]).toEqual([]);
    expect(serves(living)).toBe(false);
    roster.destroy();
  });
});
