// Reloads and upgrades keep out of each other's way, and wait until there is something to change.

import { describe, expect, it } from 'vitest';
import { Changes, type ReloadResult } from '../../../src/app/changes.ts';
import { silentNotifier } from '../../../src/app/notifier.ts';
import type { UpgradeResult } from '../../../src/app/upgrade.ts';
import { silentLog } from '../../../src/core/log.ts';

const NOW = new Date(0);

function changes(result: UpgradeResult = { kind: 'ready', successor: 9 }) {
  const happened: string[] = [];
  let running = false;
  const note = (what: string) => () => void happened.push(what);
  const made = new Changes({
    program: {
      serving: 'serving',
      reload: async (by): Promise<ReloadResult> => {
        happened.push(`reload by ${by}`);
        return { kind: 'good', at: NOW, generation: 2 };
      },
    },
    upgrader: {
      get running() {
        return running;
      },
      upgrade: async (by) => {
        happened.push(`upgrade by ${by}`);
        return result;
      },
    },
    notifier: {
      ...silentNotifier,
      reloading: note('RELOADING'),
      ready: (status) => void happened.push(`READY ${status}`),
    },
    log: silentLog,
    now: () => NOW,
  });
  return {
    made,
    happened,
    upgradeRuns: () => {
      running = true;
    },
  };
}

describe('changes', () => {
  it('wait until the program has started, and an upgrade until reloads are over', async () => {
    const { made, happened } = changes();
    const asked = [made.reload('HUP'), made.upgrade('USR2')];
    await new Promise((resolve) => setImmediate(resolve));
    expect(happened).toEqual([]);
    made.begin();
    await Promise.all(asked);
    expect(happened).toEqual(['RELOADING', 'reload by HUP', 'READY serving', 'upgrade by USR2']);
  });

  it('do not reload while an upgrade runs, and the service manager hears of no reload then', async () => {
    const { made, happened, upgradeRuns } = changes();
    made.begin();
    upgradeRuns();
    expect(await made.reload('admin')).toEqual({
      kind: 'bad',
      at: NOW,
      problems: ['an upgrade is running, and the successor reads the configuration anew'],
    });
    expect(happened).toEqual([]);
  });

  it('tell of a success before whoever asked hears of it, and of nothing else', async () => {
    for (const [result, expected] of [
      [{ kind: 'ready', successor: 9 }, ['succeeded', 'answered']],
      [{ kind: 'failed', reason: 'x' }, ['answered']],
      [{ kind: 'refused', reason: 'x' }, ['answered']],
    ] as const) {
      const { made } = changes(result);
      made.begin();
      const order: string[] = [];
      void made.succeeded.then(() => void order.push('succeeded'));
      await made.upgrade('admin').then(() => void order.push('answered'));
      expect(order).toEqual(expected);
    }
  });
});
