// A directory for the sockets and files of one test, short enough for the path limit of unix
// sockets, removed afterwards.

import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** What the names of this process's directories begin with. */
export const TEMP_PREFIX = `fl-${process.pid.toString(36)}-`;

/** Creates a directory that is removed when the current test is over. */
export function tempDir(): string {
  const path = mkdtempSync(join('/tmp', TEMP_PREFIX));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}
