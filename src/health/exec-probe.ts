// The probe `exec`: a command of the operator's, given the upstream's address; exit code 0 is good.

import type { Clock } from '../core/clock.ts';
import { type CommandEnd, type RunningCommand, runCommand } from '../core/run-command.ts';
import type { ProbeLease } from '../upstream/probe-lease.ts';
import { bad, shown } from './failed-answer.ts';
import type { Probe, ProbeAnswer } from './probe.ts';

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

  /** The slot is given back when the command has ended: until then it may speak to the worker. */
  ask(lease: ProbeLease, done: (answer: ProbeAnswer) => void): () => void {
    let heard: (answer: ProbeAnswer) => void = done;
    const command = [...this.#command, this.#upstream] as const;
    const run = runCommand({ command, environment: { UPSTREAM: this.#upstream } }, this.#clock);
    void run.ended.then(async (end) => {
      lease.release();
      const answer = await this.#answer(end, run);
      heard(answer);
    });
    return () => {
      heard = () => undefined;
      run.kill('given up');
    };
  }

  async #answer(end: CommandEnd, { output }: RunningCommand): Promise<ProbeAnswer> {
    if (end.kind === 'not started') return { kind: 'unasked', reason: `cannot run ${shown(this.#command[0])}: ${end.reason}` };
    if (end.kind === 'exited' && end.code === 0) return { kind: 'good' };
    const text = await output;
    return bad(text === '' ? how(end) : `${how(end)}: ${JSON.stringify(text)}`);
  }
}

function how(end: Exclude<CommandEnd, { readonly kind: 'not started' }>): string {
  switch (end.kind) {
    case 'exited':
      return `exit code ${end.code}`;
    case 'signalled':
      return `ended by ${end.signal}`;
    case 'killed':
      return end.reason;
  }
}
