// Says which real programs this machine has; a test that needs a missing one is skipped and says
// so, or fails in CI.

import { execFileSync } from 'node:child_process';
import { accessSync, constants, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { it } from 'vitest';

interface Requirement {
  /** Debian packages that bring it. */
  readonly packages: string;
  readonly present: () => boolean;
}

/** What is asked once and stays as it is for the life of a process. */
const answers = new Map<string, boolean>();

const REQUIREMENTS = {
  'php-fpm': { packages: 'php8.2-fpm', present: () => findPhpFpm() !== undefined },
  libfcgi: { packages: 'libfcgi-dev gcc libc6-dev', present: () => runs('cc', '-E', '-include', 'fcgiapp.h', '/dev/null') },
  'perl FCGI': { packages: 'libfcgi-perl', present: () => runs('perl', '-MFCGI', '-e', '1') },
  'perl FCGI::ProcManager': {
    packages: 'libfcgi-procmanager-perl',
    present: () => runs('perl', '-MFCGI::ProcManager', '-e', '1'),
  },
  'spawn-fcgi': { packages: 'spawn-fcgi', present: () => findProgram('spawn-fcgi') !== undefined },
  fcgiwrap: { packages: 'fcgiwrap', present: () => findProgram('fcgiwrap') !== undefined },
  nginx: { packages: 'nginx', present: () => findProgram('nginx') !== undefined },
  systemd: {
    packages: 'systemd',
    present: () => ['analyze', 'notify', 'socket-activate'].every((name) => findProgram(`systemd-${name}`) !== undefined),
  },
  chromium: { packages: 'chromium', present: () => findProgram('chromium') !== undefined },
  logrotate: { packages: 'logrotate', present: () => findProgram('logrotate') !== undefined },
  mandoc: { packages: 'mandoc', present: () => findProgram('mandoc') !== undefined },
  groff: { packages: 'groff-base', present: () => findProgram('groff') !== undefined },
  zsh: { packages: 'zsh', present: () => findProgram('zsh') !== undefined },
  fish: { packages: 'fish', present: () => findProgram('fish') !== undefined },
  /** A pseudo-terminal, in which bash runs what the test wants. */
  script: { packages: 'bsdutils bash', present: () => runs('script', '--version') && findProgram('bash') !== undefined },
  logger: { packages: 'bsdutils', present: () => findProgram('logger') !== undefined },
  bash: { packages: 'bash', present: () => findProgram('bash') !== undefined },
  /** With what the sockets and the clock of systemd are read by. */
  perl: { packages: 'perl', present: () => runs('perl', '-MIO::Socket::UNIX', '-MTime::HiRes', '-e', '1') },
  openssl: { packages: 'openssl', present: () => findProgram('openssl') !== undefined },
} as const satisfies Record<string, Requirement>;

export type ProgramName = keyof typeof REQUIREMENTS;

/** What `it` is called with. */
export type ProgramTest = (name: string, run: () => Promise<void> | void) => void;

/**
 * `it` for tests that need these programs. Without them the test is skipped and standard error says
 * what is missing; in CI, where everything is installed, it fails instead: a skipped test is a
 * check that did not happen.
 */
export function itWith(...names: readonly ProgramName[]): ProgramTest {
  const missing = names.filter((name) => !hasProgram(name));
  if (missing.length === 0) return (name, run) => it(name, run);
  const packages = missing.map((name) => REQUIREMENTS[name].packages).join(' ');
  return itWithout(`not installed: ${missing.join(', ')} (on Debian: apt-get install ${packages})`);
}

/** `it` for tests that mount a file system of their own, which root may, in most containers too. */
export function itWithMount(): ProgramTest {
  // In a mount namespace that ends with the command.
  const allowed = runs('unshare', '--mount', 'mount', '-t', 'tmpfs', 'tmpfs', '/tmp');
  return allowed ? (name, run) => it(name, run) : itWithout('not allowed: to mount a file system (run the tests as root)');
}

/** @param reason what this machine does not have */
function itWithout(reason: string): ProgramTest {
  if ((process.env['CI'] ?? '') !== '') {
    return (name) =>
      it(name, () => {
        throw new Error(reason);
      });
  }
  return (name, run) => {
    process.stderr.write(`skipped: ${name}: ${reason}\n`);
    it.skip(name, run);
  };
}

/** Whether this machine has it. */
export function hasProgram(name: ProgramName): boolean {
  let answer = answers.get(name);
  if (answer === undefined) {
    answer = REQUIREMENTS[name].present();
    answers.set(name, answer);
  }
  return answer;
}

/**
 * The path of a program of that name.
 * @throws Error when there is none
 */
export function programPath(name: string): string {
  const path = name === 'php-fpm' ? findPhpFpm() : findProgram(name);
  if (path === undefined) throw new Error(`${name} is not installed`);
  return path;
}

/** Debian installs php-fpm under its version's name, such as php-fpm8.2; the newest is taken. */
function findPhpFpm(): string | undefined {
  return findProgram(/^php-fpm(?:\d+(?:\.\d+)?)?$/);
}

function findProgram(name: string | RegExp): string | undefined {
  // Servers live in sbin, which is not in the PATH of ordinary users.
  const directories = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin'];
  for (const directory of directories.filter((path) => path !== '')) {
    const names = typeof name === 'string' ? [name] : namesIn(directory).filter((entry) => name.test(entry));
    const paths = names.sort().reverse();
    const found = paths.map((entry) => join(directory, entry)).find(isExecutable);
    if (found !== undefined) return found;
  }
  return undefined;
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function runs(command: string, ...words: readonly string[]): boolean {
  try {
    execFileSync(command, words, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
