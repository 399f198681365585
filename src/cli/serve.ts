// `fcgi-lb serve`: runs the program until a signal ends it.

import { Changes } from '../app/changes.ts';
import { InheritedSockets } from '../app/inherited.ts';
import { openLogs } from '../app/logging.ts';
import { openAlertsVariable, takeOpenAlerts } from '../app/open-alerts.ts';
import { Program } from '../app/program.ts';
import { Reloader } from '../app/reloader.ts';
import { takeNotifier } from '../app/systemd-notifier.ts';
import { takeSystemdSockets } from '../app/systemd-sockets.ts';
import { type Takeover, takeTakeover } from '../app/takeover.ts';
import { ownCommand, type ProgramCommand, Upgrader } from '../app/upgrade.ts';
import type { Settings } from '../config/settings.ts';
import { systemClock } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import type { HeldSignals } from './held-signals.ts';

/**
 * @param load reads the settings, as they are now; called again for each reload
 * @param signals that came since the process began
 * @returns the exit code, once the program has ended
 */
export async function serve(load: () => Settings, version: string, signals: HeldSignals): Promise<number> {
  const settings = load();
  const logs = openLogs(settings, systemClock);
  const { log } = logs;
  const { env, pid } = process;
  // All that is meant for this process alone leaves the environment before anything is started.
  const succession = takeTakeover(env, process);
  const systemd = takeSystemdSockets(env, pid);
  const notifier = takeNotifier(env, pid, systemClock, log);
  const openAlerts = takeOpenAlerts(env);
  const inherited = new InheritedSockets(succession?.sockets ?? systemd.sockets, systemd.absent);
  const program = new Program(settings, version, systemClock, logs, inherited, succession?.handoverState);
  const upgrader = new Upgrader(
    program,
    { timeout: () => program.settings.upgradeTimeout, command: successorCommand(program), notifier },
    systemClock,
    log,
  );
  const reloader = new Reloader(program, load, log, () => systemClock.date());
  const now = (): Date => systemClock.date();
  const changes = new Changes({ reloader, upgrader, notifier, log, now, serving: () => servingOn(program) });
  program.operator.reloadsBy({ latest: () => reloader.latest, reload: (by) => changes.reload(by) });
  program.operator.upgradesBy((by) => changes.upgrade(by));
  const stopped = untilStopped();
  signals.actBy({
    SIGHUP: () => void changes.reload('signal HUP'),
    SIGUSR1: () => logs.reopen(),
    SIGUSR2: () => void changes.upgrade('signal USR2'),
  });
  const succeeded = changes.succeeded.then(() => 'succeeded' as const);
  try {
    await program.start();
  } catch (error) {
    // The predecessor's clients may have come to this process already.
    if (succession !== undefined) await program.stop();
    else program.destroy();
    await logs.flush();
    throw error;
  }
  void takeOver(succession, inherited, log).then(() => {
    program.watch(openAlerts);
    if (succession !== undefined) log.info({ pid }, 'took over from the predecessor');
    notifier.ready(servingOn(program));
    changes.begin();
  });
  const ending = await Promise.race([stopped, succeeded]);
  const endNow = (): void => {
    log.warn({}, 'second signal: ending at once');
    program.destroy();
    void logs.flush().finally(() => process.exit(1));
  };
  if (ending === 'succeeded') {
    void stopped.then((onSecond) => onSecond(endNow));
    // What systemd hears from now on is the successor's to say.
    await Promise.all([program.retire(), notifier.end()]);
  } else {
    ending(endNow);
    notifier.stopping('finishing what runs');
    await Promise.all([program.stop(), upgrader.cancel()]);
    await notifier.end();
  }
  await logs.flush();
  return 0;
}

/** How this process was started; when a successor is, with what has been told by then. */
function successorCommand(program: Program): ProgramCommand {
  const command = ownCommand();
  return {
    ...command,
    get environment() {
      return { ...command.environment, ...openAlertsVariable(program.alerts.open) };
    },
  };
}

function servingOn(program: Program): string {
  const addresses = program.listeners().map(({ text }) => text);
  return `serving on ${addresses.join(', ')}`;
}

/** Resolves when this process is the one that serves. */
async function takeOver(succession: Takeover | undefined, inherited: InheritedSockets, log: Log): Promise<void> {
  await succession?.ready();
  const closed = inherited.takeOver();
  if (closed.length > 0) log.info({ closed }, 'closed what the predecessor listened on and the configuration no longer names');
  const unused = inherited.left.map(({ text }) => text);
  if (unused.length > 0)
    log.warn({ unused }, 'no --listen or --admin takes these sockets of systemd: clients wait there in vain');
}

/**
 * Resolves at the first signal to stop; what it resolves with takes what the second one is to do.
 */
function untilStopped(): Promise<(onSecond: () => void) => void> {
  // Writing to a closed pipe is an error of that write, not the end of the program.
  process.on('SIGPIPE', () => undefined);
  return new Promise((resolve) => {
    let count = 0;
    let onSecond: () => void = () => undefined;
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGQUIT'] as const) {
      process.on(signal, () => {
        count += 1;
        if (count > 1) onSecond();
        else
          resolve((action) => {
            onSecond = action;
          });
      });
    }
  });
}
