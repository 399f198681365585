// Upstreams that share a worker: what one of them learns of its capacity the other knows, whether
// it listened or was away.

import { describe, expect, it } from 'vitest';
import { unixAddress } from '../../../src/core/address.ts';
import { silentLog } from '../../../src/core/log.ts';
import { Occupancy } from '../../../src/upstream/slots/occupancy.ts';
import { Upstream } from '../../../src/upstream/upstream.ts';
import { FakeClock } from '../../support/fake-clock.ts';

function sharing(occupancy: Occupancy): Upstream {
  const timeouts = { connect: 1000, send: 1000, read: 1000, linger: 1000 };
  const kept = { timeouts, keepAlive: undefined, handOver: true };
  const settings = { ...kept, weight: 1, order: 1, maxConns: 'auto' as const, disabled: false };
  const nothing = (): void => undefined;
  const health = { changed: nothing, observed: nothing };
  const told = { alone: () => false, pool: { changed: nothing }, health, stateChanged: nothing };
  return new Upstream(
    unixAddress('/nonexistent/w.sock'),
    settings,
    { ...told, clock: new FakeClock(), log: silentLog },
    occupancy,
  );
}

describe('an upstream that shares its worker', () => {
  it('knows at once what another has learnt', () => {
    const occupancy = new Occupancy();
    const [one, other] = [sharing(occupancy), sharing(occupancy)];
    expect([one.capacity, other.capacity]).toEqual([undefined, undefined]);
    occupancy.learnt = 5;
    one.told();
    expect([one.capacity, sharing(occupancy).capacity]).toEqual([5, 5]);
  });

  it('knows it when it comes back, if it was away at the time', () => {
    const occupancy = new Occupancy();
    const [, away] = [sharing(occupancy), sharing(occupancy)];
    away.takesPart(false);
    occupancy.learnt = 5;
    expect(away.capacity).toBeUndefined();
    away.takesPart(true);
    expect(away.capacity).toBe(5);
  });
});
