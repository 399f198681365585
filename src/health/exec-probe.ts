// The probe `exec`: a command of the operator's, told the upstream's address; exit code 0 is good.

import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import type { Clock, Timer } from '../core/clock.ts';
import { asError, systemCode } from '../core/errors.ts';
import { killGroup } from '../core/process-group.ts';
import type { ProbeLease } from '../upstream/probe-lease.ts';
import { bad, shown } from './failed-answer.ts';
import type { Probe, ProbeAnswer } from './probe.ts';

/** Bytes of output that are kept, for the reason. */
const KEPT_OUTPUT = 1024;
/**
 * ms for the last output to come in after the end: a process left behind may hold the pipe open for
 * good.
 */
const OUTPUT_GRACE = 100;

type Child = ChildProcessByStdio<null, Readable, Readable>;

export class ExecProbe implements Probe {
  readonly #command: readonly [string, ...string[]];
  readonly #upstream: string;
  readonly #clock: Clock;

  /** @param upstream the address, as the operator writes it */
  constructor(command: readonly [string, ...string[]], upstream: string, clock: Clock) {
    this.#command = command;
    this.#upstream = upstream;
    this.#clock = clock;
  }

  /** The slot is given back when the command has ended: it is what speaks to the worker. */
  ask(loan: ProbeLease, done: (answer: ProbeAnswer) => void): () => void {
    let heard: (answer: ProbeAnswer) => void = done;
    let child: Child;
    const notStarted = (error: unknown): void => {
      loan.release();
      const why = systemCode(error) ?? asError(error).message;
      heard({ kind: 'unasked', reason: `cannot run ${shown(this.#command[0])}: ${why}` });
    };
    try {
      child = this.#start();
    } catch (error) {
      notStarted(error);
      return () => undefined;
    }
    const output = new Output(child);
    child.once('error', notStarted);
    child.once('exit', (code, signal) => {
      loan.release();
      if (code === 0) {
        output.close();
        heard({ kind: 'good' });
        return;
      }
      const how = code === null ? `ended by ${signal}` : `exit code ${code}`;
      output.whole(this.#clock, (text) => heard(bad(text === '' ? how : `${how}: ${JSON.stringify(text)}`)));
    });
    return () => {
      heard = () => undefined;
      if (child.exitCode === null && child.signalCode === null) killGroup(child.pid);
    };
  }

  #start(): Child {
    const [program, ...words] = this.#command;
    return spawn(program, [...words, this.#upstream], {
      env: { ...process.env, UPSTREAM: this.#upstream },
      stdio: ['ignore', 'pipe', 'pipe'],
      // A process group of its own, so that what the command starts can be killed with it.
      detached: true,
    });
  }
}

/**
 * The beginning of what a command writes; the rest is read and dropped, so that it does not block.
 */
class Output {
  readonly #child: Child;
  #kept: Buffer = Buffer.alloc(0);

  constructor(child: Child) {
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        if (this.#kept.length < KEPT_OUTPUT) this.#kept = Buffer.concat([this.#kept, chunk]).subarray(0, KEPT_OUTPUT);
      });
    }
  }

  /** Calls `done` once with what there is to read, when all has come or the grace is over. */
  whole(clock: Clock, done: (text: string) => void): void {
    const finish = (): void => {
      timer.cancel();
      this.#child.removeListener('close', finish);
      this.close();
      done(this.#kept.toString('utf8').trim());
    };
    const timer: Timer = clock.after(OUTPUT_GRACE, finish);
    this.#child.once('close', finish);
  }

  close(): void {
    this.#child.stdout.destroy();
    this.#child.stderr.destroy();
  }
}
