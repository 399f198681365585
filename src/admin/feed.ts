// What every open live page gets: a snapshot each second, computed once for all pages, and events
// as they come.

import type { Clock, Timer } from '../core/clock.ts';
import type { Events, OperatorEvent } from '../core/events.ts';
import { FeedRows, type Rows } from './feed-rows.ts';
import type { Status } from './status.ts';

/** Where a page's stream goes: the response to its request. */
export interface Reader {
  /** Bytes that it has not taken yet. */
  readonly writableLength: number;
  write(text: string): unknown;
  destroy(): unknown;
}

/** Pages that may be open at a time, on all listeners together. */
export const MAX_READERS = 32;
/** ms between snapshots. */
const PERIOD = 1000;
/**
 * With so many upstreams that a snapshot takes long there are fewer: they may cost one hundredth of
 * the time.
 */
const COST_FACTOR = 100;
const LONGEST_PERIOD = 10_000;
/** ms for which events are gathered: a thousand workers that go down at once are one message. */
const GATHER = 100;
/** Messages in a row that a reader may miss before its stream is closed. */
const PATIENCE = 30;
/** Problems of a bad reload that a page gets; of more only the number. */
const PROBLEMS_SHOWN = 5;

interface ReaderState {
  /** Messages in a row that were not written, since the reader had not taken the one before. */
  missed: number;
}

/**
 * Invariant: while no page is open, nothing is computed, no timer runs and there is no
 * subscription.
 */
export class Feed {
  readonly #status: () => Status;
  readonly #events: Events;
  readonly #clock: Clock;
  readonly #readers = new Map<Reader, ReaderState>();
  #rows = new FeedRows();
  /** The latest fields of the program itself. */
  #program: Readonly<Record<string, unknown>> = {};
  #at = 0;
  #timer: Timer | undefined;
  #unsubscribe: (() => void) | undefined;
  #fresh: OperatorEvent[] = [];
  #gathering: Timer | undefined;

  constructor(status: () => Status, events: Events, clock: Clock) {
    this.#status = status;
    this.#events = events;
    this.#clock = clock;
  }

  get full(): boolean {
    return this.#readers.size >= MAX_READERS;
  }

  /**
   * The reader gets everything, and from then on the changes. `leave` must follow.
   */
  join(reader: Reader): void {
    if (this.#readers.size === 0) {
      this.#rows = new FeedRows();
      this.#look();
      this.#unsubscribe = this.#events.subscribe((event) => this.#told(event));
      this.#timer = this.#clock.after(PERIOD, () => this.#tick());
    }
    // The recent events are part of everything: the reader must not get them twice.
    this.#flush();
    this.#readers.set(reader, { missed: 0 });
    reader.write(this.#everything());
  }

  leave(reader: Reader): void {
    if (!this.#readers.delete(reader) || this.#readers.size > 0) return;
    this.#timer?.cancel();
    this.#gathering?.cancel();
    this.#gathering = undefined;
    this.#fresh = [];
    this.#unsubscribe?.();
  }

  #tick(): void {
    const began = this.#clock.now();
    const changes = this.#look();
    this.#send(message('changes', { at: this.#at, program: this.#program, ...changes }));
    const cost = this.#clock.now() - began;
    if (this.#readers.size === 0) return;
    const period = Math.min(LONGEST_PERIOD, Math.max(PERIOD, cost * COST_FACTOR));
    this.#timer = this.#clock.after(period, () => this.#tick());
  }

  #look(): Rows {
    const status = this.#status();
    this.#at = this.#clock.date().getTime();
    this.#program = programFields(status);
    return this.#rows.update(status);
  }

  #told(event: OperatorEvent): void {
    this.#fresh.push(event);
    // More than the recent events need not be sent: they are all that a page keeps.
    if (this.#fresh.length > this.#events.recent.length) this.#fresh.shift();
    this.#gathering ??= this.#clock.after(GATHER, () => this.#flush());
  }

  #flush(): void {
    this.#gathering?.cancel();
    this.#gathering = undefined;
    if (this.#fresh.length === 0) return;
    const text = message('events', this.#fresh);
    this.#fresh = [];
    this.#send(text);
  }

  /**
   * Never more than one message waits for a reader; one that has missed a message gets everything
   * again when it has caught up.
   */
  #send(text: string): void {
    let everything: string | undefined;
    for (const [reader, state] of [...this.#readers]) {
      if (reader.writableLength > 0) {
        state.missed += 1;
        if (state.missed <= PATIENCE) continue;
        this.leave(reader);
        reader.destroy();
      } else if (state.missed > 0) {
        state.missed = 0;
        everything ??= this.#everything();
        reader.write(everything);
      } else {
        reader.write(text);
      }
    }
  }

  #everything(): string {
    return message('all', { at: this.#at, program: this.#program, ...this.#rows.all(), recent: this.#events.recent });
  }
}

/** One event of a `text/event-stream`; JSON has no line ends. */
function message(name: string, data: unknown): string {
  return `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}

function programFields(status: Status): Readonly<Record<string, unknown>> {
  const { version, pid, generation, uptime_seconds, stopping, ready, reasons, reload, active, listeners, process } = status;
  const problems = reload?.result === 'bad' ? reload.problems : [];
  const short =
    problems.length === 0 ? reload : { ...reload, problems: problems.slice(0, PROBLEMS_SHOWN), count: problems.length };
  return { version, pid, generation, uptime_seconds, stopping, ready, reasons, reload: short, active, listeners, process };
}
