// `fcgi-lb units`: prints systemd units for workers and for fcgi-lb, or writes them to a directory.

import { existsSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseCount } from '../config/quantity.ts';
import { type Address, parseAddress, unixAddress } from '../core/address.ts';
import { ConfigError, systemCode } from '../core/errors.ts';
import { type Command, readCommand } from './command.ts';
import { HELP_OPTION } from './options/help-option.ts';
import { installLines, type UnitFile, type UnitsSettings, unitFiles } from './unit-files.ts';

const UNITS_OPTIONS = [
  { name: 'name', value: 'NAME', help: 'of the application: its units are NAME-fastcgi@1.socket and so on' },
  { name: 'exec', value: 'CMD', help: "the worker's command line, in one word, beginning with an absolute path" },
  { name: 'instances', value: 'N', preset: '4', help: 'how many workers' },
  { name: 'socket', value: 'PATH', preset: '/run/NAME%i.sock', help: "the workers' sockets; %i is the number of the worker" },
  { name: 'user', value: 'USER', preset: 'www-data', help: 'whom the workers run as' },
  { name: 'group', value: 'GROUP', preset: 'that of the user', help: 'whose members may connect to the workers' },
  {
    name: 'listen',
    value: 'ADDR',
    takes: 'address',
    preset: '127.0.0.1:8080',
    help: 'where clients connect: IPV4:PORT, [IPV6]:PORT or unix:PATH',
  },
  { name: 'dir', value: 'DIR', takes: 'directory', help: 'write the files there instead of printing them' },
  HELP_OPTION,
] as const;

export const UNITS = {
  name: 'units',
  summary: 'print systemd units for workers and for fcgi-lb',
  usage: ["fcgi-lb units --name rt --exec '/opt/rt5/sbin/rt-server.fcgi' [options]"],
  options: UNITS_OPTIONS,
  about: ['Prints systemd units: a socket and a service template for the workers, and a socket and a service for fcgi-lb.'],
  exit: '0, or 2 when the options make no sense.',
} as const satisfies Command;

type UnitsOption = (typeof UNITS_OPTIONS)[number];
type Options = ReadonlyMap<UnitsOption['name'], readonly string[]>;

const SYSTEM_DIRECTORY = '/etc/systemd/system';
/** Numbers beyond it are a slip of the finger: each is a process. */
const MAX_INSTANCES = 1000;

/**
 * @param command how this fcgi-lb is run: the program and its first words
 * @returns 0 when everything is printed or written
 * @throws ConfigError when the words make no sense or a file is there already
 */
export function units(words: readonly string[], command: readonly string[]): 0 {
  const read = readCommand(words, UNITS);
  if (read === undefined) return 0;
  const { options } = read;
  const settings = unitsSettings(options, command);
  const files = unitFiles(settings);
  const [directory] = options.get('dir') ?? [];
  process.stdout.write(directory === undefined ? printed(files, settings) : written(files, resolve(directory), settings));
  return 0;
}

function unitsSettings(options: Options, command: readonly string[]): UnitsSettings {
  const one = (name: UnitsOption['name']): string | undefined => options.get(name)?.[0];
  const oneOrPreset = (name: WithPreset['name']): string => one(name) ?? presetOf(name);
  const name = matching('name', one('name'), /^[A-Za-z0-9_.-]+$/, 'letters, digits, _, . and -');
  const exec = matching('exec', one('exec'), /^\/[^\n\r]*$/, 'a command line that begins with an absolute path');
  const user = matching('user', oneOrPreset('user'), /^[A-Za-z0-9_.-]+$/, 'the name or number of a user');
  return {
    name,
    exec,
    instances: instances(oneOrPreset('instances')),
    socket: socket(one('socket') ?? presetOf('socket').replace('NAME', name)),
    user,
    group: matching('group', one('group') ?? user, /^[A-Za-z0-9_.-]+$/, 'the name or number of a group'),
    listen: listenAddress(oneOrPreset('listen')),
    command,
  };
}

type WithPreset = Extract<UnitsOption, { readonly preset: string }>;

/** The default that the help names. */
function presetOf(name: WithPreset['name']): string {
  return UNITS_OPTIONS.flatMap((option) => (option.name === name && 'preset' in option ? [option.preset] : []))[0] ?? '';
}

function matching(name: string, text: string | undefined, pattern: RegExp, expected: string): string {
  if (text === undefined) throw new ConfigError(`option --${name} is missing: expected ${expected}; see fcgi-lb units --help`);
  if (!pattern.test(text)) throw new ConfigError(`option --${name}: '${text}': expected ${expected}`);
  return text;
}

function instances(text: string): number {
  const count = parseCount(text, 1);
  if (count > MAX_INSTANCES) throw new ConfigError(`option --instances: at most ${MAX_INSTANCES}, not ${text}`);
  return count;
}

function socket(text: string): string {
  const path = matching('socket', text, /^\/[\w@+=:,./%-]*$/, 'an absolute path without spaces and wildcards');
  if (path.split('%').length !== 2 || !path.includes('%i')) {
    throw new ConfigError(`option --socket: '${text}': expected %i once, for the number of the worker`);
  }
  unixAddress(path.replace('%i', String(MAX_INSTANCES)));
  return path;
}

function listenAddress(text: string): Address {
  const address = parseAddress(text);
  if (address.kind === 'unix' && !/^\/[\w@+=:,./-]+$/.test(address.path)) {
    throw new ConfigError(`option --listen: '${text}': expected an absolute path without spaces and wildcards`);
  }
  if (address.kind === 'tcp' && !/^[\d.]+$|:/.test(address.host)) {
    throw new ConfigError(`option --listen: '${text}': systemd resolves no names; expected an IP address such as 127.0.0.1:8080`);
  }
  return address;
}

function printed(files: readonly UnitFile[], settings: UnitsSettings): string {
  const blocks = files.map(({ name, text }) => `# ${SYSTEM_DIRECTORY}/${name}\n${text}`);
  const intro = [
    '# Four files (--dir DIR writes them). When they are in place:',
    ...installLines(settings).map((line) => `#   ${line}`),
  ];
  return `${intro.join('\n')}\n\n${blocks.join('\n')}`;
}

function written(files: readonly UnitFile[], directory: string, settings: UnitsSettings): string {
  const paths = files.map(({ name }) => join(directory, name));
  const there = paths.filter((path) => existsSync(path));
  if (there.length > 0) {
    throw new ConfigError(`${there.join(', ')}: already there; remove what is to be written anew, or choose another --dir`);
  }
  try {
    for (const [index, { text }] of files.entries()) writeFileSync(paths[index] ?? '', text, { flag: 'wx', mode: 0o644 });
  } catch (error) {
    throw new ConfigError(
      `cannot write to '${directory}' (${systemCode(error) ?? String(error)}): expected a directory that can be written to`,
    );
  }
  const place = directory === SYSTEM_DIRECTORY ? [] : [`cp ${paths.join(' ')} ${SYSTEM_DIRECTORY}/`];
  return `${[...paths.map((path) => `wrote ${path}`), 'Now, as root:', ...[...place, ...installLines(settings)].map((line) => `  ${line}`)].join('\n')}\n`;
}
