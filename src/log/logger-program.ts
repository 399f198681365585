// Sends lines to the machine's own syslog socket through the program logger(1), since Node cannot
// send a datagram to a unix socket.

import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import type { SyslogTarget } from '../config/access-log.ts';
import type { Clock, Timer } from '../core/clock.ts';
import { systemCode } from '../core/errors.ts';
import type { WriterEvents } from './line-writer.ts';

const PROGRAM = 'logger';
/** Bytes of one message; without this option it cuts at 1 KiB. */
const MAX_MESSAGE = '8192';
/** ms before the program is started again. */
const AGAIN = 1000;
/** ms that it may take for its last lines. */
const LAST_LINES = 1000;
/** Characters of its complaints that are kept. */
const KEPT_OUTPUT = 300;

type Child = ChildProcessByStdio<Writable, null, Readable>;

type State =
  | { readonly kind: 'running'; readonly child: Child }
  /** It has ended, or could not be started. */
  | { readonly kind: 'ended'; readonly again: Timer }
  | { readonly kind: 'closed' };

/**
 * Invariants:
 * 1. At most one child at a time, and one write to it under way; what waits is at most `limit`
 *    characters.
 * 2. A child that was started ends: at the end of its input, or it is killed.
 */
export class LoggerProgram {
  readonly #words: readonly string[];
  readonly #limit: number;
  readonly #clock: Clock;
  readonly #events: WriterEvents;
  #state: State;
  #waiting = '';
  /** Of what is on its way to the child. */
  #writing = 0;
  #onIdle: (() => void)[] = [];

  /**
   * @param path of the socket: /dev/log
   * @param limit characters that may wait
   */
  constructor(target: SyslogTarget, path: string, limit: number, clock: Clock, events: WriterEvents) {
    const options = ['--socket', path, '--socket-errors=on', '--size', MAX_MESSAGE, '--skip-empty'];
    this.#words = [...options, '--priority', `${target.facility}.${target.severity}`, '--tag', target.tag];
    this.#limit = limit;
    this.#clock = clock;
    this.#events = events;
    this.#state = this.#start();
  }

  /** Takes a line with its line end. Never waits. */
  write(line: string): void {
    if (this.#state.kind === 'closed' || this.#waiting.length + this.#writing + line.length > this.#limit) {
      this.#events.dropped(1);
      return;
    }
    this.#waiting += line;
    this.#pass();
  }

  /** Resolves when the program has taken everything. */
  idle(): Promise<void> {
    return this.#writing === 0 && this.#waiting === '' ? Promise.resolve() : new Promise((resolve) => this.#onIdle.push(resolve));
  }

  /** Gives it what waits, and ends it. */
  close(): void {
    const state = this.#state;
    if (state.kind === 'closed') return;
    this.#state = { kind: 'closed' };
    if (state.kind === 'ended') {
      state.again.cancel();
      this.#lose(this.#waiting, 0);
      return;
    }
    const { child } = state;
    const timer = this.#clock.after(LAST_LINES, () => child.kill('SIGKILL'));
    child.once('close', () => timer.cancel());
    child.stdin.end(this.#waiting);
    this.#waiting = '';
    this.#tellIdle();
  }

  #start(): State {
    // Of a group of its own: Ctrl-C in a terminal is for us, and the last lines are still to come.
    const child: Child = spawn(PROGRAM, this.#words, { stdio: ['pipe', 'ignore', 'pipe'], detached: true });
    child.unref();
    let said = '';
    child.stderr.on('data', (bytes: Buffer) => {
      if (said.length < KEPT_OUTPUT) said += bytes.toString();
    });
    child.stdin.on('error', () => undefined);
    child.once('error', (error) => {
      const missing = systemCode(error) === 'ENOENT';
      this.#ended(
        child,
        missing ? `there is no program ${PROGRAM} (Debian: bsdutils), which the syslog socket needs` : error.message,
      );
    });
    child.once('close', (code, signal) => {
      this.#ended(child, said.trim().slice(0, KEPT_OUTPUT) || `${PROGRAM} ended with ${signal ?? `exit code ${code}`}`);
    });
    return { kind: 'running', child };
  }

  #ended(child: Child, why: string): void {
    if (this.#state.kind !== 'running' || this.#state.child !== child) return;
    this.#events.failed(new Error(why));
    const again = this.#clock.after(AGAIN, () => {
      this.#state = this.#start();
      this.#pass();
    });
    this.#state = { kind: 'ended', again };
  }

  #pass(): void {
    const state = this.#state;
    if (state.kind !== 'running' || this.#writing > 0 || this.#waiting === '') return;
    const lines = this.#waiting;
    this.#waiting = '';
    this.#writing = lines.length;
    state.child.stdin.write(lines, (error) => {
      if (error) this.#lose(lines, lines.length);
      else {
        this.#writing = 0;
        if (this.#waiting === '') {
          this.#events.drained?.();
          this.#tellIdle();
        }
      }
      this.#pass();
    });
  }

  #lose(lines: string, written: number): void {
    this.#writing -= written;
    if (written === 0) this.#waiting = '';
    const count = lines.split('\n').length - 1;
    if (count > 0) this.#events.dropped(count);
    if (this.#waiting === '' && this.#writing === 0) this.#tellIdle();
  }

  #tellIdle(): void {
    const waiting = this.#onIdle;
    this.#onIdle = [];
    for (const resolve of waiting) resolve();
  }
}
