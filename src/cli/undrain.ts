// `fcgi-lb undrain`: an upstream that was drained, or is down in the configuration, gets requests again.

import { ADMIN_OPTION, adminClient, HELP_OPTION, onlyWord, usage } from './admin.ts';
import { readOptions } from './options.ts';
import { wishFor } from './wish.ts';

export const UNDRAIN_OPTIONS = [
  { name: 'pool', value: 'NAME', help: 'the pool, when several have an upstream of that name' },
  ADMIN_OPTION,
  HELP_OPTION,
] as const;

/** @throws ConfigError when the words make no sense; AdminError when the program cannot be asked */
export async function undrain(words: readonly string[]): Promise<0> {
  const operands: string[] = [];
  const options = readOptions(words, UNDRAIN_OPTIONS, 'undrain', (word) => void operands.push(word));
  if (options.has('help')) {
    process.stdout.write(
      usage(
        [
          'Usage: fcgi-lb undrain UPSTREAM [--pool NAME] [--admin ADDR]',
          '',
          'UPSTREAM is an address, or the last part of its path: /run/rt1.sock or rt1.sock. It gets requests again.',
          'Exit code: 0 when it was done, 1 when the program does not answer, 2 when there is no such upstream.',
        ],
        UNDRAIN_OPTIONS,
      ),
    );
    return 0;
  }
  const client = adminClient(options.get('admin')?.[0], 'undrain');
  const word = onlyWord(operands, 'an upstream', 'undrain');
  const { upstream, pool } = await wishFor(client, 'undrain', word, options.get('pool')?.[0]);
  process.stdout.write(`${upstream} in pool ${pool} gets requests again\n`);
  return 0;
}
