// The options of `serve`, in the order of the help. An option with a key takes its kind, default
// and text from what the schema of the configuration file says of that key.

import type { ValueKind } from '../../config/option-form.ts';
import { type FileKey, shapeAt } from '../../config/schema/key.ts';
import { HELP_OPTION } from './help-option.ts';
import { type OptionValue, optionValue } from './value.ts';

export interface Option {
  readonly name: string;
  /** What stands for the value in the help; undefined for a flag without one. */
  readonly value?: string;
  /** Takes every following word up to the next option: the shell may have expanded a glob. */
  readonly words?: true;
  readonly repeatable?: true;
  readonly preset?: string;
  /** What completion offers for the value. */
  readonly takes?: ValueKind;
  readonly help: string;
}

/** An option that says what a key of the file says; here is only what is peculiar to the option. */
interface KeyedOption {
  readonly name: string;
  readonly key: FileKey;
  readonly value?: string;
  readonly words?: true;
}

const TABLE = [
  {
    name: 'config',
    value: 'FILE',
    takes: 'file',
    help: 'the whole configuration (docs/configuration.md), in the place of --upstream and most options',
  },
  { name: 'upstream', key: 'pools.*.upstreams', value: 'WHAT...', words: true },
  { name: 'listen', key: 'listen' },
  { name: 'admin', key: 'admin' },
  { name: 'admin-token-file', key: 'admin_token_file' },
  { name: 'balance', key: 'pools.*.balance' },
  { name: 'sticky-secret-file', key: 'pools.*.sticky_secret_file' },
  { name: 'max-conns', key: 'pools.*.max_conns' },
  { name: 'queue', key: 'pools.*.queue.size' },
  { name: 'queue-timeout', key: 'pools.*.queue.timeout' },
  { name: 'attempts', key: 'pools.*.retry.attempts' },
  { name: 'keepalive', key: 'pools.*.keepalive' },
  { name: 'hand-over', key: 'pools.*.hand_over' },
  { name: 'connect-timeout', key: 'pools.*.timeouts.connect' },
  { name: 'send-timeout', key: 'pools.*.timeouts.send' },
  { name: 'read-timeout', key: 'pools.*.timeouts.read' },
  { name: 'linger-timeout', key: 'pools.*.timeouts.linger' },
  { name: 'root', key: 'routes.*.root' },
  { name: 'php', key: 'routes.*.php' },
  { name: 'index', key: 'routes.*.index' },
  { name: 'param', key: 'routes.*.params' },
  { name: 'max-body', key: 'routes.*.max_body' },
  { name: 'max-header', key: 'client.max_header' },
  { name: 'max-response-head', key: 'routes.*.max_response_head' },
  { name: 'request-buffering', key: 'routes.*.request_buffering' },
  { name: 'response-buffering', key: 'routes.*.response_buffering' },
  { name: 'temp-dir', key: 'temp_dir' },
  { name: 'header-timeout', key: 'client.header_timeout' },
  { name: 'body-timeout', key: 'client.body_timeout' },
  { name: 'client-send-timeout', key: 'client.send_timeout' },
  { name: 'client-keepalive', key: 'client.keepalive' },
  { name: 'trusted-proxy', key: 'trusted_proxies' },
  { name: 'health-path', key: 'health_path' },
  { name: 'access-log', key: 'access_log.to' },
  { name: 'access-log-format', key: 'access_log.format' },
  { name: 'log-level', key: 'log_level' },
  { name: 'log-format', key: 'log_format' },
  { name: 'shutdown-timeout', key: 'shutdown_timeout' },
  { name: 'upgrade-timeout', key: 'upgrade_timeout' },
  { name: 'version', help: 'print the version and exit' },
  HELP_OPTION,
] as const satisfies readonly (Option | KeyedOption)[];

export type OptionName = (typeof TABLE)[number]['name'];

interface Keyed {
  readonly name: OptionName;
  readonly key: FileKey;
  readonly value: OptionValue;
}

/** The options that have a key, with how their values are read. */
export const KEYED_OPTIONS: readonly Keyed[] = TABLE.flatMap((row) =>
  'key' in row ? [{ name: row.name, key: row.key, value: optionValue(shapeAt(row.key)) }] : [],
);

/** By a key of the top, of a pool or of a route: the option that stands for it. */
const OPTION_OF: ReadonlyMap<string, OptionName> = new Map(
  KEYED_OPTIONS.flatMap(({ name, key }) => {
    const [, short] = /^(?:(?:pools|routes)\.\*\.)?(\w+)$/.exec(key) ?? [];
    return short === undefined ? [] : [[short, name] as const];
  }),
);

export const SERVE_OPTIONS: readonly (Option & { readonly name: OptionName })[] = TABLE.map((row) =>
  'key' in row ? { ...described(row), name: row.name } : row,
);

function described(row: KeyedOption): Option {
  const { flag, placeholder, takes, repeatable, preset, text } = optionValue(shapeAt(row.key));
  return {
    name: row.name,
    ...(flag ? {} : { value: row.value ?? placeholder }),
    ...(row.words === undefined ? {} : { words: row.words }),
    ...(repeatable ? { repeatable } : {}),
    ...(preset === undefined ? {} : { preset: inTerminal(preset) }),
    ...(takes === undefined ? {} : { takes }),
    help: inTerminal(text),
  };
}

/** Text of the schema as a terminal shows it: without marks, options in place of keys. */
function inTerminal(text: string): string {
  return text.replace(/`([^`]*)`/g, (_, code: string) => {
    const option = OPTION_OF.get(code);
    return option === undefined ? code : `--${option}`;
  });
}

/**
 * What may be said beside `--config`, and wins over the file: the program as a whole, not its pools
 * and routes.
 */
export const FILE_OPTIONS: readonly OptionName[] = KEYED_OPTIONS.flatMap(({ name, key }) =>
  /^(?:pools|routes)\./.test(key) ? [] : [name],
);
