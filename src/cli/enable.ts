// `fcgi-lb enable`: an upstream gets requests, whatever was said of it before.

import { ADMIN_OPTION, adminClient, HELP_OPTION, POOL_OPTION, TOKEN_OPTION } from './admin.ts';
import { type Command, readCommand } from './command.ts';
import { ACTION_EXIT, requestAction, UPSTREAM_ABOUT, UPSTREAM_OPERAND } from './upstream-ref.ts';

export const ENABLE = {
  name: 'enable',
  summary: 'have an upstream that is disabled, or down in the configuration, get requests',
  operands: [UPSTREAM_OPERAND],
  options: [POOL_OPTION, ADMIN_OPTION, TOKEN_OPTION, HELP_OPTION],
  about: [
    `${UPSTREAM_ABOUT} It gets requests, a drain of it ends.`,
    'That holds across reloads until the configuration says something else of it (down), and until the program is restarted.',
  ],
  exit: ACTION_EXIT,
} as const satisfies Command;

/** @throws ConfigError when the words make no sense; AdminError when the program cannot be asked */
export async function enable(words: readonly string[]): Promise<0> {
  const read = readCommand(words, ENABLE);
  if (read === undefined) return 0;
  const { options, operands } = read;
  const client = adminClient(options, 'enable');
  const { upstream, pool } = await requestAction(client, { verb: 'enable' }, operands[0] ?? '', options.get('pool')?.[0]);
  process.stdout.write(`${upstream.name} in pool ${pool} is enabled\n`);
  return 0;
}
