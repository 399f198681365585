// Takes in the signals that mean something to a program that serves, until it is there to act on
// them: unheeded they would end it.

/**
 * What a signal held back can be; TERM, INT and QUIT end a process that has only begun, as they
 * should.
 */
const HELD = ['SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const;
export type HeldSignal = (typeof HELD)[number];

/** The part of `process` that is needed, so that a test can be in its place. */
export interface SignalSource {
  readonly pid: number;
  on(signal: HeldSignal, listener: (signal: HeldSignal) => void): unknown;
  off(signal: HeldSignal, listener: (signal: HeldSignal) => void): unknown;
  kill(pid: number, signal: HeldSignal): unknown;
}

/**
 * Invariant: signals that came before `actBy` or `release` are remembered, each kind once, as the
 * kernel does with pending signals.
 */
export class HeldSignals {
  readonly #process: SignalSource;
  readonly #came = new Set<HeldSignal>();
  readonly #take = (signal: HeldSignal): void => void this.#came.add(signal);

  constructor(process: SignalSource) {
    this.#process = process;
    for (const signal of HELD) process.on(signal, this.#take);
  }

  /**
   * Acts on what came so far, in the order in which it came, and from now on on each as it comes.
   */
  actBy(actions: Readonly<Record<HeldSignal, () => void>>): void {
    for (const signal of HELD) this.#process.on(signal, () => actions[signal]());
    for (const signal of this.#end()) actions[signal]();
  }

  /** Signals mean what they mean to any program, those that came as well. */
  release(): void {
    for (const signal of this.#end()) this.#process.kill(this.#process.pid, signal);
  }

  #end(): readonly HeldSignal[] {
    for (const signal of HELD) this.#process.off(signal, this.#take);
    const came = [...this.#came];
    this.#came.clear();
    return came;
  }
}
