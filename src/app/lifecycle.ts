// The life of one process: from what it was started with, by start, takeover, reloads and upgrades,
// to its end.

import type { Settings } from '../config/settings.ts';
import { systemClock } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import { InheritedSockets } from './inherited.ts';
import { openLogs } from './logging.ts';
import { takeOpenAlerts } from './open-alerts.ts';
import { Program } from './program.ts';
import { takeNotifier } from './systemd-notifier.ts';
import { takeSystemdSockets } from './systemd-sockets.ts';
import { type Takeover, takeTakeover } from './takeover.ts';
import { ownCommand } from './upgrade.ts';

export interface LifecycleSignals {
  /** Acts on each of these signals as it comes, and on those that have come before. */
  actBy(actions: Readonly<Record<'SIGHUP' | 'SIGUSR1' | 'SIGUSR2', () => void>>): void;
  /**
   * Resolves at the first signal to stop, with a function that takes what the second one is to do.
   */
  untilStopped(): Promise<(onSecond: () => void) => void>;
}

/** `cut off`: a second signal ended it before it was done. */
export type LifecycleEnd = 'finished' | 'cut off';

/**
 * Runs the program until a signal ends it, or another process has taken over.
 * @param load reads the settings as they are now; called again for each reload
 * @throws whatever keeps the program from starting
 */
export async function live(load: () => Settings, version: string, signals: LifecycleSignals): Promise<LifecycleEnd> {
  const settings = load();
  const clock = systemClock;
  const logs = openLogs(settings, clock);
  const { log } = logs;
  const { env, pid } = process;
  // All that is meant for this process alone leaves the environment before anything is started.
  const takeover = takeTakeover(env, process);
  const systemd = takeSystemdSockets(env, pid);
  const notifier = takeNotifier(env, pid, clock, log);
  const openAlerts = takeOpenAlerts(env);
  const inherited = new InheritedSockets(takeover?.sockets ?? systemd.sockets, systemd.absent);
  const { handoverState } = takeover ?? {};
  const deps = { version, clock, logs, load, notifier, command: ownCommand(), inherited, handoverState };
  const program = new Program(settings, deps);
  const { changes } = program;
  const stopped = signals.untilStopped();
  signals.actBy({
    SIGHUP: () => void changes.reload('signal HUP'),
    SIGUSR1: () => logs.reopen(),
    SIGUSR2: () => void changes.upgrade('signal USR2'),
  });
  try {
    await program.start();
  } catch (error) {
    // Clients of the old process may have come to this one already.
    if (takeover !== undefined) await program.stop();
    else program.destroy();
    await logs.flush();
    throw error;
  }
  void serveAlone(takeover, inherited, log).then(() => {
    program.watch(openAlerts);
    if (takeover !== undefined) log.info({ pid }, 'took over from the predecessor');
    notifier.ready(program.serving);
    changes.begin();
  });
  const ending = await Promise.race([stopped, changes.succeeded.then(() => 'succeeded' as const)]);
  let how: LifecycleEnd = 'finished';
  let cutOff = (): void => undefined;
  const cut = new Promise<void>((resolve) => {
    cutOff = resolve;
  });
  const endNow = (): void => {
    log.warn({}, 'second signal: ending at once');
    program.destroy();
    how = 'cut off';
    cutOff();
  };
  if (ending === 'succeeded') {
    void stopped.then((onSecond) => onSecond(endNow));
    // From now on only the new process notifies systemd.
    await Promise.race([Promise.all([program.retire(), notifier.end()]), cut]);
  } else {
    ending(endNow);
    notifier.stopping('finishing what runs');
    await Promise.race([program.stop().then(() => notifier.end()), cut]);
  }
  await logs.flush();
  return how;
}

/** Resolves when this process is the one that serves. */
async function serveAlone(takeover: Takeover | undefined, inherited: InheritedSockets, log: Log): Promise<void> {
  await takeover?.ready();
  const closed = inherited.takeOver();
  if (closed.length > 0) log.info({ closed }, 'closed what the predecessor listened on and the configuration no longer names');
  const unused = inherited.left.map(({ text }) => text);
  if (unused.length > 0)
    log.warn({ unused }, 'no --listen or --admin takes these sockets of systemd: clients wait there in vain');
}
