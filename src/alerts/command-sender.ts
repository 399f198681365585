// The target `command`: a program of the operator's, told the message on its standard input and in
// its environment.

import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import type { CommandTarget } from '../config/alerts.ts';
import type { Clock } from '../core/clock.ts';
import { asError, systemCode } from '../core/errors.ts';
import { killGroup } from '../core/process-group.ts';
import { documentOf, type Message, outcomeOf, textOf } from './message.ts';
import type { AlertSender, Delivery } from './sender.ts';

/** Bytes of output that are kept, for the log. */
const KEPT_OUTPUT = 1024;
/**
 * ms for the last output to come in after the end: a process left behind may hold the pipe open for
 * good.
 */
const OUTPUT_GRACE = 100;

type Child = ChildProcessByStdio<Writable, Readable, Readable>;

export class CommandSender implements AlertSender {
  /** It may have done part of its work: not for an hour, as others are tried. */
  readonly attempts = 3;
  readonly secrets: readonly string[] = [];
  readonly #settings: CommandTarget;
  readonly #clock: Clock;

  constructor(settings: CommandTarget, clock: Clock) {
    this.#settings = settings;
    this.#clock = clock;
  }

  deliver(message: Message, dropped: number, signal: AbortSignal): Promise<Delivery> {
    const { timeout } = this.#settings;
    return new Promise((resolve) => {
      const notStarted = (error: unknown): Delivery => {
        const why = systemCode(error) ?? asError(error).message;
        return { kind: 'retry', reason: `cannot run ${this.#settings.command[0]}: ${why}` };
      };
      if (signal.aborted) {
        resolve({ kind: 'retry', reason: 'given up' });
        return;
      }
      let child: Child;
      try {
        child = this.#start(message, dropped);
      } catch (error) {
        resolve(notStarted(error));
        return;
      }
      let ending: string | undefined;
      const kill = (why: string): void => {
        ending ??= why;
        killGroup(child.pid);
      };
      const abandoned = (): void => kill('given up');
      const timer = this.#clock.after(timeout, () => kill(`killed after ${timeout} ms`));
      signal.addEventListener('abort', abandoned);
      const output = keepOutput(child);
      const over = (outcome: (text: string) => Delivery): void => {
        timer.cancel();
        signal.removeEventListener('abort', abandoned);
        const finish = (): void => {
          grace.cancel();
          child.removeListener('close', finish);
          for (const stream of child.stdio) stream?.destroy();
          resolve(outcome(output().trim()));
        };
        const grace = this.#clock.after(OUTPUT_GRACE, finish);
        child.once('close', finish);
      };
      child.once('error', (error) => {
        if (child.pid === undefined) over(() => notStarted(error));
      });
      child.once('exit', (code, how) =>
        over((text) => {
          const said = text === '' ? '' : `: ${text}`;
          if (code === 0 && ending === undefined) return { kind: 'delivered', answer: `exit code 0${said}` };
          return { kind: 'retry', reason: `${ending ?? (code === null ? `ended by ${how}` : `exit code ${code}`)}${said}` };
        }),
      );
      // A command that does not read, or has ended already, is no error.
      child.stdin.on('error', () => undefined);
      child.stdin.end(documentOf(message, dropped));
    });
  }

  #start(message: Message, dropped: number): Child {
    const [program, ...words] = this.#settings.command;
    return spawn(program, words, {
      env: { ...process.env, ...variablesOf(message, dropped) },
      stdio: ['pipe', 'pipe', 'pipe'],
      // A process group of its own, so that what the command starts can be killed with it.
      detached: true,
    });
  }
}

/** What a script of a few lines needs, without reading JSON. */
function variablesOf(message: Message, dropped: number): Readonly<Record<string, string>> {
  const alerts = message.alerts ?? [];
  const all = (values: readonly (string | undefined)[]): string =>
    [...new Set(values.flatMap((value) => value ?? []))].join(' ').slice(0, 4096);
  return {
    FCGI_LB_ALERT_ID: message.id,
    FCGI_LB_ALERT_FROM: message.from,
    FCGI_LB_ALERT_IS: outcomeOf(message),
    FCGI_LB_ALERT_TEXT: textOf(message, dropped),
    FCGI_LB_ALERT_KINDS: all(alerts.map(({ kind }) => kind)),
    FCGI_LB_ALERT_POOLS: all(alerts.map(({ pool }) => pool)),
    FCGI_LB_ALERT_UPSTREAMS: all(alerts.map(({ upstream }) => upstream)),
  };
}

/**
 * Keeps the beginning of what a command writes; the rest is read and dropped, so that it does not
 * block.
 */
function keepOutput(child: Child): () => string {
  let kept: Buffer = Buffer.alloc(0);
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      if (kept.length < KEPT_OUTPUT) kept = Buffer.concat([kept, chunk]).subarray(0, KEPT_OUTPUT);
    });
  }
  return () => kept.toString('utf8');
}
