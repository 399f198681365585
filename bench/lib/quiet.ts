// Starts the process with many sockets whose workers answer at once.

import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Scope } from './scope.ts';

/**
 * @returns the directory of the sockets, `w0.sock` and so on
 * @throws Error when the workers end
 */
export async function startQuietWorkers(scope: Scope, count: number): Promise<string> {
  const folder = scope.directory();
  const program = fileURLToPath(new URL('quiet-workers.ts', import.meta.url));
  const running = await scope.start({
    program: process.execPath,
    words: ['--import', import.meta.resolve('tsx'), program, folder, String(count)],
  });
  const ready = once(running.child.stdout ?? running.child, 'data');
  const ended = once(running.child, 'exit').then(() => {
    throw new Error(`the workers have ended: ${running.stderr()}`);
  });
  ended.catch(() => undefined);
  await Promise.race([ready, ended]);
  return folder;
}
