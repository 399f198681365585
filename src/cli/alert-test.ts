// `fcgi-lb alert-test`: has the running program send a test message to every target of its alerts,
// and prints each answer.

import { AdminError } from '../admin/client.ts';
import type { AlertTestStatus } from '../admin/status.ts';
import { ADMIN_OPTION, adminClient, errorIn, HELP_OPTION, TOKEN_OPTION } from './admin.ts';
import { type Command, readCommand } from './command.ts';

export const ALERT_TEST = {
  name: 'alert-test',
  summary: 'try whether alerts arrive',
  options: [ADMIN_OPTION, TOKEN_OPTION, HELP_OPTION],
  about: ['The running program sends a test message to each target of its alerts, once, and says what became of it.'],
  exit: '0 when every target has it, 1 when one has not, when there is none, or when the program does not answer, 2 when the options make no sense, 3 when it is not permitted.',
} as const satisfies Command;

/**
 * @returns 0 when every target has the message, else 1
 * @throws ConfigError when the words make no sense; AdminError when the program cannot be asked
 */
export async function alertTest(words: readonly string[]): Promise<0 | 1> {
  const read = readCommand(words, ALERT_TEST);
  if (read === undefined) return 0;
  const { status, body } = await adminClient(read.options, 'alert-test').ask('POST', '/alerts/test');
  if (status !== 200 && status !== 422) throw new AdminError(errorIn(body, status));
  const { targets } = body as AlertTestStatus;
  if (targets.length === 0) process.stderr.write("fcgi-lb: the configuration names nobody to tell ('alerts: targets:')\n");
  for (const { target, delivered, said } of targets) {
    process.stdout.write(`${target}: ${delivered ? 'delivered' : 'NOT delivered'}: ${said}\n`);
  }
  return status === 200 ? 0 : 1;
}
