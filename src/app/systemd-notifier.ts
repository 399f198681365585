// Speaks to systemd (sd_notify(3)) through its own program systemd-notify, since Node cannot send a
// datagram to a unix socket.

import { execFile } from 'node:child_process';
import { type Clock, monotonicMicroseconds, type Timer } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import { type Notifier, silentNotifier } from './notifier.ts';

const PROGRAM = 'systemd-notify';
/**
 * ms. It waits until systemd has taken the message, at most 5 s; without that wait systemd could
 * not find out whose child it was.
 */
const SEND_TIMEOUT = 10_000;
/** ms between two signs of life below which a process for each of them is too much. */
const COSTLY = 5000;

/**
 * The notifier that the environment asks for. Its variables are removed: what this process starts
 * must not speak for it.
 * @param environment changed in place
 */
export function takeNotifier(environment: NodeJS.ProcessEnv, pid: number, clock: Clock, log: Log): Notifier {
  const { NOTIFY_SOCKET: socket, WATCHDOG_USEC: watchdog, WATCHDOG_PID: watched } = environment;
  for (const name of ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID']) delete environment[name];
  if (socket === undefined || socket === '') return silentNotifier;
  const forUs = watched === undefined || watched === String(pid);
  const limit = forUs && watchdog !== undefined && /^[1-9]\d*$/.test(watchdog) ? Number(watchdog) / 1000 : undefined;
  return new SystemdNotifier({ socket, path: environment['PATH'], watchdog: limit }, clock, log);
}

interface SystemdSettings {
  readonly socket: string;
  /** Where to look for systemd-notify. */
  readonly path: string | undefined;
  /** ms of silence after which systemd takes the program for hung. */
  readonly watchdog: number | undefined;
}

class SystemdNotifier implements Notifier {
  readonly #settings: SystemdSettings;
  readonly #clock: Clock;
  readonly #log: Log;
  /** Resolves when all that was said so far has been sent: one message at a time, in order. */
  #sent: Promise<unknown> = Promise.resolve();
  #watchdog: Timer | undefined;
  #signOfLifeWaits = false;
  #complaint: string | undefined;
  #ended = false;

  constructor(settings: SystemdSettings, clock: Clock, log: Log) {
    this.#settings = settings;
    this.#clock = clock;
    this.#log = log;
  }

  get environment(): Readonly<Record<string, string>> {
    const { socket, watchdog } = this.#settings;
    // Without WATCHDOG_PID, which would be this process.
    return { NOTIFY_SOCKET: socket, ...(watchdog === undefined ? {} : { WATCHDOG_USEC: String(watchdog * 1000) }) };
  }

  ready(status: string): void {
    void this.#send('READY=1', statusText(status));
    this.#startWatchdog();
  }

  reloading(): void {
    void this.#send('RELOADING=1', `MONOTONIC_USEC=${monotonicMicroseconds()}`, 'STATUS=reloading the configuration');
  }

  stopping(status: string): void {
    void this.#send('STOPPING=1', statusText(status));
  }

  status(text: string): void {
    void this.#send(statusText(text));
  }

  mainPid(pid: number): Promise<boolean> {
    return this.#send(`MAINPID=${pid}`);
  }

  async end(): Promise<void> {
    this.#ended = true;
    this.#watchdog?.cancel();
    await this.#sent;
  }

  /**
   * A timer fires only while the event loop turns, and each sign is sent from there: no helper goes
   * on for a program that hangs.
   */
  #startWatchdog(): void {
    const { watchdog } = this.#settings;
    if (watchdog === undefined || this.#watchdog !== undefined) return;
    const interval = watchdog / 2;
    if (interval < COSTLY) {
      this.#log.warn(
        { watchdog },
        `WatchdogSec is ${watchdog} ms, and each sign of life is a process of its own; ${(2 * COSTLY) / 1000} s or more is cheaper`,
      );
    }
    const timer = this.#clock.after(interval, () => {
      timer.restart();
      if (this.#signOfLifeWaits) return;
      this.#signOfLifeWaits = true;
      void this.#send('WATCHDOG=1').then(() => {
        this.#signOfLifeWaits = false;
      });
    });
    this.#watchdog = timer;
  }

  /** @returns whether it has been sent */
  #send(...assignments: readonly string[]): Promise<boolean> {
    if (this.#ended) return Promise.resolve(false);
    const sent = this.#sent.then(() => this.#run(assignments));
    this.#sent = sent;
    return sent;
  }

  #run(assignments: readonly string[]): Promise<boolean> {
    const { socket, path } = this.#settings;
    const env = { NOTIFY_SOCKET: socket, ...(path === undefined ? {} : { PATH: path }) };
    return new Promise((resolve) => {
      const done = (problem: string | undefined): void => {
        // A message that fails every few seconds is one problem, not many.
        if (problem !== undefined && problem !== this.#complaint) {
          this.#log.warn({ message: assignments.join(' '), error: problem }, `cannot tell systemd: ${PROGRAM} failed`);
        }
        this.#complaint = problem;
        resolve(problem === undefined);
      };
      try {
        execFile(PROGRAM, [...assignments], { env, timeout: SEND_TIMEOUT }, (error, _out, said) => {
          done(error === null ? undefined : `${said.trim() || error.message}`);
        });
      } catch (error) {
        done(String(error));
      }
    });
  }
}

/** One line: a newline would begin another assignment. */
function statusText(text: string): string {
  return `STATUS=${text.replace(/\s+/g, ' ')}`;
}
