// The man page: made of the tables from which the words of each command are read, with what they do
// not say added here.

import { type Command, usageOf, written } from '../src/cli/command.ts';
import { ALL_COMMANDS } from '../src/cli/commands.ts';
import { FILE_OPTIONS, type Option } from '../src/cli/options/table.ts';

/** Of the text that is written here; the tables change without it. */
const DATE = '2026-11-21';

const SIGNALS: Readonly<Record<string, string>> = {
  'TERM, INT, QUIT':
    'Stop gracefully: nothing more is accepted, and what runs is finished, at most for --shutdown-timeout. A second one ends at once.',
  HUP: 'Read the configuration again. When there is any problem nothing changes, and the log has it.',
  USR1: 'Open the file of the access log anew, after it has been moved away.',
  USR2: 'Start a successor from the files now on disk, which takes over every listener. If it fails this process serves on.',
};

const FILES: Readonly<Record<string, string>> = {
  '/run/fcgi-lb.sock': 'The admin listener of a program of root, unless --admin says something else. Its mode is 0600.',
  '$XDG_RUNTIME_DIR/fcgi-lb.sock': 'The same for another user.',
  'config/schema.json': 'In the package: the schema of the configuration file, for editors.',
  'docs/':
    'In the package: the whole documentation. configuration.md explains each key of the configuration file, errors.md each error code.',
};

const ENVIRONMENT: Readonly<Record<string, string>> = {
  XDG_RUNTIME_DIR: 'Where the unix socket of the admin listener is, for all users but root.',
  NO_COLOR: 'When it is set and not empty, status and top show no colours.',
  NODE_EXTRA_CA_CERTS: 'A file of certificate authorities by which https:// upstreams are verified, too.',
  'LISTEN_FDS, LISTEN_FDNAMES, NOTIFY_SOCKET, WATCHDOG_USEC': 'Set by systemd for the services that it starts.',
};

const EXIT_CODES: Readonly<Record<string, string>> = {
  0: 'Stopped gracefully; a command has done what it was asked to do.',
  1: 'It cannot run (a port in use, no permission); the file that was checked or reloaded has problems; nothing answers at the admin listener.',
  2: 'The words, or the configuration, make no sense, or there is no such upstream or pool.',
  3: 'The running program does not permit what was asked: no token, or a wrong one.',
};

const EXAMPLES: Readonly<Record<string, string>> = {
  'All workers whose sockets match, now and later:': "fcgi-lb --upstream '/run/rt*.sock' --listen 127.0.0.1:8080",
  'PHP with php-fpm:': 'fcgi-lb --upstream /run/php/php8.2-fpm.sock --root /srv/www --php',
  'Replace one worker without failing a request:':
    'fcgi-lb drain rt1.sock --wait && systemctl restart rt-fastcgi@1 && fcgi-lb undrain rt1.sock',
  'Take up a changed configuration, if it is right:': 'fcgi-lb check --config fcgi-lb.yaml && fcgi-lb reload',
};

/** @param version of the package */
export function manPage(version: string): string {
  const serve = ALL_COMMANDS.filter(({ name }) => name === 'serve');
  const others = ALL_COMMANDS.filter(({ name }) => name !== 'serve');
  const lines = [
    '.\\" Made by: npm run generate',
    `.TH FCGI\\-LB 1 ${DATE} "fcgi\\-lb ${version}" "User Commands"`,
    // Words of options are not to be broken, nor lines stretched.
    '.nh',
    '.ad l',
    '.SH NAME',
    'fcgi\\-lb \\- HTTP front end and load balancer for FastCGI workers',
    '.SH SYNOPSIS',
    ...ALL_COMMANDS.flatMap((command, index) => [...(index === 0 ? [] : ['.br']), ...synopsis(command)]),
    '.SH DESCRIPTION',
    filled(
      'It takes HTTP requests and speaks FastCGI to a pool of workers behind unix sockets or TCP ports. Each request goes to a worker that is really free; the others wait in one queue. Workers may die, restart, come and go meanwhile, and so may its own configuration and version.',
    ),
    '.SH OPTIONS',
    filled('Without a command, or with serve:'),
    ...serve.flatMap(({ options }) => options.flatMap(optionLines)),
    '.PP',
    filled(`Beside --config: ${FILE_OPTIONS.map((name) => `--${name}`).join(', ')}. They win over the file.`),
    '.PP',
    filled('Times are written as 500ms, 30s, 5m or 1h, sizes in bytes or as 64k, 100m or 1g.'),
    '.SH COMMANDS',
    ...others.flatMap(commandLines),
    '.SH SIGNALS',
    ...definitions(SIGNALS),
    '.SH EXIT STATUS',
    ...definitions(EXIT_CODES),
    '.SH FILES',
    ...definitions(FILES),
    '.SH ENVIRONMENT',
    ...definitions(ENVIRONMENT),
    '.SH EXAMPLES',
    ...Object.entries(EXAMPLES)
      .flatMap(([what, command]) => [filled(what), '.PP', '.RS 4', '.nf', text(command), '.fi', '.RE', '.PP'])
      .slice(0, -1),
    '.SH SEE ALSO',
    '.BR systemd.socket (5),',
    '.BR nginx (8),',
    '.BR php\\-fpm8.2 (8)',
  ];
  return `${lines.join('\n')}\n`;
}

function synopsis(command: Command): readonly string[] {
  return usageOf(command).flatMap((line, index) => [...(index === 0 ? [] : ['.br']), filled(line)]);
}

function commandLines(command: Command): readonly string[] {
  const { name, options, about, exit } = command;
  return [
    `.SS ${text(name)}`,
    ...synopsis(command),
    ...about.flatMap((line) => ['.PP', filled(line)]),
    ...options.flatMap(optionLines),
    '.PP',
    filled(`Exit status: ${exit}`),
  ];
}

function optionLines(option: Option): readonly string[] {
  const { help, preset, repeatable } = option;
  const more = [...(preset === undefined ? [] : [`Default: ${preset}.`]), ...(repeatable ? ['May be given several times.'] : [])];
  return ['.TP', `.B ${text(written(option))}`, filled([sentence(help), ...more].join(' '))];
}

function definitions(table: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(table).flatMap(([term, meaning]) => ['.TP', `.B ${text(term)}`, filled(meaning)]);
}

function sentence(help: string): string {
  const start = /^[a-z]+[ ,:]/.test(help) ? help.charAt(0).toUpperCase() + help.slice(1) : help;
  return /[.)]$/.test(start) ? start : `${start}.`;
}

/** Source lines of at most this length, as tools for man pages expect. */
const LONGEST = 80;

/**
 * Text as roff takes it: nothing in it a request or an escape, and a hyphen that can be copied
 * where it is a minus.
 */
function text(line: string): string {
  return line
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll("'", '\\(aq')
    .replaceAll('"', '\\(dq')
    .replaceAll('~', '\\(ti')
    .replaceAll('^', '\\(ha')
    .replaceAll('`', '\\(ga')
    .replace(/^\./, '\\&.');
}

/** A paragraph, in several lines of source; roff fills them again. */
function filled(paragraph: string): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text(paragraph).split(' ')) {
    if (line !== '' && line.length + 1 + word.length > LONGEST) {
      lines.push(line);
      line = '';
    }
    // At the start of a line a dot would make it a request.
    line = line === '' ? word.replace(/^\./, '\\&.') : `${line} ${word}`;
  }
  return [...lines, line].join('\n');
}
