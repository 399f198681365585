// Writes lines to a descriptor in the background: what the other end does not take waits in bounded
// memory, and then is lost and counted.

import { close, write } from 'node:fs';
import type { Clock, Timer } from '../core/clock.ts';
import { systemCode } from '../core/errors.ts';

/**
 * An open descriptor. It should be non-blocking where a write may wait for a reader: a thread that
 * waits holds up the exit of the process.
 */
export interface LogOutput {
  readonly fd: number;
  /** Whether it is ours to close. */
  readonly own: boolean;
}

/** What becomes of the lines. */
export interface WriterEvents {
  /** A write failed; it is tried again. */
  failed(error: Error): void;
  /** So many lines will never be written. */
  dropped(lines: number, why?: Error): void;
  /** Everything has been written. */
  drained?(): void;
}

/** ms before the next try where the other end is slow: at first, and at most. */
const SLOW = { first: 1, most: 50 } as const;
/** ms before the next try after an error, such as a full disk. */
const FAILING = 1000;
/** ms that a target which is given up may take for its last lines. */
const LAST_LINES = 1000;
const LINE_END = 10;

type State =
  | { readonly kind: 'idle' }
  | { readonly kind: 'writing' }
  | { readonly kind: 'waiting'; readonly timer: Timer }
  | { readonly kind: 'closed' };

/**
 * Invariants:
 * 1. At most one write is on its way, and none once `closed`; the descriptor is closed exactly
 *    once, and never under a write.
 * 2. What waits and what is being written are together at most `limit` characters: a line that does
 *    not fit is dropped whole.
 */
export class LineWriter {
  readonly #clock: Clock;
  readonly #limit: number;
  readonly #events: WriterEvents;
  #output: LogOutput;
  #next: LogOutput | undefined;
  #state: State = { kind: 'idle' };
  #waiting = '';
  #chunk: Buffer | undefined;
  /** Bytes of the chunk that are out. */
  #offset = 0;
  #pause: number = SLOW.first;
  #closing: Timer | undefined;
  #givenUp = false;
  readonly #onIdle = new Set<() => void>();

  /** @param limit characters that may wait */
  constructor(output: LogOutput, limit: number, clock: Clock, events: WriterEvents) {
    this.#output = output;
    this.#limit = limit;
    this.#clock = clock;
    this.#events = events;
  }

  /** Characters that are not out yet. */
  get held(): number {
    return this.#waiting.length + (this.#chunk === undefined ? 0 : this.#chunk.length - this.#offset);
  }

  /** Takes a line with its line end. Never waits. */
  write(line: string): void {
    if (this.held + line.length > this.#limit || this.#state.kind === 'closed') {
      this.#events.dropped(1);
      return;
    }
    this.#waiting += line;
    if (this.#state.kind === 'idle') this.#begin();
  }

  /** Goes on with another descriptor. A line that is half out is written whole to the new one. */
  replace(output: LogOutput): void {
    if (this.#state.kind === 'closed' || this.#closing !== undefined) {
      release(output);
      return;
    }
    if (this.#state.kind === 'writing') {
      if (this.#next !== undefined) release(this.#next);
      this.#next = output;
      return;
    }
    this.#use(output);
    if (this.#state.kind === 'idle') return;
    this.#state.timer.cancel();
    this.#pause = SLOW.first;
    this.#begin();
  }

  /** Resolves when everything that was taken is out, or lost. */
  idle(): Promise<void> {
    if (this.#state.kind === 'idle' || this.#state.kind === 'closed') return Promise.resolve();
    return new Promise((resolve) => this.#onIdle.add(resolve));
  }

  /** Writes what waits, if that can be done soon, and closes the descriptor. */
  close(): void {
    if (this.#state.kind === 'closed' || this.#closing !== undefined) return;
    if (this.#state.kind === 'idle') this.#end();
    else this.#closing = this.#clock.after(LAST_LINES, () => this.#giveUp());
  }

  #begin(): void {
    if (this.#chunk === undefined) {
      if (this.#waiting === '') {
        this.#rest();
        return;
      }
      this.#chunk = Buffer.from(this.#waiting);
      this.#waiting = '';
      this.#offset = 0;
    }
    this.#state = { kind: 'writing' };
    write(this.#output.fd, this.#chunk, this.#offset, null, null, (error, count) => this.#wrote(error, count));
  }

  #wrote(error: Error | null, count: number): void {
    if (error === null) {
      this.#offset += count;
      if (count > 0) this.#pause = SLOW.first;
      if (this.#chunk !== undefined && this.#offset >= this.#chunk.length) this.#chunk = undefined;
    }
    if (this.#givenUp) {
      this.#lose();
      this.#end();
      return;
    }
    const next = this.#next;
    this.#next = undefined;
    if (next !== undefined) this.#use(next);
    const code = systemCode(error);
    if (error === null || next !== undefined) this.#begin();
    else if (code === 'EAGAIN') {
      this.#later(this.#pause);
      this.#pause = Math.min(this.#pause * 2, SLOW.most);
    } else {
      this.#later(FAILING);
      this.#events.failed(error);
    }
  }

  #later(ms: number): void {
    this.#state = { kind: 'waiting', timer: this.#clock.after(ms, () => this.#begin()) };
  }

  #rest(): void {
    this.#state = { kind: 'idle' };
    if (this.#closing !== undefined) this.#end();
    else {
      this.#events.drained?.();
      this.#tellIdle();
    }
  }

  #use(output: LogOutput): void {
    release(this.#output);
    this.#output = output;
    if (this.#chunk !== undefined && this.#offset > 0) this.#offset = this.#chunk.lastIndexOf(LINE_END, this.#offset - 1) + 1;
  }

  #giveUp(): void {
    this.#givenUp = true;
    // A write on its way must come back first.
    if (this.#state.kind !== 'waiting') return;
    this.#state.timer.cancel();
    this.#lose();
    this.#end();
  }

  #lose(): void {
    const left = (this.#chunk?.toString('utf8', this.#offset) ?? '') + this.#waiting;
    this.#waiting = '';
    this.#chunk = undefined;
    const lines = left.split('\n').length - 1;
    if (lines > 0) this.#events.dropped(lines);
  }

  #end(): void {
    this.#closing?.cancel();
    this.#state = { kind: 'closed' };
    if (this.#next !== undefined) release(this.#next);
    release(this.#output);
    this.#tellIdle();
  }

  #tellIdle(): void {
    const waiting = [...this.#onIdle];
    this.#onIdle.clear();
    for (const resolve of waiting) resolve();
  }
}

function release({ fd, own }: LogOutput): void {
  if (own) close(fd, () => undefined);
}
