// Ends a command of the operator's with everything that it has started.

import { systemCode } from './errors.ts';

/**
 * Sends KILL to a whole process group.
 * @param leader the pid of the process that was started `detached`; undefined when it could not be
 *   started
 */
export function killGroup(leader: number | undefined): void {
  if (leader === undefined) return;
  try {
    process.kill(-leader, 'SIGKILL');
  } catch (error) {
    // It has just ended.
    if (systemCode(error) !== 'ESRCH') throw error;
  }
}
