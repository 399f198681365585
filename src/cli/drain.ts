// `fcgi-lb drain`: an upstream gets nothing more and finishes what it holds; with --wait, comes
// back when it has.

import type { AdminClient } from '../admin/client.ts';
import { pause } from '../core/clock.ts';
import { ADMIN_OPTION, adminClient, askStatus, HELP_OPTION, POOL_OPTION, TOKEN_OPTION } from './admin.ts';
import { type Command, readCommand } from './command.ts';
import { entriesFor, requestAction, UPSTREAM_ABOUT, UPSTREAM_OPERAND, type UpstreamRef } from './upstream-ref.ts';

export const DRAIN = {
  name: 'drain',
  summary: 'have an upstream finish what it has and get nothing more',
  operands: [UPSTREAM_OPERAND],
  options: [
    { name: 'wait', help: 'come back when nothing runs there any more' },
    POOL_OPTION,
    ADMIN_OPTION,
    TOKEN_OPTION,
    HELP_OPTION,
  ],
  about: [
    `${UPSTREAM_ABOUT} It gets no new requests and finishes those it has.`,
    'Ctrl-C while it waits leaves it draining; fcgi-lb undrain takes it back.',
  ],
  exit: '0 when it drains (with --wait: when nothing runs there), 1 when the program does not answer, or with --wait when somebody undrained it, 2 when there is no such upstream, 3 when it is not permitted.',
} as const satisfies Command;

/** ms between two looks at what still runs. */
const LOOK_EVERY = 200;

/**
 * @returns 0 when it drains, or with --wait has drained; 1 when somebody undrained it meanwhile
 * @throws ConfigError when the words make no sense; AdminError when the program cannot be asked
 */
export async function drain(words: readonly string[]): Promise<0 | 1> {
  const read = readCommand(words, DRAIN);
  if (read === undefined) return 0;
  const { options, operands } = read;
  const client = adminClient(options, 'drain');
  const meant = await requestAction(client, { verb: 'drain' }, operands[0], options.get('pool')?.[0]);
  if (options.has('wait')) return untilIdle(client, meant);
  const inFlight = runningAt(entriesFor(await askStatus(client), meant));
  process.stdout.write(`${meant.upstream} in pool ${meant.pool} is draining; ${inFlight} in flight\n`);
  return 0;
}

async function untilIdle(client: AdminClient, meant: UpstreamRef): Promise<0 | 1> {
  for (;;) {
    const found = entriesFor(await askStatus(client), meant);
    if (found.some(({ leaving, state }) => !leaving && state.is !== 'draining')) {
      process.stderr.write(`fcgi-lb: ${meant.upstream} in pool ${meant.pool} is no longer draining: somebody took it back\n`);
      return 1;
    }
    if (runningAt(found) === 0) break;
    await pause(LOOK_EVERY);
  }
  process.stdout.write(`${meant.upstream} in pool ${meant.pool} is drained\n`);
  return 0;
}

function runningAt(found: readonly { readonly in_flight: number }[]): number {
  return found.reduce((sum, { in_flight }) => sum + in_flight, 0);
}
