// The old-process side of an upgrade: starts a new process from the files now on disk, and leaves
// the service to it when it is ready.

import { type ChildProcess, spawn } from 'node:child_process';
import { Writable } from 'node:stream';
import type { Subject } from '../alerts/alert.ts';
import type { Clock, Timer } from '../core/clock.ts';
import { asError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { InheritedSocket, Listener } from '../listen/bind.ts';
import { type HandoverState, handoverStateText } from '../roster/handover-state.ts';
import type { Notifier } from './notifier.ts';
import { openAlertsVariable } from './open-alerts.ts';
import {
  descriptors,
  FIRST_INHERITED_FD,
  HANDOVER_STATE_FD,
  type NewProcessMessage,
  type OldProcessMessage,
  TAKEOVER_VARIABLE,
  takeoverText,
} from './takeover.ts';

/** ms between TERM and KILL for a new process that is not wanted. */
const KILL_AFTER = 5000;
const STOPPED = 'the program was told to stop';

/** What an upgrade needs of the program. */
export interface Upgradable {
  /** All that clients and operators can connect to. */
  listeners(): readonly Listener[];
  /** Sockets that the program was given and has no use for. */
  unused(): readonly InheritedSocket[];
  /** What a new process needs beside the configuration. */
  readonly handoverState: HandoverState;
  /** Alerts that the old process has reported, and the new one need not report again. */
  readonly openAlerts: readonly Subject[];
}

export interface ProgramCommand {
  readonly program: string;
  readonly words: readonly string[];
  readonly environment: NodeJS.ProcessEnv;
}

/** How this process was started. The files behind it are read anew. */
export function ownCommand(): ProgramCommand {
  return { program: process.execPath, words: [...process.execArgv, ...process.argv.slice(1)], environment: process.env };
}

export interface UpgradeSettings {
  /** ms in which a new process must be ready. */
  readonly timeout: () => number;
  readonly command: ProgramCommand;
  readonly notifier: Notifier;
}

type State =
  | { readonly kind: 'serving' }
  | { readonly kind: 'upgrading'; readonly giveUp: (reason: string) => void }
  /** Another process serves, or this one ends: there is nothing to hand over any more. */
  | { readonly kind: 'over' };

const REFUSALS = {
  upgrading: 'an upgrade is running already',
  over: 'this process serves no more',
} as const;

type Outcome = { readonly kind: 'ready'; readonly successor: number } | { readonly kind: 'failed'; readonly reason: string };

/**
 * How it went: a new process has the service, and this one is to retire; or this process serves on.
 */
export type UpgradeResult = Outcome | { readonly kind: 'refused'; readonly reason: string };

export class Upgrader {
  readonly #program: Upgradable;
  readonly #settings: UpgradeSettings;
  readonly #clock: Clock;
  readonly #log: Log;
  #state: State = { kind: 'serving' };
  #attempts: Promise<unknown> = Promise.resolve();

  constructor(program: Upgradable, settings: UpgradeSettings, clock: Clock, log: Log) {
    this.#program = program;
    this.#settings = settings;
    this.#clock = clock;
    this.#log = log;
  }

  /** While it is true the set of listeners must not change. */
  get running(): boolean {
    return this.#state.kind === 'upgrading';
  }

  /**
   * Starts a new process and waits until it is ready.
   * @param by the signal or the client that asked for it, for the log
   */
  async upgrade(by: string): Promise<UpgradeResult> {
    if (this.#state.kind !== 'serving') {
      const reason = REFUSALS[this.#state.kind];
      this.#log.warn({ by }, `refused to upgrade: ${reason}`);
      return { kind: 'refused', reason };
    }
    let giveUp: (reason: string) => void = () => undefined;
    const given = new Promise<Outcome>((resolve) => {
      giveUp = (reason) => resolve({ kind: 'failed', reason });
    });
    this.#state = { kind: 'upgrading', giveUp };
    const attempt = this.#attempt(given, by);
    this.#attempts = attempt;
    const outcome = await attempt;
    if (outcome.kind === 'ready') {
      this.#state = { kind: 'over' };
      return outcome;
    }
    this.#log.error({ by }, `the upgrade failed: ${outcome.reason}; this process serves on`);
    this.#settings.notifier.status(`serving; the last upgrade failed: ${outcome.reason}`);
    if (this.#state.kind === 'upgrading') this.#state = { kind: 'serving' };
    return outcome;
  }

  /**
   * The program ends: a new process that is not ready yet is ended as well, at the latest when this
   * resolves, and there will be no other.
   */
  async cancel(): Promise<void> {
    const state = this.#state;
    this.#state = { kind: 'over' };
    if (state.kind === 'upgrading') state.giveUp(STOPPED);
    await this.#attempts;
  }

  async #attempt(given: Promise<Outcome>, by: string): Promise<Outcome> {
    this.#settings.notifier.status('upgrading: waiting for the successor');
    const listeners = this.#program.listeners();
    let child: ChildProcess;
    try {
      child = this.#spawn([...listeners.map((listener) => listener.handover()), ...this.#program.unused()], by);
    } catch (error) {
      return { kind: 'failed', reason: `the successor could not be started: ${asError(error).message}` };
    }
    const { notifier } = this.#settings;
    const timeout = this.#settings.timeout();
    const exited = exitOf(child);
    let timer: Timer | undefined;
    const late = new Promise<Outcome>((resolve) => {
      timer = this.#clock.after(timeout, () =>
        resolve({ kind: 'failed', reason: `the successor was not ready in ${timeout} ms` }),
      );
    });
    const over = Promise.race([exited, late, given]);
    const serving = received(child, 'serving');
    let outcome = await Promise.race([over, received(child, 'ready')]);
    // systemd takes the end of the process it knows for the end of the service, unless it has been
    // notified of another in time.
    const notified = outcome.kind === 'ready' ? await notifier.mainPid(outcome.successor) : undefined;
    if (notified === false) outcome = { kind: 'failed', reason: 'systemd could not be told of the successor' };
    if (this.#state.kind !== 'upgrading') outcome = { kind: 'failed', reason: STOPPED };
    if (outcome.kind === 'ready') {
      const message: OldProcessMessage = 'serve';
      child.send(message, () => undefined);
      // A new process that dies meanwhile sends nothing, and its end may take a while to be known.
      outcome = await Promise.race([over, serving]);
    }
    timer?.cancel();
    if (outcome.kind === 'ready') {
      for (const listener of listeners) listener.handOn();
      this.#log.info({ successor: child.pid }, `process ${child.pid} serves now; this one finishes what runs`);
      child.unref();
      return outcome;
    }
    await this.#end(child, exited);
    if (notified === true) await notifier.mainPid(process.pid);
    return outcome;
  }

  #spawn(sockets: readonly InheritedSocket[], by: string): ChildProcess {
    const { command, notifier } = this.#settings;
    const inherited = sockets.map((socket, index) => ({
      ...socket,
      fd: FIRST_INHERITED_FD + index,
      inode: descriptors.inodeOf(socket.fd) ?? 0,
    }));
    const env = {
      ...command.environment,
      ...openAlertsVariable(this.#program.openAlerts),
      ...notifier.environment,
      [TAKEOVER_VARIABLE]: takeoverText(process.pid, inherited),
    };
    const stdio = ['inherit', 'inherit', 'inherit', 'ipc', 'pipe', ...sockets.map(({ fd }) => fd)] as const;
    const child = spawn(command.program, command.words, { env, stdio: [...stdio] });
    sendState(child, handoverStateText(this.#program.handoverState));
    this.#log.info({ successor: child.pid, by, sockets: sockets.map(({ text }) => text) }, 'upgrading: a successor is starting');
    return child;
  }

  /**
   * Ends a new process that is not wanted. TERM first: it may have accepted requests already.
   */
  async #end(child: ChildProcess, exited: Promise<unknown>): Promise<void> {
    child.kill('SIGTERM');
    const timer = this.#clock.after(KILL_AFTER, () => void child.kill('SIGKILL'));
    await exited;
    timer.cancel();
  }
}

/**
 * Over a pipe: other users can read the words and the environment of a process.
 */
function sendState(child: ChildProcess, text: string): void {
  const pipe = child.stdio[HANDOVER_STATE_FD];
  if (!(pipe instanceof Writable)) return;
  // A new process that is gone already is reported by its exit.
  pipe.on('error', () => undefined);
  pipe.end(text, () => pipe.destroy());
}

function received(child: ChildProcess, expected: NewProcessMessage): Promise<Outcome> {
  return new Promise((resolve) => {
    child.on('message', (message) => {
      if (message === expected && child.pid !== undefined) resolve({ kind: 'ready', successor: child.pid });
    });
  });
}

/** Resolves when the new process has ended, with the reason. */
function exitOf(child: ChildProcess): Promise<Outcome> {
  return new Promise((resolve) => {
    child.on('error', (error) => {
      // A message that could not be sent does not end the new process: its exit does.
      if (child.pid === undefined) resolve({ kind: 'failed', reason: `the successor could not be started: ${error.message}` });
    });
    child.once('exit', (code, signal) => {
      const how = signal === null ? `exited with code ${code}` : `was ended by ${signal}`;
      resolve({ kind: 'failed', reason: `the successor ${how} before it was ready` });
    });
  });
}
