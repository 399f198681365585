// `fcgi-lb disable`: an upstream gets nothing more, also when its worker has been restarted, until
// it is enabled.

import { ADMIN_OPTION, adminClient, HELP_OPTION, POOL_OPTION, TOKEN_OPTION } from './admin.ts';
import { type Command, readCommand } from './command.ts';
import { ACTION_EXIT, requestAction, UPSTREAM_ABOUT, UPSTREAM_OPERAND } from './upstream-ref.ts';

export const DISABLE = {
  name: 'disable',
  summary: 'have an upstream get nothing more, whatever its worker does, until it is enabled',
  operands: [UPSTREAM_OPERAND],
  options: [POOL_OPTION, ADMIN_OPTION, TOKEN_OPTION, HELP_OPTION],
  about: [
    `${UPSTREAM_ABOUT} It gets no new requests and finishes those it has.`,
    'Unlike a drain it goes for the address, not for the worker: a worker that is started anew there gets nothing either.',
    'That holds across reloads until the configuration says something else of it (down), and until the program is restarted.',
  ],
  exit: ACTION_EXIT,
} as const satisfies Command;

/** @throws ConfigError when the words make no sense; AdminError when the program cannot be asked */
export async function disable(words: readonly string[]): Promise<0> {
  const read = readCommand(words, DISABLE);
  if (read === undefined) return 0;
  const { options, operands } = read;
  const client = adminClient(options, 'disable');
  const { upstream, pool } = await requestAction(client, { verb: 'disable' }, operands[0] ?? '', options.get('pool')?.[0]);
  process.stdout.write(`${upstream.name} in pool ${pool} is disabled\n`);
  return 0;
}
