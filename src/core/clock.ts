// The only place that reads time and sets timers, so that tests can put a clock of their own in its
// stead.

/** A timer that is running; `restart` sets it back to its full length at little cost. */
export interface Timer {
  cancel(): void;
  restart(): void;
}

export interface Clock {
  /** Monotonic milliseconds, with fractions. */
  now(): number;
  /** Wall-clock time, for log lines only. */
  date(): Date;
  /**
   * Calls `fn` once, `ms` milliseconds from now, unless cancelled. A running timer does not keep
   * the process alive.
   */
  after(ms: number, fn: () => void): Timer;
}

class SystemTimer implements Timer {
  readonly #timeout: NodeJS.Timeout;

  constructor(ms: number, fn: () => void) {
    this.#timeout = setTimeout(fn, ms);
    this.#timeout.unref();
  }

  cancel(): void {
    clearTimeout(this.#timeout);
  }

  restart(): void {
    this.#timeout.refresh();
  }
}

export const systemClock: Clock = {
  now: () => performance.now(),
  date: () => new Date(),
  after: (ms, fn) => new SystemTimer(ms, fn),
};

/** Microseconds of CLOCK_MONOTONIC, which other programs of this machine read as well. */
export function monotonicMicroseconds(): bigint {
  return process.hrtime.bigint() / 1000n;
}

/**
 * Resolves `ms` milliseconds from now, and keeps the process alive until then: for commands, which
 * have nothing else to do.
 */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, ms));
}

/**
 * Resolves when the promise does, or `ms` milliseconds from now, and keeps the process alive until
 * then.
 */
export async function atMost(ms: number, promise: Promise<unknown>): Promise<void> {
  let timeout: NodeJS.Timeout | undefined;
  const over = new Promise((resolve) => {
    timeout = setTimeout(resolve, ms);
  });
  try {
    await Promise.race([promise, over]);
  } finally {
    clearTimeout(timeout);
  }
}
