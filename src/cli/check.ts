// `fcgi-lb check`: says all that is wrong with a configuration file, or that nothing is.

import { configHost } from '../app/config-host.ts';
import { type LoadedConfig, loadConfig } from '../config/load.ts';
import { ConfigFileError } from '../config/problem.ts';
import { ConfigError } from '../core/errors.ts';
import { type Command, readCommand } from './command.ts';
import { HELP_OPTION } from './options/help-option.ts';

export const CHECK = {
  name: 'check',
  summary: 'say all that is wrong with a configuration file',
  usage: ['fcgi-lb check --config fcgi-lb.yaml'],
  options: [{ name: 'config', value: 'FILE', takes: 'file', help: 'the configuration to check' }, HELP_OPTION],
  about: ['Reads a configuration file and all that it includes, and prints every problem with its file, line and column.'],
  exit: '0 when it can be served, 1 when it has problems, 2 when the options make no sense.',
} as const satisfies Command;

/**
 * @returns 0 when the file can be served, 1 when it has problems, which are on standard error
 * @throws ConfigError when the words make no sense
 */
export function check(words: readonly string[]): 0 | 1 {
  const read = readCommand(words, CHECK);
  if (read === undefined) return 0;
  const file = read.options.get('config')?.[0];
  if (file === undefined) throw new ConfigError('nothing to check: expected --config FILE; see fcgi-lb check --help');
  try {
    process.stdout.write(`${file}: ${summary(loadConfig(file, configHost(false)))}\n`);
    return 0;
  } catch (error) {
    if (!(error instanceof ConfigFileError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return 1;
  }
}

function summary({ settings, files }: LoadedConfig): string {
  const upstreams = settings.pools.reduce((sum, pool) => sum + pool.upstreams.length, 0);
  const parts = [
    many(files.length, 'file'),
    many(settings.pools.length, 'pool'),
    many(upstreams, 'upstream or glob', 'upstreams and globs'),
    many(settings.routes.length, 'route'),
  ];
  return `ok: ${parts.join(', ')}`;
}

function many(count: number, one: string, more = `${one}s`): string {
  return `${count} ${count === 1 ? one : more}`;
}
