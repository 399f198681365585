// The target `command`: a program of the operator's, given the message on its standard input and in
// its environment.

import type { CommandTarget } from '../config/alerts.ts';
import type { Clock } from '../core/clock.ts';
import { type CommandEnd, runCommand } from '../core/run-command.ts';
import { documentOf, type Message, outcomeOf, textOf } from './message.ts';
import type { AlertSender, Delivery } from './sender.ts';

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

  async deliver(message: Message, dropped: number, signal: AbortSignal): Promise<Delivery> {
    if (signal.aborted) return { kind: 'retry', reason: GIVEN_UP };
    const { command, timeout } = this.#settings;
    const environment = variablesOf(message, dropped);
    const run = runCommand({ command, environment, input: documentOf(message, dropped), timeout }, this.#clock);
    const abandon = (): void => run.kill(GIVEN_UP);
    signal.addEventListener('abort', abandon);
    const end = await run.ended;
    signal.removeEventListener('abort', abandon);
    return this.#outcome(end, await run.output);
  }

  #outcome(end: CommandEnd, text: string): Delivery {
    const said = text === '' ? '' : `: ${text}`;
    switch (end.kind) {
      case 'not started':
        return { kind: 'retry', reason: `cannot run ${this.#settings.command[0]}: ${end.reason}` };
      case 'exited':
        if (end.code === 0) return { kind: 'delivered', answer: `exit code 0${said}` };
        return { kind: 'retry', reason: `exit code ${end.code}${said}` };
      case 'signalled':
        return { kind: 'retry', reason: `ended by ${end.signal}${said}` };
      case 'killed':
        return { kind: 'retry', reason: `${end.reason}${said}` };
    }
  }
}

const GIVEN_UP = 'given up';

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
