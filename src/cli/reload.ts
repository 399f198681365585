// `fcgi-lb reload`: has the running program read its configuration again, and prints the outcome.

import { AdminError } from '../admin/client.ts';
import type { ReloadStatus } from '../admin/status.ts';
import { ADMIN_OPTION, adminClient, errorIn, HELP_OPTION, TOKEN_OPTION } from './admin.ts';
import { type Command, readCommand } from './command.ts';

export const RELOAD = {
  name: 'reload',
  summary: 'have the running program read its configuration again',
  options: [ADMIN_OPTION, TOKEN_OPTION, HELP_OPTION],
  about: ['The running program reads its configuration again. Of a bad one every problem is printed, and nothing changes.'],
  exit: '0 when it is in force, 1 when it has problems or the program does not answer, 2 when the options make no sense, 3 when it is not permitted.',
} as const satisfies Command;

/**
 * @returns 0 when the new configuration is in force; 1 when it has problems, which are on standard
 *   error
 * @throws ConfigError when the words make no sense; AdminError when the program cannot be asked
 */
export async function reload(words: readonly string[]): Promise<0 | 1> {
  const read = readCommand(words, RELOAD);
  if (read === undefined) return 0;
  const { status, body } = await adminClient(read.options, 'reload').ask('POST', '/reload');
  if (status !== 200 && status !== 422) throw new AdminError(errorIn(body, status));
  const result = body as ReloadStatus;
  if (result.result === 'good') {
    process.stdout.write(`reloaded: generation ${result.generation}\n`);
    return 0;
  }
  process.stderr.write(`${result.problems.join('\n')}\nfcgi-lb: nothing was reloaded: the program goes on as before\n`);
  return 1;
}
