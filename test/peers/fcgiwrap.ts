// Starts fcgiwrap for one test: it runs a CGI script for every request.

import { join } from 'node:path';
import { programPath } from '../support/program/programs.ts';
import { tempDir } from '../support/temp-dir.ts';
import { type Launched, launch } from './launch.ts';

/** The path of a script of test/peers/cgi. */
export function cgiScript(name: string): string {
  return join(import.meta.dirname, 'cgi', name);
}

/**
 * One fcgiwrap process; -f: what the script writes to its standard error comes as STDERR records.
 */
export function startFcgiwrap(): Promise<Launched> {
  const socket = join(tempDir(), 'wrap.sock');
  return launch(programPath('fcgiwrap'), ['-f', '-s', `unix:${socket}`], { socket });
}
