// The settings that a configuration file makes, and the options beside it that win over it.

import { configHost } from '../app/config-host.ts';
import { loadConfig } from '../config/load.ts';
import type { Settings } from '../config/settings.ts';
import { ConfigError } from '../core/errors.ts';
import type { Options } from './options/raw.ts';
import { FILE_OPTIONS } from './options/table.ts';
import { withOptions } from './settings.ts';

/**
 * @param options among them `--config`
 * @param terminal whether the log is read by eyes
 * @throws ConfigFileError with all that is wrong with the file
 * @throws ConfigError with one message that names the option at fault
 */
export function settingsFromFile(options: Options, terminal: boolean): Settings {
  const file = options.get('config')?.[0];
  if (file === undefined) throw new ConfigError('no configuration: expected --config FILE');
  for (const name of options.keys()) {
    // The file's pools and routes are its own: an option could not say which of them it means.
    if (name === 'config' || FILE_OPTIONS.some((allowed) => allowed === name)) continue;
    throw new ConfigError(`option --${name} and --config exclude each other: say it in the file`);
  }
  const host = configHost(terminal);
  const { settings } = loadConfig(file, host);
  return { ...settings, ...withOptions(options, settings, host) };
}
