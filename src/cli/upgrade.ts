// `fcgi-lb upgrade`: has the running program hand over to a successor from the files now on disk,
// and prints the outcome.

import { AdminError } from '../admin/client.ts';
import type { UpgradeStatus } from '../admin/status.ts';
import { ADMIN_OPTION, adminClient, errorIn, HELP_OPTION, TOKEN_OPTION } from './admin.ts';
import { type Command, readCommand } from './command.ts';

export const UPGRADE = {
  name: 'upgrade',
  summary: 'replace the running program with a new process from the files now on disk',
  options: [ADMIN_OPTION, TOKEN_OPTION, HELP_OPTION],
  about: [
    'The running program starts its successor from the files now on disk and leaves it the service when it is ready. The old process',
    'finishes what it holds. A successor that is not ready within --upgrade-timeout of the program is ended.',
  ],
  exit: '0 when the successor serves, 1 when it does not, the old process serves on or does not answer, 2 when the options make no sense, 3 when it is not permitted.',
} as const satisfies Command;

/**
 * @returns 0 when the successor serves; 1 when the process that was asked serves on, and why is on
 *   standard error
 * @throws ConfigError when the words make no sense; AdminError when the program cannot be asked
 */
export async function upgrade(words: readonly string[]): Promise<0 | 1> {
  const read = readCommand(words, UPGRADE);
  if (read === undefined) return 0;
  // The program sets the limit itself, and answers when it is over.
  const answer = await adminClient(read.options, 'upgrade').ask('POST', '/upgrade', { timeout: Number.POSITIVE_INFINITY });
  const { status, body } = answer;
  if (status !== 200 && status !== 409 && status !== 422) throw new AdminError(errorIn(body, status));
  const result = body as UpgradeStatus;
  if (result.result === 'good') {
    process.stdout.write(`upgraded: process ${result.successor} serves in the place of ${result.pid}\n`);
    return 0;
  }
  const what = result.result === 'bad' ? 'the upgrade failed' : 'refused to upgrade';
  process.stderr.write(`fcgi-lb: ${what}: ${result.reason}; process ${result.pid} serves on\n`);
  return 1;
}
