// `fcgi-lb check`: says all that is wrong with a configuration file, or that nothing is.

import { configWorld } from '../app/config-world.ts';
import { ConfigFileError } from '../config/file/problem.ts';
import { type LoadedConfig, loadConfig } from '../config/load.ts';
import { ConfigError } from '../core/address.ts';
import { optionRows, readOptions } from './options.ts';

export const CHECK_OPTIONS = [
  { name: 'config', value: 'FILE', help: 'the configuration to check' },
  { name: 'help', help: 'print this help and exit' },
] as const;

/**
 * @returns 0 when the file can be served, 1 when it has problems, which are on standard error
 * @throws ConfigError when the words make no sense
 */
export function check(words: readonly string[]): 0 | 1 {
  const options = readOptions(words, CHECK_OPTIONS, 'check');
  if (options.has('help')) {
    process.stdout.write(checkHelp());
    return 0;
  }
  const file = options.get('config')?.[0];
  if (file === undefined) throw new ConfigError('nothing to check: expected --config FILE; see fcgi-lb check --help');
  try {
    process.stdout.write(`${file}: ${summary(loadConfig(file, configWorld(false)))}\n`);
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

function checkHelp(): string {
  return [
    'Usage: fcgi-lb check --config fcgi-lb.yaml',
    '',
    'Reads a configuration file and all that it includes, and prints every problem with its file, line and column.',
    'Exit code: 0 when it can be served, 1 when it has problems, 2 when the options make no sense.',
    '',
    ...optionRows(CHECK_OPTIONS),
    '',
  ].join('\n');
}
