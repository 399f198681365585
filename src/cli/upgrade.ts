// `fcgi-lb upgrade`: has the running program leave the service to a successor from the files now on disk, and says how that went.

import { AdminError } from '../admin/client.ts';
import type { UpgradeStatus } from '../admin/status.ts';
import { ADMIN_OPTION, adminClient, errorIn, HELP_OPTION, usage } from './admin.ts';
import { readOptions } from './options.ts';

export const UPGRADE_OPTIONS = [ADMIN_OPTION, HELP_OPTION] as const;

/**
 * @returns 0 when the successor serves; 1 when the process that was asked serves on, and why is on standard error
 * @throws ConfigError when the words make no sense; AdminError when the program cannot be asked
 */
export async function upgrade(words: readonly string[]): Promise<0 | 1> {
  const options = readOptions(words, UPGRADE_OPTIONS, 'upgrade');
  if (options.has('help')) {
    process.stdout.write(
      usage(
        [
          'Usage: fcgi-lb upgrade [--admin ADDR]',
          '',
          'The running program starts its successor from the files now on disk and leaves it the service when it is ready. The old process',
          'finishes what it holds. A successor that is not ready within --upgrade-timeout of the program is ended.',
          'Exit code: 0 when the successor serves, 1 when it does not, the old process serves on or does not answer, 2 when the options make no sense.',
        ],
        UPGRADE_OPTIONS,
      ),
    );
    return 0;
  }
  // The program sets the limit itself, and answers when it is over.
  const client = adminClient(options.get('admin')?.[0], 'upgrade');
  const { status, body } = await client.ask('POST', '/upgrade', Number.POSITIVE_INFINITY);
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
