// Opens what logs are written to so that a write never waits for a reader: files, FIFOs, standard
// output and standard error.

import { constants, fstatSync, open, openSync } from 'node:fs';
import { isatty } from 'node:tty';
import { systemCode } from '../core/errors.ts';
import type { LogOutput } from './line-writer.ts';

const { O_WRONLY, O_RDWR, O_CREAT, O_APPEND, O_NONBLOCK, O_NOCTTY } = constants;
const FLAGS = O_APPEND | O_NONBLOCK | O_NOCTTY;
const MODE = 0o666;

/**
 * A file, made if it is not there, or a FIFO, which needs no reader.
 * @throws Error (Node system error)
 */
export function openLogFile(path: string): LogOutput {
  try {
    return { fd: openSync(path, O_WRONLY | O_CREAT | FLAGS, MODE), own: true };
  } catch (error) {
    // A FIFO without a reader. Opened for both it has one, and keeps what is written for a reader
    // to come.
    if (systemCode(error) !== 'ENXIO') throw error;
    return { fd: openSync(path, O_RDWR | FLAGS), own: true };
  }
}

/** The same in the background, for while requests are served. */
export function openLogFileLater(path: string, done: (error: Error | null, output: LogOutput | undefined) => void): void {
  const opened = (error: Error | null, fd: number): void => done(error, error === null ? { fd, own: true } : undefined);
  open(path, O_WRONLY | O_CREAT | FLAGS, MODE, (error, fd) => {
    if (systemCode(error) === 'ENXIO') open(path, O_RDWR | FLAGS, opened);
    else opened(error, fd);
  });
}

/**
 * Standard output (1) or standard error (2). A pipe or a terminal is opened once more, since being
 * non-blocking is a property that all who have inherited the descriptor share: other programs do
 * not expect it, and one that ends switches it off.
 */
export function standardOutput(fd: 1 | 2): LogOutput {
  const inherited = { fd, own: false };
  try {
    const stats = fstatSync(fd);
    if (stats.isFIFO() || isatty(fd)) {
      return { fd: openSync(`/proc/self/fd/${fd}`, O_WRONLY | FLAGS), own: true };
    }
    if (stats.isSocket()) makeNonBlocking(fd);
  } catch {
    // No /proc, or the pipe belongs to another user.
    makeNonBlocking(fd);
  }
  return inherited;
}

/**
 * A socket cannot be opened once more, but Node makes it non-blocking when it makes a stream of it.
 */
function makeNonBlocking(fd: 1 | 2): void {
  void (fd === 1 ? process.stdout : process.stderr).writable;
}
