// Brings what workers write to STDERR into the log: whole lines, escaped, bounded in length and in
// rate.

import type { Clock } from '../../core/clock.ts';
import { escapeControls } from '../../core/escape.ts';
import type { Log } from '../../core/log.ts';

/** Bytes of one line that are kept; PHP's stack traces and Perl's longmess fit. */
const MAX_LINE = 4096;
/** Lines that may come at once, and lines a second after that, from one upstream. */
const BURST = 100;
const PER_SECOND = 20;
const CR = 13;

/** Limits the lines of one upstream and counts what it drops. */
export class WorkerLog {
  readonly #name: string;
  readonly #log: Log;
  readonly #clock: Clock;
  #allowance = BURST;
  #filledAt: number;
  #dropped = 0;

  constructor(name: string, log: Log, clock: Clock) {
    this.#name = name;
    this.#log = log;
    this.#clock = clock;
    this.#filledAt = clock.now();
  }

  /** @param request what the worker was at */
  line(bytes: Buffer, request?: string): void {
    // fcgiwrap, for one, ends its lines with CR LF.
    const length = bytes.at(-1) === CR ? bytes.length - 1 : bytes.length;
    if (length === 0) return;
    const now = this.#clock.now();
    this.#allowance = Math.min(BURST, this.#allowance + ((now - this.#filledAt) / 1000) * PER_SECOND);
    this.#filledAt = now;
    if (this.#allowance < 1) {
      this.#dropped += 1;
      return;
    }
    this.#allowance -= 1;
    if (this.#dropped > 0) {
      this.#log.warn({ upstream: this.#name, dropped: this.#dropped }, 'worker writes too much to STDERR; lines were dropped');
      this.#dropped = 0;
    }
    const cut = length > MAX_LINE;
    const text = escapeControls(bytes.toString('utf8', 0, Math.min(length, MAX_LINE)));
    const stderr = cut ? `${text}...` : text;
    this.#log.warn({ request_id: request, upstream: this.#name, stderr }, 'worker wrote to STDERR');
  }
}

/** Cuts the STDERR of one exchange into lines. Holds at most one line's length. */
export class StderrLines {
  readonly #out: WorkerLog;
  readonly #request: string | undefined;
  #held: Buffer[] = [];
  #size = 0;

  /** @param request what it is called in logs */
  constructor(out: WorkerLog, request?: string) {
    this.#out = out;
    this.#request = request;
  }

  write(bytes: Buffer): void {
    let at = 0;
    for (;;) {
      const lineEnd = bytes.indexOf(10, at);
      this.#hold(bytes.subarray(at, lineEnd === -1 ? bytes.length : lineEnd));
      if (lineEnd === -1) return;
      this.flush();
      at = lineEnd + 1;
    }
  }

  /** Logs what is held: a line has ended, or the exchange has. */
  flush(): void {
    if (this.#size === 0) return;
    this.#out.line(Buffer.concat(this.#held), this.#request);
    this.#held = [];
    this.#size = 0;
  }

  #hold(part: Buffer): void {
    const room = MAX_LINE + 1 - this.#size;
    if (room <= 0 || part.length === 0) return;
    const kept = Buffer.from(part.subarray(0, room));
    this.#held.push(kept);
    this.#size += kept.length;
  }
}
