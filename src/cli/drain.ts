// `fcgi-lb drain`: an upstream gets nothing more and finishes what it holds; with --wait, the
// command ends when it has.

import type { AdminClient } from '../admin/client.ts';
import type { Status, UpstreamStatus } from '../admin/status.ts';
import type { UpstreamRef } from '../admin/upstream-name.ts';
import { pause } from '../core/clock.ts';
import { ADMIN_OPTION, adminClient, askStatus, HELP_OPTION, POOL_OPTION, TOKEN_OPTION } from './admin.ts';
import { type Command, readCommand } from './command.ts';
import { requestAction, UPSTREAM_ABOUT, UPSTREAM_OPERAND } from './upstream-ref.ts';

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

/** ms between two polls of what still runs. */
const POLL_INTERVAL = 200;

/**
 * @returns 0 when it drains, or with --wait has drained; 1 when it was undrained meanwhile
 * @throws ConfigError when the words make no sense; AdminError when the program cannot be asked
 */
export async function drain(words: readonly string[]): Promise<0 | 1> {
  const read = readCommand(words, DRAIN);
  if (read === undefined) return 0;
  const { options, operands } = read;
  const client = adminClient(options, 'drain');
  const { pool, upstream } = await requestAction(client, { verb: 'drain' }, operands[0] ?? '', options.get('pool')?.[0]);
  if (options.has('wait')) return untilIdle(client, { pool, upstream: upstream.name });
  process.stdout.write(`${upstream.name} in pool ${pool} is draining; ${upstream.in_flight} in flight\n`);
  return 0;
}

async function untilIdle(client: AdminClient, ref: UpstreamRef): Promise<0 | 1> {
  for (;;) {
    const found = entriesFor(await askStatus(client), ref);
    if (found.some(({ leaving, state }) => !leaving && state.is !== 'draining')) {
      process.stderr.write(`fcgi-lb: ${ref.upstream} in pool ${ref.pool} is no longer draining: somebody took it back\n`);
      return 1;
    }
    if (found.every(({ in_flight }) => in_flight === 0)) break;
    await pause(POLL_INTERVAL);
  }
  process.stdout.write(`${ref.upstream} in pool ${ref.pool} is drained\n`);
  return 0;
}

/** All that run at that address in that pool, those that have left it included. */
function entriesFor(status: Status, { pool, upstream }: UpstreamRef): readonly UpstreamStatus[] {
  return status.pools.flatMap((each) => (each.name === pool ? each.upstreams.filter(({ name }) => name === upstream) : []));
}
