// `fcgi-lb undrain`, `enable`, `disable` and `weight`: a table of the commands that change one
// upstream by one request and print what it is now.

import { parseCount } from '../config/quantity.ts';
import { ConfigError } from '../core/errors.ts';
import { ADMIN_OPTION, adminClient, HELP_OPTION, POOL_OPTION, TOKEN_OPTION } from './admin.ts';
import { type Command, type Operand, readCommand } from './command.ts';
import { ACTION_EXIT, type Change, requestAction, UPSTREAM_ABOUT, UPSTREAM_OPERAND } from './upstream-ref.ts';

export type UpstreamVerb = 'undrain' | 'enable' | 'disable' | 'weight';

interface UpstreamCommand {
  readonly summary: string;
  /** Besides the upstream. */
  readonly operands?: readonly Operand[];
  /** The first sentence follows what the word for the upstream means. */
  readonly about: readonly [string, ...string[]];
  /**
   * @param argument the word behind the upstream
   * @returns the change, and what the upstream is or does then, for a sentence that begins with its
   *   name
   * @throws ConfigError when the argument makes no sense
   */
  readonly act: (argument: string) => { readonly change: Change; readonly done: string };
}

const OPTIONS = [POOL_OPTION, ADMIN_OPTION, TOKEN_OPTION, HELP_OPTION] as const;
const LASTS = (what: string): string =>
  `That holds across reloads until the configuration says something else of it (${what}), and until the program is restarted.`;

const TABLE: Readonly<Record<UpstreamVerb, UpstreamCommand>> = {
  undrain: {
    summary: 'have a drained upstream get requests again',
    about: ['It gets requests again.'],
    act: () => ({ change: { verb: 'undrain' }, done: 'gets requests again' }),
  },
  enable: {
    summary: 'have an upstream that is disabled, or down in the configuration, get requests',
    about: ['It gets requests, a drain of it ends.', LASTS('down')],
    act: () => ({ change: { verb: 'enable' }, done: 'is enabled' }),
  },
  disable: {
    summary: 'have an upstream get nothing more, whatever its worker does, until it is enabled',
    about: [
      'It gets no new requests and finishes those it has.',
      'Unlike a drain it goes for the address, not for the worker: a worker that is started anew there gets nothing either.',
      LASTS('down'),
    ],
    act: () => ({ change: { verb: 'disable' }, done: 'is disabled' }),
  },
  weight: {
    summary: 'give an upstream another share of the requests',
    operands: [{ name: 'N', what: 'a weight, a whole number of at least 1' }],
    about: [
      'One of weight 2 gets twice the requests of one of weight 1.',
      'For none at all there are drain and disable.',
      LASTS('weight'),
    ],
    act: (argument) => {
      const weight = weightOf(argument);
      return { change: { verb: 'weight', weight }, done: `has weight ${weight}` };
    },
  },
};

function commandOf(name: UpstreamVerb) {
  const { summary, operands = [], about } = TABLE[name];
  const [first, ...more] = about;
  return {
    name,
    summary,
    operands: [UPSTREAM_OPERAND, ...operands],
    options: OPTIONS,
    about: [`${UPSTREAM_ABOUT} ${first}`, ...more],
    exit: ACTION_EXIT,
  } satisfies Command;
}

/** For help, completion and the man page, in the order of the table. */
export const UPSTREAM_COMMANDS: readonly Command[] = (Object.keys(TABLE) as UpstreamVerb[]).map(commandOf);

/** @throws ConfigError when the words make no sense; AdminError when the program cannot be asked */
export async function changeUpstream(name: UpstreamVerb, words: readonly string[]): Promise<0> {
  const read = readCommand(words, commandOf(name));
  if (read === undefined) return 0;
  const { options, operands } = read;
  const [word = '', argument = ''] = operands;
  const { change, done } = TABLE[name].act(argument);
  const { pool, upstream } = await requestAction(adminClient(options, name), change, word, options.get('pool')?.[0]);
  process.stdout.write(`${upstream.name} in pool ${pool} ${done}\n`);
  return 0;
}

function weightOf(text: string): number {
  try {
    return parseCount(text, 1);
  } catch (error) {
    if (error instanceof ConfigError)
      throw new ConfigError(`weight: ${error.message}; for no requests there are drain and disable`);
    throw error;
  }
}
