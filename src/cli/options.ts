// The options of `serve`: one table, from which the command line is read and the help is written.
// Other commands have their own.

import { parseArgs } from 'node:util';
import { ConfigError } from '../core/errors.ts';

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

/**
 * Kinds of words that a shell can complete: names that the running program knows, and a choice of
 * words.
 */
export type ValueKind = 'file' | 'directory' | 'address' | 'upstream' | 'pool' | readonly string[];

export const SERVE_OPTIONS = [
  {
    name: 'config',
    value: 'FILE',
    takes: 'file',
    help: 'the whole configuration (docs/configuration.md), in the place of --upstream and most options',
  },
  {
    name: 'upstream',
    value: 'WHAT...',
    takes: 'file',
    words: true,
    repeatable: true,
    help: "workers: a quoted glob ('/run/rt*.sock', watched), a socket path, unix:PATH or HOST:PORT; HTTP servers: http://HOST:PORT, https://HOST:PORT or http+unix:PATH",
  },
  {
    name: 'listen',
    value: 'ADDR',
    takes: 'address',
    repeatable: true,
    preset: '127.0.0.1:8080',
    help: 'where clients connect: HOST:PORT, [IPV6]:PORT, unix:PATH, or systemd[:NAME] for sockets that systemd passes',
  },
  {
    name: 'admin',
    value: 'ADDR',
    takes: 'address',
    repeatable: true,
    preset: '127.0.0.1:9180 and a unix socket',
    help: 'where /healthz, /readyz, /status and /metrics are answered and commands are taken, or off',
  },
  {
    name: 'admin-token-file',
    value: 'FILE',
    takes: 'file',
    preset: 'none',
    help: 'holds the token with which things may be changed through the admin listener over TCP',
  },
  {
    name: 'balance',
    value: 'NAME',
    takes: ['round-robin', 'least-conn', 'first', 'random-two', 'least-time', 'hash:', 'sticky:'],
    preset: 'least-conn',
    help: 'round-robin, least-conn, first, random-two, least-time, hash:KEY with $remote_addr, $request_uri, $http_NAME or $cookie_NAME, or sticky:COOKIE',
  },
  {
    name: 'sticky-secret-file',
    value: 'FILE',
    takes: 'file',
    preset: 'a secret of this process',
    help: 'holds what cookies of sticky:COOKIE are signed with, so that they outlast a restart',
  },
  {
    name: 'max-conns',
    value: 'N',
    takes: ['auto', 'unlimited'],
    preset: 'auto',
    help: 'requests in flight on one upstream: auto (ask it), unlimited or a number',
  },
  { name: 'queue', value: 'N', preset: '1024', help: 'requests that may wait for an upstream' },
  { name: 'queue-timeout', value: 'TIME', preset: '30s', help: 'how long a request may wait for an upstream' },
  { name: 'attempts', value: 'N', preset: '3', help: 'how often a request that may be repeated is sent when workers fail' },
  {
    name: 'keepalive',
    value: 'TIME',
    takes: ['off'],
    preset: 'off',
    help: 'keep connections to upstreams open, at most this long idle',
  },
  {
    name: 'hand-over',
    value: 'on|off',
    preset: 'on',
    help: 'let a request that waited for a worker use the connection of the one before it',
  },
  { name: 'connect-timeout', value: 'TIME', preset: '5s', help: 'for a connection to an upstream' },
  { name: 'send-timeout', value: 'TIME', preset: '60s', help: 'for an upstream to take some of a request' },
  { name: 'read-timeout', value: 'TIME', preset: '60s', help: 'for an upstream to send some of its answer' },
  {
    name: 'linger-timeout',
    value: 'TIME',
    preset: '5m',
    help: 'how long a worker whose client left counts as busy while it is silent',
  },
  { name: 'root', value: 'DIR', takes: 'directory', help: "the application's files, for --php and DOCUMENT_ROOT" },
  { name: 'php', help: 'PHP parameters: SCRIPT_FILENAME below --root, split at .php' },
  { name: 'index', value: 'FILE', preset: 'index.php', help: 'script for a directory, with --php' },
  {
    name: 'param',
    value: 'NAME=VALUE',
    repeatable: true,
    help: "add a FastCGI parameter, or replace one; nginx's variables ($uri) are filled in",
  },
  { name: 'max-body', value: 'SIZE', preset: '100m', help: 'largest request body' },
  { name: 'max-header', value: 'SIZE', preset: '32k', help: 'largest request head' },
  { name: 'max-response-head', value: 'SIZE', preset: '64k', help: "largest head of an upstream's answer" },
  { name: 'request-buffering', value: 'on|off', preset: 'on', help: 'take a whole request body in before a worker is taken' },
  {
    name: 'response-buffering',
    value: 'on|off',
    preset: 'on',
    help: 'free the worker before a slow client has taken its answer',
  },
  { name: 'temp-dir', value: 'DIR', takes: 'directory', preset: "the system's", help: 'for bodies that do not fit in memory' },
  { name: 'header-timeout', value: 'TIME', preset: '60s', help: 'for a client to send the head of a request' },
  { name: 'body-timeout', value: 'TIME', preset: '60s', help: 'for a client to send some of its body' },
  { name: 'client-send-timeout', value: 'TIME', preset: '60s', help: 'for a client to take some of its answer' },
  { name: 'client-keepalive', value: 'TIME', preset: '75s', help: 'how long a client connection may be idle' },
  {
    name: 'trusted-proxy',
    value: 'WHO',
    repeatable: true,
    help: 'a proxy in front that is believed when it says who the client is: an address, a network (10.0.0.0/8) or unix',
  },
  {
    name: 'health-path',
    value: 'PATH|off',
    preset: 'off',
    help: 'answered on the public listeners: 200 while the process serves, 503 while it stops',
  },
  {
    name: 'access-log',
    value: '-|FILE|off',
    preset: '-',
    help: 'one line a request; also syslog:HOST:PORT or syslog:unix:/dev/log, with ,facility=local7,severity=info,tag=fcgi_lb',
  },
  {
    name: 'access-log-format',
    value: 'FORMAT',
    takes: ['json', 'pretty', 'combined'],
    preset: 'as --log-format',
    help: "json, pretty, combined, or text with nginx's variables: '$remote_addr \"$request\" $status $upstream_response_time'",
  },
  {
    name: 'log-level',
    value: 'LEVEL',
    takes: ['debug', 'info', 'warn', 'error'],
    preset: 'info',
    help: 'debug, info, warn or error; the log goes to standard error',
  },
  { name: 'log-format', value: 'json|pretty', preset: 'pretty on a terminal', help: 'of both logs' },
  { name: 'shutdown-timeout', value: 'TIME', preset: '30s', help: 'for a graceful stop' },
  { name: 'upgrade-timeout', value: 'TIME', preset: '60s', help: 'for a successor to be ready' },
  { name: 'version', help: 'print the version and exit' },
  { name: 'help', help: 'print this help and exit' },
] as const satisfies readonly Option[];

export type OptionName = (typeof SERVE_OPTIONS)[number]['name'];

/**
 * What may be said beside `--config`, and wins over the file: the program as a whole, not its pools
 * and routes.
 */
export const FILE_OPTIONS = [
  'listen',
  'admin',
  'trusted-proxy',
  'health-path',
  'admin-token-file',
  'max-header',
  'temp-dir',
  'header-timeout',
  'body-timeout',
  'client-send-timeout',
  'client-keepalive',
  'access-log',
  'access-log-format',
  'log-level',
  'log-format',
  'shutdown-timeout',
  'upgrade-timeout',
] as const satisfies readonly OptionName[];

/** Each is a file in this directory. */
export const COMMANDS = [
  'serve',
  'check',
  'status',
  'top',
  'drain',
  'undrain',
  'enable',
  'disable',
  'weight',
  'reload',
  'upgrade',
  'alert-test',
  'units',
  'completion',
] as const;
export type CommandName = (typeof COMMANDS)[number];

/** What the words ask for; without a command that is to serve. */
export function commandOf(words: readonly string[]): CommandName {
  return COMMANDS.find((name) => name === words[0]) ?? 'serve';
}

export interface CommandLine {
  readonly command: 'serve';
  readonly options: ReadonlyMap<OptionName, readonly string[]>;
}

/**
 * Reads the words of `fcgi-lb [serve]`.
 * @throws ConfigError with one message that names the word at fault
 */
export function readCommandLine(words: readonly string[]): CommandLine {
  return { command: 'serve', options: readOptions(words, SERVE_OPTIONS, 'serve') };
}

/**
 * Reads the words of one command by its table of options.
 * @param operand takes the words that belong to no option; without it there must be none
 * @throws ConfigError with one message that names the word at fault
 */
export function readOptions<const T extends readonly Option[]>(
  words: readonly string[],
  table: T,
  command: CommandName,
  operand?: (word: string) => void,
): ReadonlyMap<T[number]['name'], readonly string[]> {
  type Name = T[number]['name'];
  const { tokens } = parseArgs({
    args: [...words],
    options: Object.fromEntries(
      table.map((option) => [option.name, { type: option.value === undefined ? 'boolean' : 'string', multiple: true }] as const),
    ),
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const options = new Map<Name, string[]>();
  let collecting: string[] | undefined;
  for (const token of tokens) {
    if (token.kind === 'option') {
      const option = knownOption(table, token.name, token.rawName, command);
      const name: Name = option.name;
      if (option.value === undefined && token.value !== undefined)
        throw new ConfigError(`option ${token.rawName} takes no value`);
      if (option.value !== undefined && (token.value === undefined || (!token.inlineValue && token.value.startsWith('--')))) {
        throw new ConfigError(`option ${token.rawName} needs a value: ${option.value}`);
      }
      const values = options.get(name) ?? [];
      if (values.length > 0 && option.repeatable === undefined) throw new ConfigError(`option ${token.rawName} is given twice`);
      values.push(token.value ?? 'on');
      options.set(name, values);
      collecting = option.words ? values : undefined;
    } else if (token.kind === 'positional') {
      if (collecting !== undefined) collecting.push(token.value);
      else if (token.index === 0 && token.value === command) continue;
      else if (token.index === 0) throw new ConfigError(`unknown command '${token.value}'; expected ${COMMANDS.join(', ')}`);
      else if (operand !== undefined) operand(token.value);
      else throw new ConfigError(`unexpected word '${token.value}'`);
    }
  }
  return options;
}

function knownOption(table: readonly Option[], name: string, rawName: string, command: CommandName): Option {
  const found = table.find((option) => option.name === name);
  const help = command === 'serve' ? '--help' : `${command} --help`;
  if (found === undefined) throw new ConfigError(`unknown option ${rawName}; see fcgi-lb ${help}`);
  return found;
}

/** One line for each option of a table. */
export function optionRows(table: readonly Option[]): readonly string[] {
  return table.map((option) => {
    const left = `  --${option.name}${option.value === undefined ? '' : ` ${option.value}`}`;
    const preset = option.preset === undefined ? '' : ` (default: ${option.preset})`;
    return `${left.padEnd(32)}${option.help}${preset}`;
  });
}

export function helpText(): string {
  return [
    'fcgi-lb: an HTTP front end and load balancer for FastCGI workers.',
    '',
    "Usage: fcgi-lb [serve] --upstream '/run/rt*.sock' [options]",
    '       fcgi-lb [serve] --config fcgi-lb.yaml [options]',
    '       fcgi-lb check --config fcgi-lb.yaml',
    '       fcgi-lb status | top | drain UPSTREAM | undrain UPSTREAM | enable UPSTREAM | disable UPSTREAM |',
    '               weight UPSTREAM N | reload | upgrade                    talk to the one that runs',
    '       fcgi-lb alert-test                                               try whether alerts arrive',
    '       fcgi-lb units --name rt --exec /opt/rt5/sbin/rt-server.fcgi',
    '       fcgi-lb completion bash | zsh | fish',
    '',
    ...optionRows(SERVE_OPTIONS),
    '',
    `Beside --config: ${FILE_OPTIONS.map((name) => `--${name}`).join(', ')}. They win over the file.`,
    'Times: 500ms, 30s, 5m, 1h. Sizes: bytes, or 64k, 100m, 1g.',
    'Signals: TERM, INT and QUIT stop gracefully, a second one at once; HUP reloads; USR1 reopens the access log;',
    'USR2 starts a successor from the files now on disk and hands everything over to it.',
    'fcgi-lb COMMAND --help says more of a command.',
    '',
  ].join('\n');
}
