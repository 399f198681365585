// When signs of life are sent: by the event loop's own timer, one at a time, and only where systemd
// asks for them.

import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { takeNotifier } from '../../../src/app/systemd-notifier.ts';
import { silentLog } from '../../../src/core/log.ts';
import { eventually } from '../../support/eventually.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { tempDir } from '../../support/temp-dir.ts';

/**
 * A notifier whose systemd-notify writes down what it is told, and waits while a file named `hold`
 * is there.
 */
function recorded(variables: Readonly<Record<string, string>> = {}) {
  const directory = tempDir();
  const log = join(directory, 'log');
  const hold = join(directory, 'hold');
  const script = `#!/bin/sh\nwhile [ -e ${hold} ]; do sleep 0.01; done\necho "$NOTIFY_SOCKET" "$@" >> ${log}\n`;
  writeFileSync(join(directory, 'systemd-notify'), script, { mode: 0o755 });
  const clock = new FakeClock();
  const environment: NodeJS.ProcessEnv = { PATH: `${directory}:${process.env['PATH']}`, NOTIFY_SOCKET: '/n', ...variables };
  const notifier = takeNotifier(environment, 7, clock, silentLog);
  return {
    notifier,
    clock,
    hold,
    environment,
    said: () => (existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : []),
  };
}

describe('the notifier', () => {
  it('sends a sign of life each time half of the interval is over, from the start on and until the end', async () => {
    const { notifier, clock, said } = recorded({ WATCHDOG_USEC: '30000000' });
    clock.advance(60_000);
    notifier.ready('up');
    clock.advance(14_999);
    await eventually(() => expect(said()).toEqual(['/n READY=1 STATUS=up']));
    for (const expected of [1, 2, 3]) {
      clock.advance(expected === 1 ? 1 : 15_000);
      await eventually(() => expect(said().filter((line) => line === '/n WATCHDOG=1')).toHaveLength(expected));
      // The next is allowed when this one has been sent.
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await notifier.end();
    expect(clock.pending).toBe(0);
  });

  it('sends one sign of life for an event loop that was blocked, and none while one is on its way', async () => {
    const { notifier, clock, said, hold } = recorded({ WATCHDOG_USEC: '30000000' });
    notifier.ready('up');
    await eventually(() => expect(said()).toHaveLength(1));
    writeFileSync(hold, '');
    clock.stall(100_000);
    for (let i = 0; i < 5; i += 1) clock.advance(15_000);
    rmSync(hold);
    await notifier.end();
    expect(said()).toEqual(['/n READY=1 STATUS=up', '/n WATCHDOG=1']);
  });

  it.each([[{}], [{ WATCHDOG_USEC: '30000000', WATCHDOG_PID: '8' }], [{ WATCHDOG_USEC: '0' }], [{ WATCHDOG_USEC: 'soon' }]])(
    'sends none with %j',
    async (variables) => {
      const { notifier, clock, environment } = recorded(variables);
      notifier.ready('up');
      expect(clock.pending).toBe(0);
      expect(Object.keys(environment)).toEqual(['PATH']);
      await notifier.end();
    },
  );

  it('keeps the order of what it is told, one message a time, each in one line', async () => {
    const { notifier, said } = recorded();
    notifier.ready('up');
    notifier.status('two\nlines');
    expect(await notifier.mainPid(12)).toBe(true);
    notifier.stopping('down');
    await notifier.end();
    notifier.status('too late');
    expect(said()).toEqual(['/n READY=1 STATUS=up', '/n STATUS=two lines', '/n MAINPID=12', '/n STOPPING=1 STATUS=down']);
  });

  it('gives a successor the variables, without the pid that was meant', () => {
    const { notifier, environment } = recorded({ WATCHDOG_USEC: '30000000', WATCHDOG_PID: '7' });
    expect(notifier.environment).toEqual({ NOTIFY_SOCKET: '/n', WATCHDOG_USEC: '30000000' });
    expect(Object.keys(environment)).toEqual(['PATH']);
  });
});
