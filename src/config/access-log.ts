// Where the access log goes, as the operator writes it: `-`, `off`, a path, or `syslog:` and where
// the syslog server is.

import { unixAddress } from '../core/address.ts';
import { ConfigError } from '../core/errors.ts';
import { suggestion } from './nearest.ts';

/** RFC 3164, table 1, by the names that syslog(3) gives them. */
const FACILITIES = [
  ...[
    'kern',
    'user',
    'mail',
    'daemon',
    'auth',
    'syslog',
    'lpr',
    'news',
    'uucp',
    'clock',
    'authpriv',
    'ftp',
    'ntp',
    'audit',
    'alert',
  ],
  ...['cron', 'local0', 'local1', 'local2', 'local3', 'local4', 'local5', 'local6', 'local7'],
] as const;
/** RFC 3164, table 2. */
const SEVERITIES = ['emerg', 'alert', 'crit', 'error', 'warn', 'notice', 'info', 'debug'] as const;
const USUAL_PORT = 514;

export interface SyslogTarget {
  readonly kind: 'syslog';
  readonly server:
    | { readonly kind: 'udp'; readonly host: string; readonly port: number }
    /** The socket of the machine's own syslog server. */
    | { readonly kind: 'unix'; readonly path: string };
  /** As syslog(3) names them. */
  readonly facility: string;
  readonly severity: string;
  /** RFC 3164's PRI, of both. */
  readonly priority: number;
  readonly tag: string;
  /** Whether messages say which machine they are from. */
  readonly hostname: boolean;
}

export type AccessLogTarget =
  | { readonly kind: 'off' }
  /** `-` is standard output. */
  | { readonly kind: 'file'; readonly path: string }
  | SyslogTarget;

/**
 * @param resolve makes a path absolute, where paths are relative to something
 * @throws ConfigError
 */
export function parseAccessLogTarget(text: string, resolve: (path: string) => string): AccessLogTarget {
  if (text === 'off') return { kind: 'off' };
  if (text.startsWith('syslog:')) return parseSyslog(text.slice('syslog:'.length));
  return { kind: 'file', path: text === '-' ? '-' : resolve(text) };
}

/**
 * `127.0.0.1:514,facility=local7,tag=rt`; nginx's `server=` in front of the address may be there.
 */
function parseSyslog(text: string): SyslogTarget {
  const [first = '', ...options] = text.split(',');
  const settings = { facility: 'local7', severity: 'info', tag: 'fcgi_lb' };
  let hostname = true;
  for (const option of options) {
    const equals = option.indexOf('=');
    const [name, value] = equals === -1 ? [option, ''] : [option.slice(0, equals), option.slice(equals + 1)];
    if (name === 'nohostname' && equals === -1) hostname = false;
    else if (name === 'facility' || name === 'severity' || name === 'tag') settings[name] = value;
    else {
      const names = ['facility', 'severity', 'tag', 'nohostname'];
      throw new ConfigError(
        `'${option}' after 'syslog:': expected facility=, severity=, tag= or nohostname${suggestion(name, names)}`,
      );
    }
  }
  const { facility, severity, tag } = settings;
  if (!/^[A-Za-z0-9_.-]{1,32}$/.test(tag))
    throw new ConfigError(`syslog tag '${tag}': expected 1 to 32 letters, digits, '_', '-' and '.'`);
  const priority = positionOf('facility', facility, FACILITIES) * 8 + positionOf('severity', severity, SEVERITIES);
  return { kind: 'syslog', server: parseServer(first.replace(/^server=/, '')), facility, severity, priority, tag, hostname };
}

function parseServer(text: string): SyslogTarget['server'] {
  if (text.startsWith('unix:')) {
    const path = text.slice('unix:'.length);
    if (!path.startsWith('/'))
      throw new ConfigError(`syslog server '${text}': expected an absolute path, as in syslog:unix:/dev/log`);
    unixAddress(path);
    return { kind: 'unix', path };
  }
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+))(?::(\d{1,5}))?$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3] ?? USUAL_PORT);
  if (host === undefined || port === 0 || port > 65_535) {
    throw new ConfigError(`syslog server '${text}': expected HOST, HOST:PORT, [IPV6]:PORT or unix:/PATH`);
  }
  return { kind: 'udp', host, port };
}

function positionOf(what: string, name: string, names: readonly string[]): number {
  const position = names.indexOf(name);
  if (position === -1)
    throw new ConfigError(`syslog ${what} '${name}' is not known; expected one of ${names.join(', ')}${suggestion(name, names)}`);
  return position;
}
