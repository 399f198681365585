// `fcgi-lb undrain`: an upstream that was drained, or is down in the configuration, gets requests
// again.

import { ADMIN_OPTION, adminClient, HELP_OPTION, POOL_OPTION, TOKEN_OPTION } from './admin.ts';
import { type Command, readCommand } from './command.ts';
import { ACTION_EXIT, requestAction, UPSTREAM_ABOUT, UPSTREAM_OPERAND } from './upstream-ref.ts';

export const UNDRAIN = {
  name: 'undrain',
  summary: 'have a drained upstream get requests again',
  operands: [UPSTREAM_OPERAND],
  options: [POOL_OPTION, ADMIN_OPTION, TOKEN_OPTION, HELP_OPTION],
  about: [`${UPSTREAM_ABOUT} It gets requests again.`],
  exit: ACTION_EXIT,
} as const satisfies Command;

/** @throws ConfigError when the words make no sense; AdminError when the program cannot be asked */
export async function undrain(words: readonly string[]): Promise<0> {
  const read = readCommand(words, UNDRAIN);
  if (read === undefined) return 0;
  const { options, operands } = read;
  const client = adminClient(options, 'undrain');
  const { upstream, pool } = await requestAction(client, { verb: 'undrain' }, operands[0] ?? '', options.get('pool')?.[0]);
  process.stdout.write(`${upstream.name} in pool ${pool} gets requests again\n`);
  return 0;
}
