// `fcgi-lb top`: shows in a terminal what the running program does, anew at each interval.

import type { AdminClient } from '../admin/client.ts';
import type { Status } from '../admin/status.ts';
import { parseDuration } from '../config/quantity.ts';
import { pause, systemClock } from '../core/clock.ts';
import { asError, ConfigError } from '../core/errors.ts';
import { ADMIN_OPTION, adminClient, askStatus, HELP_OPTION } from './admin.ts';
import { type Command, readCommand } from './command.ts';
import { SORT_OPTION, statusLines } from './status.ts';
import { displayOptionsOf, sortOf } from './view/display-options.ts';
import { type Overview, overview } from './view/overview.ts';
import { keysIn, Screen } from './view/screen.ts';
import { SORT_NAMES, SORTS, type SortName } from './view/status-view.ts';
import { pressed, type TopState, topLines } from './view/top-view.ts';

export const TOP = {
  name: 'top',
  summary: 'show what the running program does, again and again',
  options: [
    { name: 'interval', value: 'TIME', preset: '1s', help: 'between two looks' },
    { ...SORT_OPTION, preset: 'state' },
    { name: 'once', help: 'print what happens in one interval, and end' },
    ADMIN_OPTION,
    HELP_OPTION,
  ],
  about: [
    'Rates are of the interval. Red is what fails, yellow what is set aside; NO_COLOR=1 in the environment turns colours off.',
    `Keys: ${SORT_NAMES.map((name) => `${SORTS[name]} sorts by ${name}`).join(', ')}, R turns the order round; arrows, PageUp, PageDown, Home and End scroll; Ctrl-L draws anew; q ends.`,
    'While the program does not answer it says so and goes on trying.',
  ],
  exit: '0; with --once 1 when the program does not answer; 2 when the options make no sense or there is no terminal.',
} as const satisfies Command;

/** ms: nothing that changes faster can be read. */
const LEAST_INTERVAL = 100;
/** ms for an answer. */
const LEAST_TIMEOUT = 2000;
const ENDING = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const;

/**
 * @throws ConfigError when the words make no sense; AdminError with --once when the program cannot
 *   be asked
 */
export async function top(words: readonly string[]): Promise<0> {
  const read = readCommand(words, TOP);
  if (read === undefined) return 0;
  const { options } = read;
  const interval = intervalOf(options.get('interval')?.[0] ?? '1s');
  const sort = sortOf(options.get('sort')?.[0]) ?? 'state';
  const client = adminClient(options, 'top');
  if (options.has('once')) {
    const seen = await lookTwice(client, interval);
    const sight = { ...displayOptionsOf(process.stdout, process.env), sort, rates: true };
    process.stdout.write(`${statusLines(seen, sight, Number.POSITIVE_INFINITY).join('\n')}\n`);
    return 0;
  }
  if (!process.stdin.isTTY || !process.stdout.isTTY) {
    throw new ConfigError('top needs a terminal; --once prints one picture, status --json is for programs');
  }
  await watch(client, interval, sort);
  return 0;
}

function intervalOf(text: string): number {
  const interval = parseDuration(text);
  if (interval >= LEAST_INTERVAL) return interval;
  throw new ConfigError(`option --interval: '${text}' is too short: expected at least ${LEAST_INTERVAL}ms`);
}

async function lookTwice(client: AdminClient, interval: number): Promise<Overview> {
  const before = await askStatus(client);
  await pause(interval);
  return overview(await askStatus(client), systemClock.date(), before);
}

/** Owns the terminal until it resolves, or throws. */
async function watch(client: AdminClient, interval: number, sort: SortName): Promise<void> {
  const screen = new Screen(process.stdin, process.stdout);
  const { colours } = displayOptionsOf(process.stdout, process.env);
  let state: TopState = { seen: undefined, failure: undefined, sort, reversed: false, offset: 0 };
  const draw = (): void => screen.draw(topLines(state, screen, colours));
  const redraw = (): void => {
    screen.forget();
    draw();
  };
  const suspend = (): void => {
    screen.leave();
    process.kill(process.pid, 'SIGTSTP');
  };
  const resume = (): void => {
    screen.enter();
    draw();
  };
  let quit: () => void = () => undefined;
  const over = new Promise<'over'>((resolve) => {
    quit = () => resolve('over');
  });
  const typed = (chunk: Buffer): void => {
    for (const key of keysIn(chunk.toString())) {
      const meant = pressed(key, state, screen.height);
      if (meant === 'quit') quit();
      else if (meant === 'suspend') suspend();
      else if (meant === 'redraw') redraw();
      else if (meant !== undefined) state = meant;
    }
    draw();
  };
  const leave = (): void => screen.leave();
  /** The signal ends the program as it would have, once the terminal is as it was. */
  const signalled = (signal: NodeJS.Signals): void => {
    leave();
    for (const name of ENDING) process.off(name, signalled);
    process.kill(process.pid, signal);
  };
  process.stdin.on('data', typed).on('end', quit);
  // The terminal is gone: so are its reader and its colours.
  process.stdin.on('error', quit);
  process.stdout.on('error', quit).on('resize', redraw);
  process.on('SIGCONT', resume).on('exit', leave);
  for (const name of ENDING) process.on(name, signalled);
  try {
    screen.enter();
    draw();
    await look(client, interval, over, (change) => {
      state = { ...state, ...change };
      draw();
    });
  } finally {
    leave();
    for (const name of ENDING) process.off(name, signalled);
    process.off('SIGCONT', resume).off('exit', leave);
    process.stdin.off('data', typed).off('end', quit).off('error', quit);
    process.stdout.off('resize', redraw);
  }
}

/** Asks for the status once an interval until `over` resolves. */
async function look(
  client: AdminClient,
  interval: number,
  over: Promise<'over'>,
  known: (change: Pick<TopState, 'seen' | 'failure'> | Pick<TopState, 'failure'>) => void,
): Promise<void> {
  let before: Status | undefined;
  let failingSince: number | undefined;
  for (;;) {
    const began = systemClock.now();
    const asked = askStatus(client, { timeout: Math.max(LEAST_TIMEOUT, interval) }).catch(asError);
    const answer = await Promise.race([asked, over]);
    if (answer === 'over') return;
    if (answer instanceof Error) {
      failingSince ??= began;
      known({ failure: { message: answer.message, seconds: (systemClock.now() - failingSince) / 1000 } });
    } else {
      failingSince = undefined;
      known({ seen: overview(answer, systemClock.date(), before), failure: undefined });
      before = answer;
    }
    const rest = interval - (systemClock.now() - began);
    if ((await Promise.race([pause(Math.max(0, rest)), over])) === 'over') return;
  }
}
