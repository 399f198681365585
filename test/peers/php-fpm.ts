// php-fpm for one test: its own configuration, its own socket, a fixed number of children.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { programPath } from '../support/program/programs.ts';
import { tempDir } from '../support/temp-dir.ts';
import { type Launched, launch } from './launch.ts';

/** The scripts of test/peers/php. */
export const PHP_ROOT = join(import.meta.dirname, 'php');

export interface PhpFpmOptions {
  readonly children?: number;
  /** Where it answers `pong` by itself. */
  readonly pingPath?: string;
  /** cgi.fix_pathinfo, which some switch off; PHP's default is on. */
  readonly fixPathinfo?: boolean;
}

/** Runs as whoever runs the tests, root included. */
export function startPhpFpm({ children = 2, pingPath, fixPathinfo = true }: PhpFpmOptions = {}): Promise<Launched> {
  const dir = tempDir();
  const socket = join(dir, 'php.sock');
  const root = process.getuid?.() === 0;
  const config = [
    '[global]',
    `error_log = ${dir}/fpm.log`,
    'daemonize = no',
    '[tests]',
    ...(root ? ['user = root', 'group = root'] : []),
    `listen = ${socket}`,
    'listen.backlog = 511',
    'pm = static',
    `pm.max_children = ${children}`,
    ...(pingPath === undefined ? [] : [`ping.path = ${pingPath}`]),
    'php_admin_value[error_log] =',
    'php_admin_flag[log_errors] = on',
    'php_admin_flag[display_errors] = off',
    'php_admin_flag[html_errors] = off',
    'php_admin_value[output_buffering] = 0',
    'php_admin_value[post_max_size] = 0',
    `php_admin_value[sys_temp_dir] = ${dir}`,
    '',
  ];
  const configFile = join(dir, 'php-fpm.conf');
  writeFileSync(configFile, config.join('\n'));
  // -n: the machine's php.ini must not decide what the tests see.
  const words = ['-n', '-d', `cgi.fix_pathinfo=${fixPathinfo ? 1 : 0}`, '-F', '-y', configFile, ...(root ? ['-R'] : [])];
  return launch(programPath('php-fpm'), words, { socket });
}
