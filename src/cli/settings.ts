// From the options of the command line to settings, with every value checked.

import { configHost } from '../app/config-host.ts';
import type { ConfigHost } from '../config/config-host.ts';
import { ROUTE_DEFAULTS, serverDefaults } from '../config/defaults.ts';
import { overlaps } from '../config/overlaps.ts';
import { poolSettings } from '../config/resolve/pool.ts';
import { poolRoute } from '../config/resolve/route.ts';
import { serverSettings } from '../config/resolve/server.ts';
import type { ServerSettings, Settings } from '../config/settings.ts';
import { parseTemplate } from '../config/template.ts';
import { checkParamSize } from '../config/values.ts';
import { ConfigError } from '../core/errors.ts';
import { named, type Options, type RawOptions, rawOptions } from './options/raw.ts';

/** The one pool of a program that gets its upstreams by options. */
const POOL_NAME = 'default';

/**
 * The settings that the options make, when no `--config` is among them.
 * @param terminal whether a person reads the log, on a terminal
 * @throws ConfigError with one message that names the option, what was found and what is expected
 */
export function settingsFrom(options: Options, terminal: boolean): Settings {
  if (!options.has('upstream')) {
    throw new ConfigError("no upstream: give at least one, such as --upstream '/run/rt*.sock'; see fcgi-lb --help");
  }
  const host = configHost(terminal);
  const raw = rawOf(options, host);
  checkPool(raw);
  checkRoute(raw);
  return {
    ...serverFrom(raw, serverDefaults(host)),
    pools: [poolSettings(POOL_NAME, raw.pool)],
    routes: [poolRoute(raw.route, POOL_NAME, ROUTE_DEFAULTS, undefined)],
  };
}

/**
 * What `base` says, unless an option says something else.
 * @throws ConfigError
 */
export function withOptions(options: Options, base: ServerSettings, host: ConfigHost): ServerSettings {
  return serverFrom(rawOf(options, host), base);
}

function rawOf(options: Options, host: ConfigHost): RawOptions {
  const admin = options.get('admin') ?? [];
  if (admin.length > 1 && admin.includes('off')) throw new ConfigError("option --admin: 'off' and an address exclude each other");
  return rawOptions(options, { directory: process.cwd(), keepsRelative: true, host: host });
}

function checkPool({ pool }: RawOptions): void {
  if (pool.sticky_secret_file !== undefined && pool.balance?.name !== 'sticky')
    throw new ConfigError('option --sticky-secret-file needs --balance sticky:COOKIE');
}

function checkRoute({ route }: RawOptions): void {
  if (route.php && route.root === undefined)
    throw new ConfigError('option --php needs --root DIR, the directory of the PHP files');
  for (const [name, value] of route.params ?? []) {
    named('param', () => {
      parseTemplate(value);
      checkParamSize(name, value);
    });
  }
}

function serverFrom(raw: RawOptions, base: ServerSettings): ServerSettings {
  const settings = { ...base, ...serverSettings(raw.server, base) };
  const { listen, admin } = settings;
  const [conflict] = overlaps([...listen, ...(admin.kind === 'addresses' ? admin.addresses : [])]);
  if (conflict === undefined) return settings;
  const name = conflict.at < listen.length ? 'listen' : 'admin';
  throw new ConfigError(`option --${name}: ${conflict.what}; one of the two is enough`);
}
