// `fcgi-lb weight`: an upstream gets another share of the requests.

import { parseCount } from '../config/quantity.ts';
import { ConfigError } from '../core/errors.ts';
import { ADMIN_OPTION, adminClient, HELP_OPTION, POOL_OPTION, TOKEN_OPTION } from './admin.ts';
import { type Command, readCommand } from './command.ts';
import { ACTION_EXIT, requestAction, UPSTREAM_ABOUT, UPSTREAM_OPERAND } from './upstream-ref.ts';

export const WEIGHT = {
  name: 'weight',
  summary: 'give an upstream another share of the requests',
  operands: [UPSTREAM_OPERAND, { name: 'N', what: 'a weight, a whole number of at least 1' }],
  options: [POOL_OPTION, ADMIN_OPTION, TOKEN_OPTION, HELP_OPTION],
  about: [
    `${UPSTREAM_ABOUT} One of weight 2 gets twice the requests of one of weight 1.`,
    'For none at all there are drain and disable.',
    'That holds across reloads until the configuration says something else of it (weight), and until the program is restarted.',
  ],
  exit: ACTION_EXIT,
} as const satisfies Command;

/** @throws ConfigError when the words make no sense; AdminError when the program cannot be asked */
export async function weight(words: readonly string[]): Promise<0> {
  const read = readCommand(words, WEIGHT);
  if (read === undefined) return 0;
  const { options, operands } = read;
  const [word = '', number = ''] = operands;
  const change = { verb: 'weight', weight: weightOf(number) } as const;
  const { upstream, pool } = await requestAction(adminClient(options, 'weight'), change, word, options.get('pool')?.[0]);
  process.stdout.write(`${upstream.name} in pool ${pool} has weight ${change.weight}\n`);
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
