// Runs a command of the operator's: its input, environment, time limit and output, and its end with
// everything that it has started.

import { type ChildProcess, spawn } from 'node:child_process';
import type { Clock, Timer } from './clock.ts';
import { asError, systemCode } from './errors.ts';

export interface CommandOptions {
  /** The program, found in PATH, and its words. There is no shell. */
  readonly command: readonly [string, ...string[]];
  /** Variables beside those of this process. */
  readonly environment: Readonly<Record<string, string>>;
  /** Written to its standard input; without it the command has none. */
  readonly input?: string;
  /** ms after which it is killed; without it `kill` is the caller's to call. */
  readonly timeout?: number;
}

export type CommandEnd =
  /** It could not be started; the reason is a code of Node's, or a message. */
  | { readonly kind: 'not started'; readonly reason: string }
  | { readonly kind: 'exited'; readonly code: number }
  /** A signal ended it that did not come from `kill`. */
  | { readonly kind: 'signalled'; readonly signal: string }
  /** `kill` was called, or its time was over: whatever its exit code is, it was not done. */
  | { readonly kind: 'killed'; readonly reason: string };

export interface RunningCommand {
  /** Resolves when the command has ended; what it started may go on. */
  readonly ended: Promise<CommandEnd>;
  /** Resolves shortly after `ended` with the beginning of what it wrote to both its outputs. */
  readonly output: Promise<string>;
  /** Ends it, with all of its process group; nothing happens when it has ended already. */
  kill(reason: string): void;
}

/** Bytes of output that are kept. */
const KEPT_OUTPUT = 1024;
/**
 * ms for the last output to come in after the end: a process left behind may hold the pipe open for
 * good.
 */
const OUTPUT_GRACE = 100;

/** Starts the command. Never throws: a command that cannot be started has ended at once. */
export function runCommand(options: CommandOptions, clock: Clock): RunningCommand {
  const [program, ...words] = options.command;
  try {
    const child = spawn(program, words, {
      env: { ...process.env, ...options.environment },
      stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      // A process group of its own, so that what the command starts can be killed with it.
      detached: true,
    });
    return new Run(child, options, clock);
  } catch (error) {
    return { ended: Promise.resolve(notStarted(error)), output: Promise.resolve(''), kill: () => undefined };
  }
}

/**
 * Invariant: the pipes are closed and no timer runs once `output` has resolved, at most
 * `OUTPUT_GRACE` after the end.
 */
class Run implements RunningCommand {
  readonly ended: Promise<CommandEnd>;
  readonly output: Promise<string>;
  readonly #child: ChildProcess;
  readonly #timer: Timer | undefined;
  #killed: string | undefined;
  #kept: Buffer = Buffer.alloc(0);

  constructor(child: ChildProcess, { input, timeout }: CommandOptions, clock: Clock) {
    this.#child = child;
    this.#timer = timeout === undefined ? undefined : clock.after(timeout, () => this.kill(`killed after ${timeout} ms`));
    // Output beyond what is kept is read and dropped, so that the command is not blocked.
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        if (this.#kept.length < KEPT_OUTPUT) this.#kept = Buffer.concat([this.#kept, chunk]).subarray(0, KEPT_OUTPUT);
      });
    }
    this.ended = new Promise((resolve) => {
      child.once('error', (error) => {
        if (child.pid === undefined) resolve(notStarted(error));
      });
      child.once('exit', (code, signal) => resolve(this.#end(code, signal)));
    });
    this.output = this.ended.then(() => this.#rest(clock));
    // A command that does not read its input, or has ended already, is no error.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input);
  }

  kill(reason: string): void {
    const { pid, exitCode, signalCode } = this.#child;
    if (pid === undefined || exitCode !== null || signalCode !== null) return;
    this.#killed ??= reason;
    killGroup(pid);
  }

  #end(code: number | null, signal: string | null): CommandEnd {
    if (this.#killed !== undefined) return { kind: 'killed', reason: this.#killed };
    return code === null ? { kind: 'signalled', signal: String(signal) } : { kind: 'exited', code };
  }

  /** Reads on until both outputs are closed or the grace is over. */
  async #rest(clock: Clock): Promise<string> {
    this.#timer?.cancel();
    const { stdin, stdout, stderr } = this.#child;
    await new Promise<void>((resolve) => {
      if (stdout?.closed !== false && stderr?.closed !== false) {
        resolve();
        return;
      }
      const grace = clock.after(OUTPUT_GRACE, resolve);
      this.#child.once('close', () => {
        grace.cancel();
        resolve();
      });
    });
    for (const stream of [stdin, stdout, stderr]) stream?.destroy();
    return this.#kept.toString('utf8').trim();
  }
}

function notStarted(error: unknown): CommandEnd {
  return { kind: 'not started', reason: systemCode(error) ?? asError(error).message };
}

/** Sends KILL to the process group that the command leads. */
function killGroup(leader: number): void {
  try {
    process.kill(-leader, 'SIGKILL');
  } catch (error) {
    // It has just ended.
    if (systemCode(error) !== 'ESRCH') throw error;
  }
}
