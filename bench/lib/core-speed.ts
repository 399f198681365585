// How fast a core of this machine is at the moment: of a virtual one, half may belong to somebody
// else without any counter showing it.

import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { needProgram, output } from './command.ts';
import type { Scope } from './scope.ts';

/**
 * Compiles the probe; calling the result runs it, for 30 ms.
 * @returns additions a nanosecond, see core-speed.c
 * @throws Error when there is no compiler
 */
export async function compileCoreSpeed(scope: Scope): Promise<() => Promise<number>> {
  const program = join(scope.directory(), 'core-speed');
  const source = fileURLToPath(new URL('core-speed.c', import.meta.url));
  await output(scope, { program: needProgram('cc', 'gcc'), words: ['-O2', '-o', program, source] });
  return async () => Number(await output(scope, { program, words: [] }));
}
